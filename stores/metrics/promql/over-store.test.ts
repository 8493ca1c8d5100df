import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { FloatHistogram } from '#core/histogram.ts'
import { silentLogger } from '#core/logger.ts'
import { staleNaN } from '#core/sample.ts'
import { encodeForTest } from '../testing.ts'
import { Tsdb, tsdbDefaults } from '../tsdb/store.ts'
import { instantQuery, rangeQuery } from './engine.ts'

const baseMs = 1_800_000_000_000
const minuteMs = 60_000

const histogramAt = (n: number): FloatHistogram => ({
  schema: 0,
  counterResetHint: 'unknown',
  zeroThreshold: 0.001,
  zeroCount: n,
  count: 4 * n,
  sum: 10 * n,
  positiveSpans: [{ offset: 0, length: 2 }],
  positiveBuckets: Float64Array.of(n, 2 * n),
  negativeSpans: [],
  negativeBuckets: new Float64Array(0),
  customValues: [],
})

describe('PromQL over the embedded store', () => {
  let directory: string
  let store: Tsdb

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-promql-'))
    store = new Tsdb(
      { ...tsdbDefaults, directory },
      { clock: new ManualClock(baseMs + 3_600_000), logger: silentLogger },
    )
    await store.open()
    const minutes = Array.from({ length: 21 }, (_, i) => i)
    await store.append(
      encodeForTest([
        [{ __name__: 'x_total', job: 'a' }, minutes.map((i) => [baseMs + i * minuteMs, i * 60])],
        [{ __name__: 'x_total', job: 'b' }, minutes.map((i) => [baseMs + i * minuteMs, i === 20 ? staleNaN : i * 120])],
        [{ __name__: 'h' }, minutes.map((i) => [baseMs + i * minuteMs, histogramAt(i + 1)])],
      ]),
      1,
    )
  })
  afterEach(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })

  const values = async (query: string) => {
    const result = await instantQuery(store, { query, timeMs: baseMs + 20 * minuteMs })
    if (result.type !== 'vector') throw new Error(result.type)
    return Object.fromEntries(result.series.map(({ labels, values }) => [labels['job'] ?? '', values[0]]))
  }

  it('rates, sums and stale markers', async () => {
    expect(await values('rate(x_total[10m])')).toEqual({ a: 1, b: 2 })
    expect(await values('sum(rate(x_total[10m]))')).toEqual({ '': 3 })
    expect(await values('x_total')).toEqual({ a: 1200 })
    const range = { startMs: baseMs + 10 * minuteMs, endMs: baseMs + 20 * minuteMs, stepMs: minuteMs }
    const result = await rangeQuery(store, { query: 'count(x_total)', ...range })
    expect(result.type === 'matrix' && [...result.series[0]!.values]).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1])
  })

  it('native histograms: increase, average, quantile', async () => {
    const result = await instantQuery(store, { query: 'increase(h[10m])', timeMs: baseMs + 20 * minuteMs })
    expect(result.warnings).toEqual([])
    const [increase] = result.type === 'vector' ? result.series[0]!.histograms! : []
    expect([increase!.count, increase!.zeroCount, ...increase!.positiveBuckets]).toEqual([40, 10, 10, 20])
    expect((await values('histogram_avg(rate(h[10m]))'))['']).toBeCloseTo(2.5, 9)
    expect((await values('histogram_quantile(0.75, h)'))['']).toBeCloseTo(2 ** 0.5, 9)
  })
})
