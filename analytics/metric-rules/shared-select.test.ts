import { expect, it } from 'vitest'
import type { SeriesData } from '#core/sample.ts'
import { instantQuery } from '#stores/metrics/promql/index.ts'
import { SharedSelects } from './shared-select.ts'

const request = (name: string, toMs: number) => ({
  ...{ fromMs: 0, toMs, seriesMax: 10, samplesMax: 10 },
  matchers: [{ name: '__name__', op: '=' as const, value: name }],
})

it('reads once what several rules ask for at one time, and keeps nothing that only one of them asked for', async () => {
  const reads: string[] = []
  const selects = new SharedSelects({
    select: async ({ matchers, toMs }): Promise<SeriesData[]> => {
      reads.push(`${matchers[0]!.value} ${toMs}`)
      return []
    },
  })
  for (const toMs of [1, 2]) {
    const store = selects.next()
    for (const name of ['shared', 'alone', 'shared']) await store.select(request(name, toMs))
  }
  expect(reads).toEqual(['shared 1', 'alone 1', 'shared 2', 'alone 2'])
  // Asked for again at a time at which it was alone before: it is read again, and shared from the next time on.
  const third = selects.next()
  for (const name of ['alone', 'alone']) await third.select(request(name, 3))
  const fourth = selects.next()
  for (const name of ['alone', 'alone']) await fourth.select(request(name, 4))
  expect(reads.slice(4)).toEqual(['alone 3', 'alone 3', 'alone 4'])
})

it('what is shared stays as it is while other queries use their memory again', async () => {
  const series = (name: string, value: number, memory?: { take(length: number): Float64Array }): SeriesData[] =>
    Array.from({ length: 100 }, (_, i) => {
      const values = memory?.take(1) ?? new Float64Array(1)
      values[0] = value
      return { labels: { __name__: name, i: String(i) }, timestampsMs: Float64Array.of(1000), values }
    })
  const selects = new SharedSelects({
    select: async ({ matchers, memory }) => series(matchers[0]!.value, matchers[0]!.value === 'shared' ? 1 : 7, memory),
  })
  for (const timeMs of [1000, 1001, 1002]) {
    const store = selects.next()
    const sums: number[] = []
    for (const name of ['shared', 'other', 'shared', 'other', 'shared']) {
      const result = await instantQuery(store, { query: `sum(${name})`, timeMs })
      sums.push(result.type === 'vector' ? result.series[0]!.values[0]! : Number.NaN)
    }
    expect(sums).toEqual([100, 700, 100, 700, 100])
  }
})
