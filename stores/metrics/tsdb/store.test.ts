import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { metricStoreConformance } from '../conformance.ts'
import { encodeForTest } from '../testing.ts'
import { Tsdb, tsdbDefaults } from './store.ts'

const baseMs = 1_800_000_000_000
const all = {
  matchers: [{ name: '__name__', op: '=~' as const, value: '.+' }],
  fromMs: 0,
  toMs: 1e15,
  seriesMax: 1e4,
  samplesMax: 1e7,
}

async function makeStore(overrides: Partial<typeof tsdbDefaults> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-tsdb-'))
  const open = async () => {
    const store = new Tsdb(
      { ...tsdbDefaults, ...overrides, directory },
      { clock: new ManualClock(baseMs + 3_600_000), logger: silentLogger },
    )
    await store.open()
    return store
  }
  let store = await open()
  return {
    directory,
    store,
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    async cleanUp() {
      await store.close()
      await rm(directory, { recursive: true })
    },
  }
}

metricStoreConformance('the embedded store, from memory', () => makeStore())
metricStoreConformance('the embedded store, sealing every 40 samples', () => makeStore({ sealAfterSamples: 40 }))

describe('the embedded store', () => {
  it('answers the same from blocks as from memory', async () => {
    const harness = await makeStore()
    for (let i = 0; i < 500; i++) {
      const series = Array.from({ length: 5 }, (_, k): [Record<string, string>, [number, number][]] => [
        { __name__: `m${k}`, host: `h${k % 2}` },
        [[baseMs + i * 1000 + (i % 7), i * 1.5 + k]],
      ])
      await harness.store.append(encodeForTest(series), i + 1)
    }
    const before = await harness.store.select(all)
    await harness.store.seal()
    expect(await harness.store.durablePosition()).toBe(500)
    expect(await harness.store.select(all)).toEqual(before)
    const store = await harness.reopen()
    expect(await store.position()).toBe(500)
    expect(await store.select(all)).toEqual(before)
    await harness.cleanUp()
  })

  it('sets a damaged block aside, says so, and asks for nothing it does not have', async () => {
    const harness = await makeStore()
    await harness.store.append(encodeForTest([[{ __name__: 'm' }, [[baseMs, 1]]]]), 1)
    await harness.store.seal()
    const [name] = (await readdir(harness.directory)).filter((file) => file.endsWith('.block'))
    const bytes = await readFile(join(harness.directory, name!))
    bytes[bytes.length - 20]! ^= 1
    await writeFile(join(harness.directory, name!), bytes)
    const store = await harness.reopen()
    expect(await store.position()).toBe(0)
    expect(await readdir(join(harness.directory, 'quarantine'))).toEqual([name])
    await harness.cleanUp()
  })

  it('drops whole blocks by age and by size', async () => {
    const harness = await makeStore()
    for (let i = 0; i < 3; i++) {
      await harness.store.append(encodeForTest([[{ __name__: 'm' }, [[baseMs + i * 1_000_000, i]]]]), i + 1)
      await harness.store.seal()
    }
    await harness.store.retain({ ageMs: 1_500_000, bytesMax: 1e9, nowMs: baseMs + 2_000_000 })
    expect((await harness.store.select(all))[0]?.values).toEqual(Float64Array.of(1, 2))
    await harness.store.retain({ ageMs: 1e12, bytesMax: 0, nowMs: baseMs })
    expect(await harness.store.select(all)).toEqual([])
    await harness.cleanUp()
  })

  it('refuses malformed requests whole', async () => {
    const harness = await makeStore()
    const good = encodeForTest([[{ __name__: 'm' }, [[baseMs, 1]]]])
    for (let length = 1; length < good.length; length++) {
      await expect(harness.store.append(good.subarray(0, length), 1)).rejects.toThrow()
    }
    await harness.cleanUp()
  })

  it('refuses new series beyond the limit and keeps the old ones growing', async () => {
    const harness = await makeStore({ seriesMax: 2 })
    const write = (name: string, at: number) =>
      harness.store.append(encodeForTest([[{ __name__: name }, [[baseMs + at, 1]]]]), 1)
    await write('a', 0)
    await write('b', 0)
    expect((await write('c', 0)).refused).toEqual({ 'series-limit': 1 })
    expect((await write('a', 1)).appended).toBe(1)
    await harness.cleanUp()
  })
})
