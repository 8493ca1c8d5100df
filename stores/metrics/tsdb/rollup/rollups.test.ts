import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { FloatHistogram } from '#core/histogram.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { type Labels, staleNaN } from '#core/sample.ts'
import { instantQuery, type QueryResult, rangeQuery, type Selectable } from '../../promql/index.ts'
import { encodeForTest } from '../../testing.ts'
import { Tsdb, tsdbDefaults } from '../store.ts'
import { dayMs } from './day-file.ts'
import { fiveMinutesMs, hourMs } from './rollups.ts'

const startMs = 20_000 * dayMs
const days = 4
const scrapeMs = 60_000
const endMs = startMs + days * dayMs
let directory: string
let store: Tsdb
let offset = 0

const open = async (): Promise<void> => {
  store = new Tsdb(
    // Two heads a day, so that days begin and end inside blocks.
    { ...tsdbDefaults, directory, sealAfterMs: 11 * hourMs },
    { clock: new ManualClock(endMs + dayMs), logger: silentLogger },
  )
  await store.open()
}

/** Whole counters that fall now and then, decimals, a gauge below zero, a series that comes and goes, NaN among values. */
async function fill(): Promise<void> {
  const random = seededRandom(7)
  const series: { labels: Labels; next: () => number | undefined }[] = []
  const add = (name: string, i: number, next: () => number | undefined): void =>
    void series.push({ labels: { __name__: name, i: String(i), job: 'j' }, next })
  for (let i = 0; i < 2; i++) {
    let whole = 1000
    add('whole_total', i, () => {
      whole = random.next() < 0.002 ? 0 : whole + Math.floor(random.next() * 100)
      return whole
    })
    let parts = 0.5
    add('parts_total', i, () => {
      parts = i === 1 && random.next() < 0.001 ? 0.25 : parts + random.next()
      return parts
    })
    add('gauge', i, () => (i === 0 ? Math.floor(random.next() * 50) - 25 : random.next() - 0.5))
    add('gaps', i, () => (random.next() < 0.02 ? staleNaN : random.next() < 0.1 ? undefined : i + 1))
    add('broken', i, () => (random.next() < 0.01 ? Number.NaN : 3))
  }
  for (let at = startMs; at <= endMs + 3 * hourMs; at += scrapeMs) {
    const request = series.flatMap(({ labels, next }, i): Parameters<typeof encodeForTest>[0] => {
      const value = next()
      return value === undefined ? [] : [[labels, [[at + i * 7 + (i % 2 === 0 ? 0 : 11_000), value]]]]
    })
    await store.append(encodeForTest(request), ++offset)
  }
  await store.seal()
  // The first may be one that began before the last block was there.
  await store.compact()
  await store.compact()
}

const withoutRollups = (): Selectable => ({ select: (request) => store.select(request) })

function shown(result: QueryResult): unknown {
  if (!('series' in result)) return result
  return result.series.map(({ labels, values, present }) => [
    labels,
    [...values].map((value, i) => (present[i] === 1 ? value : null)),
  ])
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-rollups-'))
  offset = 0
  await open()
})
afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})

const day = startMs / dayMs
const files = async (): Promise<string[]> =>
  (await readdir(join(directory, 'rollups'))).filter((name) => name.endsWith('.rollup')).sort()
const expected = [300, 3600].flatMap((seconds) =>
  Array.from({ length: days }, (_, i) => `${seconds}-${day + i}.rollup`),
)
/** The day before the first holds the sample at midnight. */
const made = (): Promise<string[]> => files().then((names) => names.filter((name) => !name.includes(String(day - 1))))

