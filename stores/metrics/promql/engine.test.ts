import { describe, expect, it } from 'vitest'
import type { SeriesData } from '#core/sample.ts'
import { engineDefaults, instantQuery, rangeQuery, type Selectable } from './engine.ts'

const minuteMs = 60_000

/** Synthetic: `count` series of one sample a minute over a day. */
function storeOf(count: number, samples = 1440): Selectable {
  const timestampsMs = Float64Array.from({ length: samples }, (_, i) => i * minuteMs)
  const series = Array.from(
    { length: count },
    (_, n): SeriesData => ({
      labels: { __name__: 'm_total', n: String(n), g: String(n % 3) },
      timestampsMs,
      values: timestampsMs.map((ms) => ms + n),
    }),
  )
  return { select: async () => series }
}

const day = { startMs: 0, endMs: 1439 * minuteMs, stepMs: minuteMs }

describe('queries', () => {
  it('give values, warnings with positions, infos and stats', async () => {
    const store = storeOf(3)
    const result = await rangeQuery(store, { query: 'sort(rate(m_total[5m]))', ...day })
    expect(result).toMatchObject({
      type: 'matrix',
      warnings: [
        'PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)',
      ],
      infos: [],
    })
    expect(result.stats.samples).toBe(3 * 1440)
    const instant = await instantQuery(store, { query: 'increase(m_total[5m])', timeMs: 10 * minuteMs })
    expect(instant.type === 'vector' && instant.series.map(({ labels, values }) => [labels, values[0]])).toEqual(
      [0, 1, 2].map((n) => [{ n: String(n), g: String(n % 3) }, 300_000]),
    )
  })

  it.each([
    ['samples', { samplesMax: 1000 }, 'query.limit'],
    ['memory', { memoryBytesMax: 100_000 }, 'query.limit'],
    ['time', { timeoutMs: 0 }, 'query.timeout'],
  ] as const)('stop at the limit of %s', async (_, limit, code) => {
    await expect(rangeQuery(storeOf(50), { query: 'rate(m_total[5m])', ...day, ...limit })).rejects.toMatchObject({
      code,
    })
  })

  it('stop soon after they were cancelled, and let others run meanwhile', async () => {
    const controller = new AbortController()
    const query = rangeQuery(storeOf(3000), {
      query: 'quantile_over_time(0.9, m_total[12h]) + stddev_over_time(m_total[12h])',
      ...day,
      signal: controller.signal,
    })
    setTimeout(() => controller.abort(), 50)
    await expect(query).rejects.toMatchObject({ code: 'query.canceled' })
  })

  it('stop inside one long series too', async () => {
    const controller = new AbortController()
    const query = rangeQuery(storeOf(1, 300_000), {
      query: 'quantile_over_time(0.9, m_total[200d])',
      startMs: 0,
      endMs: 300_000 * minuteMs,
      stepMs: 60 * minuteMs,
      signal: controller.signal,
    })
    setTimeout(() => controller.abort(), 50)
    await expect(query).rejects.toMatchObject({ code: 'query.canceled' })
  })

  it('refuse more than 11,000 steps and steps that go nowhere', async () => {
    const store = storeOf(1)
    await expect(rangeQuery(store, { query: 'm', startMs: 0, endMs: 1e9, stepMs: 1 })).rejects.toMatchObject({
      code: 'query.resolution',
    })
    await expect(rangeQuery(store, { query: 'm', startMs: 0, endMs: 1e9, stepMs: 0 })).rejects.toMatchObject({
      code: 'query.invalid',
    })
    await expect(rangeQuery(store, { query: 'm[5m]', ...day })).rejects.toMatchObject({ code: 'query.invalid' })
  })

  it('keep the experimental set off by default', async () => {
    expect(engineDefaults.experimental).toBe(false)
    await expect(instantQuery(storeOf(1), { query: 'limitk(1, m_total)', timeMs: 0 })).rejects.toMatchObject({
      code: 'query.invalid',
    })
    const on = await instantQuery(storeOf(5), { query: 'limitk(2, m_total)', timeMs: 0, experimental: true })
    expect(on.type === 'vector' && on.series).toHaveLength(2)
  })

  it('take long chains of operators', async () => {
    const result = await instantQuery(storeOf(1), { query: `m_total${' + 1'.repeat(1500)}`, timeMs: 0 })
    expect(result.type === 'vector' && result.series[0]!.values[0]).toBe(1500)
  })

  it('names gone, series that became equal are an error where they overlap', async () => {
    const store: Selectable = {
      select: async () =>
        ['a_total', 'b_total'].map((name) => ({
          labels: { __name__: name, x: '1' },
          timestampsMs: Float64Array.of(0, minuteMs),
          values: Float64Array.of(1, 2),
        })),
    }
    const query = { query: 'increase({x="1"}[5m])', timeMs: minuteMs }
    await expect(instantQuery(store, query)).rejects.toThrow('same labelset')
  })
})
