import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import { silentLogger } from '#core/logger.ts'
import { describeEventStore } from '../conformance.ts'
import { event, testMs } from '../testing.ts'
import { createDuckEvents, type DuckEvents, type DuckEventsConfig, duckEventsDefaults } from './store.ts'
import { createThreadedEvents } from './thread.ts'

const make = (directory: string, config: Partial<DuckEventsConfig> = {}): DuckEvents =>
  createDuckEvents({ ...duckEventsDefaults, ...config, directory }, { clock: systemClock, logger: silentLogger })

describeEventStore('DuckDB', (directory) => make(directory))
describeEventStore('DuckDB in a thread of its own', (directory) =>
  createThreadedEvents({ ...duckEventsDefaults, directory }, { logger: silentLogger }),
)

describe('DuckDB', () => {
  let directory: string
  let store: DuckEvents
  const always = { fromMs: 0, toMs: testMs * 2 }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-events-'))
  })
  afterEach(async () => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  const batch = (from: number, count: number): Event[] =>
    Array.from({ length: count }, (_, i) =>
      event({ 'event.id': `e${from + i}`, '@timestamp': testMs + from + i, message: `line ${from + i}` }),
    )
  const files = async (): Promise<string[]> =>
    (await readdir(directory, { recursive: true })).filter(
      (name) => name.endsWith('.parquet') && !name.startsWith('quarantine'),
    )

  test('writes files while it is asked and written to, and loses and repeats nothing', async () => {
    store = make(directory, { hotRowsMax: 500, mergeParts: 3 })
    await store.open()
    let written = 0
    let wrong = 0
    const asking = (async () => {
      while (written < 20_000) {
        const before = written
        const count = await store.count('', always)
        await setImmediate()
        if (count < before) wrong++
      }
    })()
    for (let offset = 1; written < 20_000; offset++) {
      await store.append(batch(written, 100), offset)
      written += 100
      if (offset % 10 === 0) await store.tick()
    }
    await asking
    expect(wrong).toBe(0)
    expect(await store.count('', always)).toBe(20_000)
    await store.seal()
    await store.tick()
    expect((await files()).length).toBeLessThan(20)
    await store.close()
    store = make(directory)
    await store.open()
    expect(await store.count('', always)).toBe(20_000)
    expect(await store.verify()).toEqual([])
  })

  test('forgets after a crash only what the log has, and says where to go on', async () => {
    store = make(directory, { hotRowsMax: 100 })
    await store.open()
    await store.append(batch(0, 100), 1)
    await store.append(batch(100, 50), 2)
    await store.append(batch(150, 10), 3)
    await expect.poll(async () => (await files()).length).toBe(1)
    // Opened beside the first, as after a kill: nothing of what was in memory is there.
    const second = make(directory)
    await second.open()
    expect(await second.position()).toBe(1)
    expect(await second.count('', always)).toBe(100)
    expect(await second.append(batch(100, 50), 2)).toBe(50)
    await second.close()
  })

  test('sets a damaged file aside, names the lost range and takes it back from the log', async () => {
    store = make(directory)
    await store.open()
    await store.append(batch(0, 5000), 1)
    await store.seal()
    await store.append(batch(5000, 5000), 2)
    await store.seal()
    const [first] = (await files()).sort()
    await store.close()
    await appendFile(join(directory, first!), 'x')
    store = make(directory)
    await store.open()
    expect(store.lost()).toEqual([{ fromOffset: 0, nextOffset: 1 }])
    expect(await store.count('', always)).toBe(5000)
    await store.refill(batch(0, 5000), 0, 1)
    store.forgetLost({ fromOffset: 0 })
    expect(await store.count('', always)).toBe(10_000)
    expect((await readdir(join(directory, 'quarantine'))).some((name) => name.endsWith('.parquet'))).toBe(true)
  })

  test('a file whose bytes were changed is found by a query or by verify, and the others go on', async () => {
    store = make(directory)
    await store.open()
    await store.append(batch(0, 5000), 1)
    await store.seal()
    await store.append(batch(5000, 5000), 2)
    await store.seal()
    const [first] = (await files()).sort()
    await store.close()
    const bytes = await readFile(join(directory, first!))
    bytes.fill(0xff, 100, bytes.length - 4000)
    await writeFile(join(directory, first!), bytes)
    store = make(directory)
    await store.open()
    expect(await store.count('message:line', always)).toBe(5000)
    expect(store.lost()).toEqual([{ fromOffset: 0, nextOffset: 1 }])
  })
})