const query = fc.record({
  name: fc.constantFrom('min', 'max', 'sum', 'avg', 'count', 'last', 'present').map((one) => `${one}_over_time`),
  rating: fc.constantFrom('', '', 'rate', 'increase', 'delta'),
  metric: fc.constantFrom('whole_total', 'parts_total', 'gauge', 'gaps', 'broken'),
  rangeMs: fc.constantFrom(1, 4, 5, 12, 24, 48).chain((n) => fc.constantFrom(n * fiveMinutesMs, n * hourMs)),
  offsetMs: fc.constantFrom(0, 0, fiveMinutesMs, hourMs, 7000),
  stepMs: fc.constantFrom(fiveMinutesMs, hourMs, 3 * hourMs, 70_000),
  from: fc.integer({ min: 0, max: 90 }),
  shiftMs: fc.constantFrom(0, 0, 0, 1, fiveMinutesMs),
  outer: fc.constantFrom('', 'sum by (job) (', 'topk(1, '),
})

describe('roll-ups', () => {
  it('give the same answers as the samples, bit by bit, while the samples are there', async () => {
    await fill()
    expect(await made()).toEqual(expected)
    let used = 0
    await fc.assert(
      fc.asyncProperty(query, async ({ name, rating, metric, rangeMs, offsetMs, stepMs, from, shiftMs, outer }) => {
        const offsetText = offsetMs > 0 ? ` offset ${offsetMs}ms` : ''
        const inner = `${rating || name}(${metric}[${rangeMs}ms]${offsetText})`
        const text = outer === '' ? inner : `${outer}${inner})`
        const at = startMs + from * hourMs + shiftMs
        const range = { query: text, startMs: at, endMs: Math.min(at + 20 * stepMs, endMs + hourMs), stepMs }
        const [on, off] = [await rangeQuery(store, range), await rangeQuery(withoutRollups(), range)]
        expect([text, shown(on)]).toEqual([text, shown(off)])
        const notes = on.infos.filter((info) => info.includes('answered from roll-ups'))
        expect(on.infos.filter((info) => !notes.includes(info))).toEqual(off.infos)
        used += notes.length
        const once = { query: text, timeMs: at + 5 * stepMs }
        expect(shown(await instantQuery(store, once))).toEqual(shown(await instantQuery(withoutRollups(), once)))
      }),
      { numRuns: 150 },
    )
    expect(used).toBeGreaterThan(15)
  })

  it('answer when the samples are gone, and say so', async () => {
    await fill()
    const long = (text: string, stepMs = hourMs) => ({
      ...{ query: text, startMs: startMs + 12 * hourMs, endMs: endMs - hourMs, stepMs },
    })
    const queries = [
      'max_over_time(gauge[6h])',
      'increase(whole_total[6h])',
      'count_over_time(gaps[2h])',
      'sum(rate(parts_total[1h]))',
    ]
    const before = await Promise.all(queries.map((text) => rangeQuery(withoutRollups(), long(text))))
    const last = await instantQuery(withoutRollups(), { query: 'whole_total', timeMs: startMs + 30 * hourMs })
    await store.retain({
      ...{ nowMs: endMs + 3 * hourMs, ageMs: dayMs, bytesMax: 1e12 },
      rollupAgesMs: { [fiveMinutesMs]: 100 * dayMs, [hourMs]: 1000 * dayMs },
    })
    await store.close()
    await open()
    expect((await store.stats()).oldestMs).toBeGreaterThan(startMs + 2 * dayMs)
    for (const [i, text] of queries.entries()) {
      const after = await rangeQuery(store, long(text))
      expect(after.infos.join()).toMatch(/samples before 2024-10-.* are gone: answered from roll-ups of 5m/)
      const [was, is] = [shown(before[i]!), shown(after)] as [[Labels, number[]][], [Labels, number[]][]]
      expect(is.map(([labels]) => labels)).toEqual(was.map(([labels]) => labels))
      for (const [row, [, values]] of is.entries())
        for (const [step, value] of values.entries()) expect(value).toBeCloseTo(was[row]![1][step]!, 9)
    }
    const now = await instantQuery(store, { query: 'whole_total', timeMs: startMs + 30 * hourMs })
    expect(shown(now)).toEqual(shown(last))
    expect(now.infos.join()).toContain('are gone')
    // A range that no window begins or ends at is rounded out, and a function that needs samples gets one a window.
    const odd = await instantQuery(store, { query: 'rate(whole_total[17m])', timeMs: startMs + 30 * hourMs + 1000 })
    expect('series' in odd && odd.series.length).toBe(2)
    const stddev = await instantQuery(store, { query: 'stddev_over_time(gauge[3h])', timeMs: startMs + 30 * hourMs })
    expect('series' in stddev && stddev.series.length).toBe(2)
    // What the samples still answer, they answer alone.
    const fresh = { query: 'rate(parts_total[10m])', timeMs: endMs + hourMs }
    expect((await instantQuery(store, fresh)).infos).toEqual([])
    expect(shown(await instantQuery(store, fresh))).toEqual(shown(await instantQuery(withoutRollups(), fresh)))
  })

  it('keep the last native histogram of each window when the samples are gone', async () => {
    const random = seededRandom(11)
    let counts = [0, 0, 0]
    const next = (): FloatHistogram => {
      counts = random.next() < 0.001 ? [0, 0, 0] : counts.map((count) => count + Math.floor(random.next() * 5))
      return {
        ...{ schema: 0, zeroThreshold: 0.001, zeroCount: 0, negativeSpans: [], negativeBuckets: new Float64Array(0) },
        ...{ count: counts[0]! + counts[1]! + counts[2]!, sum: counts[0]! + 2 * counts[1]! + 4 * counts[2]! },
        ...{ positiveSpans: [{ offset: 0, length: 3 }], positiveBuckets: Float64Array.from(counts) },
        ...{ customValues: [], counterResetHint: 'unknown' },
      }
    }
    for (let at = startMs; at <= endMs + 3 * hourMs; at += scrapeMs)
      await store.append(
        encodeForTest([
          [{ __name__: 'latency', i: '0' }, [[at, next()]]],
          // Histograms from noon on, floats before.
          [{ __name__: 'latency', i: '1' }, [[at, at % dayMs < 12 * hourMs ? 5 : next()]]],
          [{ __name__: 'plain_total', i: '0' }, [[at, (at - startMs) / 1000]]],
        ]),
        ++offset,
      )
    await store.seal()
    await store.compact()
    await store.compact()
    const ask = async (text: string, on: Selectable, stepMs = 5 * fiveMinutesMs) =>
      rangeQuery(on, { query: text, startMs: startMs + 12 * hourMs, endMs: endMs - hourMs, stepMs })
    // What one sample a window can answer exactly: windows end at the steps.
    const exact = [
      'histogram_count(latency)',
      'histogram_quantile(0.5, latency)',
      'count by (i) (latency)',
      'absent(latency)',
    ]
    const texts = [...exact, 'histogram_count(increase(latency[6h]))']
    const before = await Promise.all(texts.map((text) => ask(text, withoutRollups())))
    await store.retain({
      ...{ nowMs: endMs + 3 * hourMs, ageMs: dayMs, bytesMax: 1e12 },
      rollupAgesMs: { [fiveMinutesMs]: 100 * dayMs, [hourMs]: 1000 * dayMs },
    })
    await store.close()
    await open()
    for (const [i, text] of texts.entries()) {
      const after = await ask(text, store)
      const [was, is] = [shown(before[i]!), shown(after)] as [[Labels, number[]][], [Labels, number[]][]]
      if (i < exact.length) {
        expect([text, is]).toEqual([text, was])
        continue
      }
      // Increases lose what a counter gained between the last sample of a window and its fall.
      expect(is.map(([labels]) => labels)).toEqual(was.map(([labels]) => labels))
      for (const [row, [, values]] of is.entries())
        for (const [step, value] of values.entries()) {
          const own = was[row]![1][step]
          if (own === null || own === undefined) expect(value).toBe(own)
          else expect(Math.abs(value! - own) / Math.max(own, 100)).toBeLessThan(0.2)
        }
    }
    // A series of floats beside them is answered by its windows as before.
    const mixed = await ask('max_over_time({__name__=~"latency|plain_total"}[1h])', store, hourMs)
    expect('series' in mixed && mixed.series.map(({ labels }) => labels['i'])).toContain('0')
    await store.deleteSeries([{ name: 'i', op: '=', value: '0' }], startMs, startMs + dayMs)
    const old = await instantQuery(store, { query: 'latency', timeMs: startMs + 20 * hourMs })
    expect('series' in old && old.series.map(({ labels }) => labels['i'])).toEqual(['1'])
  })

  it('are dropped by ages of their own', async () => {
    await fill()
    const limits = { nowMs: endMs + 3 * hourMs, ageMs: 1000 * dayMs, bytesMax: 1e12 }
    await store.retain({ ...limits, rollupAgesMs: { [fiveMinutesMs]: 2 * dayMs, [hourMs]: 1000 * dayMs } })
    expect((await made()).filter((name) => name.startsWith('300-'))).toEqual([
      `300-${day + 2}.rollup`,
      `300-${day + 3}.rollup`,
    ])
    expect((await made()).filter((name) => name.startsWith('3600-'))).toHaveLength(days)
  })

  it('go when samples of their day come late or are deleted, and are made again', async () => {
    await fill()
    const text = 'max_over_time(gauge[1d])'
    const at = { query: text, timeMs: startMs + 2 * dayMs }
    // A series of its own may be as late as it likes.
    await store.append(
      encodeForTest([[{ __name__: 'gauge', i: 'late', job: 'j' }, [[startMs + dayMs + hourMs, 1000]]]]),
      ++offset,
    )
    const inHead = await instantQuery(store, at)
    expect(shown(inHead)).toEqual(shown(await instantQuery(withoutRollups(), at)))
    expect('series' in inHead && inHead.series.length).toBe(3)
    await store.seal()
    expect(await made()).toEqual(expected.filter((name) => !name.includes(String(day + 1))))
    await store.compact()
    expect(await made()).toEqual(expected)
    expect(shown(await instantQuery(store, at))).toEqual(shown(inHead))

    await store.deleteSeries([{ name: 'i', op: '=', value: '0' }], startMs + dayMs, startMs + dayMs + 2 * hourMs)
    expect(shown(await instantQuery(store, at))).toEqual(shown(await instantQuery(withoutRollups(), at)))
    await store.compact()
    expect(await made()).toEqual(expected)
    const answer = await instantQuery(store, { query: 'count_over_time(gauge[1d])', timeMs: startMs + 2 * dayMs })
    expect(answer.infos.join()).toContain('roll-ups')
    expect('series' in answer && answer.series.find(({ labels }) => labels['i'] === '0')!.values[0]).toBe(1440 - 120)
  })

  it('lose what is deleted of a time whose samples are gone', async () => {
    await fill()
    await store.retain({
      ...{ nowMs: endMs + 3 * hourMs, ageMs: dayMs, bytesMax: 1e12 },
      rollupAgesMs: { [fiveMinutesMs]: 100 * dayMs, [hourMs]: 100 * dayMs },
    })
    await store.deleteSeries([{ name: 'i', op: '=', value: '0' }], startMs, startMs + dayMs)
    const old = await instantQuery(store, { query: 'count_over_time(gauge[1d])', timeMs: startMs + dayMs })
    expect('series' in old && old.series.map(({ labels }) => labels['i'])).toEqual(['1'])
    const later = await instantQuery(store, { query: 'count_over_time(gauge[1d])', timeMs: startMs + 2 * dayMs })
    expect('series' in later && later.series).toHaveLength(2)
  })

  it('are set aside when damaged, made again, and part of a snapshot', async () => {
    await fill()
    await store.close()
    const name = `3600-${day + 1}.rollup`
    await writeFile(join(directory, 'rollups', name), 'not a roll-up')
    await open()
    expect(await made()).toEqual(expected.filter((one) => one !== name))
    await store.compact()
    expect(await made()).toEqual(expected)
    const copy = join(directory, 'copy')
    await store.snapshot(copy)
    expect((await readdir(join(copy, 'rollups'))).filter((one) => one === name)).toEqual([name])
  })
})
