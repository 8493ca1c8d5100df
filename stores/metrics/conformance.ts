// What every metric engine must do.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FloatHistogram } from '#core/histogram.ts'
import { isStaleNaN, type Labels, staleNaN } from '#core/sample.ts'
import { formatValue, instantQuery } from './promql/index.ts'
import type { MetricStore } from './store.ts'
import { encodeForTest } from './testing.ts'

export interface MetricStoreHarness {
  store: MetricStore
  /** What was written can be read, where that takes a while. */
  settle?(): Promise<void>
  /** Closes and opens again on the same data, as after a restart. */
  reopen(): Promise<MetricStore>
  cleanUp(): Promise<void>
}

export interface ConformanceOptions {
  /** An engine with a clock of its own takes what is recent. */
  baseMs?: number
  /** Cases that this engine does not keep, and why. They are run: one that it keeps after all is a failure. */
  exceptions?: Readonly<Record<string, string>>
}

export function metricStoreConformance(
  name: string,
  make: () => Promise<MetricStoreHarness>,
  { baseMs = 1_800_000_000_000, exceptions = {} }: ConformanceOptions = {},
): void {
  describe(`${name} keeps the metric store contract, with ${Object.keys(exceptions).length} exceptions`, () => {
    let harness: MetricStoreHarness
    let store: MetricStore
    let offset = 0
    const left = new Set(Object.keys(exceptions))

    const check = (title: string, run: () => Promise<void>): void => {
      left.delete(title)
      const why = exceptions[title]
      if (why === undefined) it(title, run, 20_000)
      else it.fails(`${title} — not here: ${why}`, run, 20_000)
    }
    const write = async (...series: Parameters<typeof encodeForTest>[0]) => {
      const result = await store.append(encodeForTest(series), ++offset)
      await harness.settle?.()
      return result
    }
    /** A value as text by the labels of its series, at one time: by the engine behind, or by ours over the store. */
    const evaluate = async (query: string, atMs: number): Promise<Record<string, string>> => {
      const behind = store.queryEngine
      if (behind) {
        const data = (await behind.query(query, atMs)) as {
          result: { metric: Labels; value: [number, string] }[]
        }
        return Object.fromEntries(data.result.map(({ metric, value }) => [metric['job'] ?? '', value[1]]))
      }
      const result = await instantQuery(store, { query, timeMs: atMs })
      if (result.type !== 'vector') throw new Error(`${query} gives no vector`)
      return Object.fromEntries(
        result.series.map(({ labels, values }) => [labels['job'] ?? '', formatValue(values[0]!)]),
      )
    }
    const select = (
      matchers: [string, '=' | '!=' | '=~' | '!~', string][],
      fromMs = baseMs - 1e9,
      toMs = baseMs + 1e9,
    ) =>
      store.select({
        matchers: matchers.map(([label, op, value]) => ({ name: label, op, value })),
        fromMs,
        toMs,
        seriesMax: 10_000,
        samplesMax: 1e6,
      })
    const points = (data: Awaited<ReturnType<typeof select>>) =>
      data.map((series) => [...series.timestampsMs].map((t, i) => [t - baseMs, series.values[i]]))

    beforeEach(async () => {
      harness = await make()
      store = harness.store
      offset = 0
    })
    afterEach(() => harness.cleanUp())

    check('gives back what was appended, by name and range, both ends inclusive', async () => {
      await write([
        { __name__: 'up', job: 'a' },
        [
          [baseMs, 1],
          [baseMs + 10, 0],
          [baseMs + 20, 1],
        ],
      ])
      expect(points(await select([['__name__', '=', 'up']], baseMs, baseMs + 10))).toEqual([
        [
          [0, 1],
          [10, 0],
        ],
      ])
    })

    check('selects by equality, inequality and anchored expressions; a missing label is the empty string', async () => {
      await write(
        [{ __name__: 'm', job: 'api', env: 'prod' }, [[baseMs, 1]]],
        [{ __name__: 'm', job: 'api2' }, [[baseMs, 2]]],
        [{ __name__: 'n', job: 'db' }, [[baseMs, 3]]],
      )
      const values = async (...matchers: Parameters<typeof select>[0]) =>
        (await select(matchers)).map((s) => s.values[0]).sort()
      expect(await values(['job', '=~', 'api'])).toEqual([1])
      expect(await values(['job', '=~', 'api.*'])).toEqual([1, 2])
      expect(await values(['job', '!~', 'api.*'], ['__name__', '=~', '.+'])).toEqual([3])
      expect(await values(['env', '=', ''], ['__name__', '=', 'm'])).toEqual([2])
      expect(await values(['env', '!=', ''], ['__name__', '=', 'm'])).toEqual([1])
      expect(await values(['env', '!=', 'prod'], ['__name__', '=~', '.+'])).toEqual([2, 3])
    })

    check(
      'keeps an identical repeat once, refuses another value at the same time, and keeps a late sample in its place',
      async () => {
        await write([
          { __name__: 'm' },
          [
            [baseMs, 1],
            [baseMs + 60_000, 2],
          ],
        ])
        expect(await write([{ __name__: 'm' }, [[baseMs + 60_000, 2]]])).toMatchObject({ refused: {} })
        expect((await write([{ __name__: 'm' }, [[baseMs + 60_000, 3]]])).refused).toEqual({ duplicate: 1 })
        expect((await write([{ __name__: 'm' }, [[baseMs + 30_000, 9]]])).appended).toBe(1)
        expect(points(await select([['__name__', '=', 'm']]))).toEqual([
          [
            [0, 1],
            [30_000, 9],
            [60_000, 2],
          ],
        ])
      },
    )

    check('refuses what is too old or too far ahead, by reason, and keeps the rest of the request', async () => {
      await write([{ __name__: 'm' }, [[baseMs + 3_600_000, 1]]])
      const result = await write(
        [{ __name__: 'm' }, [[baseMs, 2]]],
        [{ __name__: 'far' }, [[baseMs + 1e12, 1]]],
        [{ __name__: 'good' }, [[baseMs, 7]]],
      )
      expect(result).toEqual({ appended: 1, refused: { 'too-old': 1, 'too-far-ahead': 1 } })
      expect(points(await select([['__name__', '=', 'good']]))).toEqual([[[0, 7]]])
    })

    check('keeps stale markers apart from NaN', async () => {
      await write([
        { __name__: 'm' },
        [
          [baseMs, staleNaN],
          [baseMs + 1, Number.NaN],
        ],
      ])
      const [series] = await select([['__name__', '=', 'm']])
      expect(Array.from(series!.values, isStaleNaN)).toEqual([true, false])
    })

    check('ends a series at its stale marker, and shows it again when it comes back', async () => {
      await write(
        [
          { __name__: 's', job: 'a' },
          [
            [baseMs, 1],
            [baseMs + 15_000, staleNaN],
            [baseMs + 60_000, 3],
          ],
        ],
        [{ __name__: 's', job: 'b' }, [[baseMs, 2]]],
      )
      expect(await evaluate('s', baseMs + 10_000)).toEqual({ a: '1', b: '2' })
      expect(await evaluate('s', baseMs + 20_000)).toEqual({ b: '2' })
      expect(await evaluate('s', baseMs + 60_000)).toEqual({ a: '3', b: '2' })
    })

    check('answers queries over native histograms', async () => {
      await write([
        { __name__: 'n', job: 'a' },
        [
          [baseMs, histogramOf(3, [1, 2])],
          [baseMs + 15_000, histogramOf(9, [4, 5])],
        ],
      ])
      expect(await evaluate('histogram_count(n)', baseMs + 15_000)).toEqual({ a: '10' })
      expect(await evaluate('histogram_sum(n)', baseMs)).toEqual({ a: '3' })
      expect(await evaluate('histogram_quantile(1, n)', baseMs + 15_000)).toEqual({ a: '2' })
    })

    check('keeps infinity, and labels with quotes, backslashes and Chinese', async () => {
      await write([{ __name__: 'inf', zone: '广州"\\' }, [[baseMs, Number.NEGATIVE_INFINITY]]])
      expect(points(await select([['zone', '=', '广州"\\']]))).toEqual([[[0, Number.NEGATIVE_INFINITY]]])
    })

    check('lists label names, values and series', async () => {
      await write(
        [{ __name__: 'm', job: 'a' }, [[baseMs, 1]]],
        [{ __name__: 'm', job: 'b', zone: '广州' }, [[baseMs, 1]]],
      )
      const range = [baseMs - 1, baseMs + 1] as const
      expect(await store.labelNames([], ...range)).toEqual(['__name__', 'job', 'zone'])
      expect(await store.labelValues('job', [], ...range)).toEqual(['a', 'b'])
      expect(await store.labelValues('job', [{ name: 'zone', op: '=', value: '广州' }], ...range)).toEqual(['b'])
      expect(await store.series([{ name: 'job', op: '=', value: 'a' }], ...range)).toEqual([
        { __name__: 'm', job: 'a' },
      ])
    })

    check('refuses to return more series or samples than asked for', async () => {
      await write(
        ...Array.from({ length: 20 }, (_, i): [Labels, [number, number][]] => [
          { __name__: 'm', i: String(i) },
          [[baseMs, i]],
        ]),
      )
      const request = { matchers: [{ name: '__name__', op: '=' as const, value: 'm' }], fromMs: 0, toMs: baseMs * 2 }
      await expect(store.select({ ...request, seriesMax: 10, samplesMax: 1e6 })).rejects.toMatchObject({
        code: 'query.limit',
      })
      await expect(store.select({ ...request, seriesMax: 100, samplesMax: 10 })).rejects.toMatchObject({
        code: 'query.limit',
      })
    })

    check('keeps native histograms, and tells them from floats of the same series', async () => {
      const first = histogramOf(3, [1, 2])
      const second = histogramOf(9, [4, 5])
      await write(
        [
          { __name__: 'h' },
          [
            [baseMs, first],
            [baseMs + 15_000, second],
            [baseMs + 30_000, staleNaN],
          ],
        ],
        [{ __name__: 'f' }, [[baseMs, 1]]],
      )
      const [series] = await select([['__name__', '=', 'h']])
      expect([...series!.timestampsMs]).toEqual([baseMs, baseMs + 15_000, baseMs + 30_000])
      expect(series!.histograms?.map((one) => one && { ...one, counterResetHint: 'unknown' })).toEqual([
        first,
        second,
        undefined,
      ])
      expect(isStaleNaN(series!.values[2]!)).toBe(true)
      expect((await select([['__name__', '=', 'f']]))[0]!.histograms).toBeUndefined()
    })

    check('keeps exemplars of the series that are asked for', async () => {
      const exemplar = { labels: { trace_id: 'abc' }, value: 0.7, timestampMs: baseMs }
      await write(
        [{ __name__: 'e', job: 'a' }, [[baseMs, 1]], [exemplar]],
        [{ __name__: 'e', job: 'b' }, [[baseMs, 1]]],
      )
      const found = await store.exemplars([[{ name: 'job', op: '=', value: 'a' }]], baseMs - 1, baseMs + 1)
      expect(found).toEqual([{ labels: { __name__: 'e', job: 'a' }, exemplars: [exemplar] }])
      expect(await store.exemplars([[{ name: 'job', op: '=', value: 'a' }]], baseMs + 1, baseMs + 2)).toEqual([])
    })

    check('deletes by matchers and range; what is written afterwards stays', async () => {
      await write(
        [{ __name__: 'd', job: 'a' }, [0, 1, 2, 3].map((i): [number, number] => [baseMs + i * 1000, i])],
        [{ __name__: 'd', job: 'b' }, [[baseMs, 7]]],
      )
      await store.deleteSeries([{ name: 'job', op: '=', value: 'a' }], baseMs + 1000, baseMs + 2000)
      expect(points(await select([['__name__', '=', 'd']]))).toEqual([
        [
          [0, 0],
          [3000, 3],
        ],
        [[0, 7]],
      ])
      await write([{ __name__: 'd', job: 'a' }, [[baseMs + 1500, 9]]])
      expect(points(await select([['job', '=', 'a']]))).toEqual([
        [
          [0, 0],
          [1500, 9],
          [3000, 3],
        ],
      ])
      store = await harness.reopen()
      expect(points(await select([['job', '=', 'b']]))).toEqual([[[0, 7]]])
    })

    check('says which names and labels have most series', async () => {
      await write(
        ...Array.from({ length: 6 }, (_, i): [Labels, [number, number][]] => [
          { __name__: i < 4 ? 'many' : 'few', id: String(i), job: 'x' },
          [[baseMs, 1]],
        ]),
      )
      const found = await store.cardinality(2)
      expect(found.series).toBe(6)
      expect(found.metrics).toEqual([
        { name: 'many', value: 4 },
        { name: 'few', value: 2 },
      ])
      expect(found.labels[0]).toEqual({ name: 'id', value: 6 })
      expect(found.pairs[0]).toEqual({ name: 'job=x', value: 6 })
    })

    check('survives a restart: what it says it has, it has; the rest is replayed without doubling', async () => {
      const requests = Array.from({ length: 300 }, (_, i) =>
        encodeForTest([[{ __name__: 'm', i: String(i % 3) }, [[baseMs + i * 1000, i]]]]),
      )
      for (const [i, request] of requests.entries()) await store.append(request, i + 1)
      await harness.settle?.()
      store = await harness.reopen()
      for (let i = await store.position(); i < requests.length; i++) await store.append(requests[i]!, i + 1)
      const data = await select([['__name__', '=', 'm']])
      expect(data.map((series) => series.values.length)).toEqual([100, 100, 100])
    })

    it('has no exception that is no case', () => expect([...left]).toEqual([]))
  })
}

function histogramOf(sum: number, buckets: number[]): FloatHistogram {
  return {
    ...{ schema: 0, counterResetHint: 'unknown', zeroThreshold: 0.001, zeroCount: 1, sum },
    count: buckets.reduce((total, one) => total + one, 1),
    positiveSpans: [{ offset: 0, length: buckets.length }],
    positiveBuckets: Float64Array.from(buckets),
    ...{ negativeSpans: [], negativeBuckets: new Float64Array(0), customValues: [] },
  }
}
