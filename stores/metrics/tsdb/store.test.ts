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
  it('joins blocks of different series, more than one frame of each', async () => {
    const harness = await makeStore()
    // Block b has the series that 2^b divides, some of all blocks, some of one.
    const blocks = 4
    for (let block = 0; block < blocks; block++) {
      const series = Array.from({ length: 1500 }, (_, i) => i).filter((i) => i % 2 ** block === 0 || i % 7 === block)
      await harness.store.append(
        encodeForTest(series.map((i) => [{ __name__: 'm', i: String(i) }, [[baseMs + block * 60_000, i]]])),
        block + 1,
      )
      await harness.store.seal()
    }
    const before = await harness.store.select(all)
    await harness.store.compact()
    expect((await harness.store.stats()).blocks).toBe(1)
    expect(await harness.store.select(all)).toEqual(before)
    expect(before.reduce((sum, { values }) => sum + values.length, 0)).toBe((await harness.store.stats()).samples)
    await harness.cleanUp()
  })

  it('loses no block to joining that goes on while others are written', async () => {
    const harness = await makeStore({ sealAfterMs: 600_000 })
    const count = 3000
    for (let i = 0; i < count; i++)
      await harness.store.append(encodeForTest([[{ __name__: 'm' }, [[baseMs - (count - i) * 60_000, i]]]]), i + 1)
    await harness.store.seal()
    await harness.store.compact()
    const [series] = await harness.store.select(all)
    expect(series!.values.length).toBe(count)
    await harness.cleanUp()
  })

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

  it('counts a malformed record and goes on with the next, so that it cannot stop the log', async () => {
    const harness = await makeStore()
    const good = encodeForTest([[{ __name__: 'm' }, [[baseMs, 1]]]])
    for (let length = 1; length < good.length; length++)
      expect((await harness.store.append(good.subarray(0, length), 1)).refused).toMatchObject({ malformed: 1 })
    expect((await harness.store.append(good, 2)).refused).toEqual({})
    expect((await harness.store.select(all)).map(({ values }) => [...values])).toEqual([[1]])
    await harness.cleanUp()
  })

  it('joins small blocks without changing an answer, and leaves out what was deleted', async () => {
    const harness = await makeStore()
    for (let i = 0; i < 200; i++) {
      const series = Array.from({ length: 7 }, (_, k): [Record<string, string>, [number, number][]] => [
        { __name__: `m${k % 3}`, host: `h${k}` },
        [[baseMs + i * 1000 + (k % 2), i * 0.25 + k]],
      ])
      await harness.store.append(encodeForTest(series), i + 1)
      if (i % 20 === 19) await harness.store.seal()
    }
    await harness.store.deleteSeries([{ name: 'host', op: '=', value: 'h3' }], baseMs + 50_000, baseMs + 60_000)
    const before = await harness.store.select(all)
    expect(before.find(({ labels }) => labels['host'] === 'h3')?.values.length).toBe(190)
    const blocks = (await harness.store.stats()).blocks
    await harness.store.compact()
    expect((await harness.store.stats()).blocks).toBeLessThan(blocks)
    expect(await harness.store.select(all)).toEqual(before)
    expect(await (await harness.reopen()).select(all)).toEqual(before)
    await harness.cleanUp()
  })

  it('limits the series of each source and says whose were refused', async () => {
    const harness = await makeStore({ seriesPerSourceMax: 2 })
    const write = (name: string, source: string) =>
      harness.store.append(encodeForTest([[{ __name__: name }, [[baseMs, 1]]]]), 1, source)
    for (const name of ['a', 'b']) await write(name, 'noisy')
    expect((await write('c', 'noisy')).refused).toEqual({ 'source-series-limit': 1 })
    expect((await write('d', 'quiet')).refused).toEqual({})
    const { sources, refused } = await harness.store.cardinality(10)
    expect(sources).toEqual([
      { name: 'noisy', value: 2 },
      { name: 'quiet', value: 1 },
    ])
    expect(refused).toEqual([{ name: 'noisy', value: 1 }])
    await harness.cleanUp()
  })

  it('does not seal again and again because one sample is a year old', async () => {
    const harness = await makeStore()
    await harness.store.append(encodeForTest([[{ __name__: 'old' }, [[baseMs - 31_536_000_000, 1]]]]), 1)
    for (let i = 0; i < 50; i++)
      await harness.store.append(encodeForTest([[{ __name__: 'm' }, [[baseMs + i * 1000, i]]]]), i + 2)
    await harness.store.seal()
    expect((await harness.store.stats()).blocks).toBeLessThanOrEqual(2)
    expect(await harness.store.select(all)).toHaveLength(2)
    await harness.cleanUp()
  })

  it('keeps its position when retention takes the last block', async () => {
    const harness = await makeStore()
    await harness.store.append(encodeForTest([[{ __name__: 'm' }, [[baseMs, 1]]]]), 77)
    await harness.store.seal()
    await harness.store.retain({ ageMs: 0, bytesMax: 0, nowMs: baseMs + 1 })
    expect(await (await harness.reopen()).position()).toBe(77)
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
