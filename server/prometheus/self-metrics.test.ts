import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client'
import { expect, test } from 'vitest'
import { selfMetrics } from './self-metrics.ts'

const registers = [new Registry()]
const [registry] = registers as [Registry]
new Counter({ name: 'sent_total', help: 'Sent', labelNames: ['to', 'by'], registers }).inc({ to: 'b', by: 'a' }, 3)
new Gauge({ name: 'behind', help: 'Behind', registers }).set(Number.POSITIVE_INFINITY)
const waits = new Histogram({ name: 'wait_seconds', help: 'Wait', labelNames: ['to'], buckets: [0.1, 1], registers })
for (const seconds of [0.05, 0.5, 5]) waits.observe({ to: 'b' }, seconds)
const sizes = new Summary({ name: 'size_bytes', help: 'Size', percentiles: [0.5], registers })
for (const bytes of [1, 2, 3]) sizes.observe(bytes)

test('own metrics are families of the client library, as ProtoJSON writes them', async () => {
  expect(await selfMetrics(registry, '')).toEqual([
    { name: 'behind', help: 'Behind', type: 'GAUGE', metric: [{ label: [], gauge: { value: 'Infinity' } }] },
    {
      ...{ name: 'sent_total', help: 'Sent', type: 'COUNTER' },
      metric: [
        {
          label: [
            { name: 'by', value: 'a' },
            { name: 'to', value: 'b' },
          ],
          counter: { value: 3 },
        },
      ],
    },
    {
      ...{ name: 'size_bytes', help: 'Size', type: 'SUMMARY' },
      metric: [{ label: [], summary: { sampleCount: '3', sampleSum: 6, quantile: [{ quantile: 0.5, value: 2 }] } }],
    },
    {
      ...{ name: 'wait_seconds', help: 'Wait', type: 'HISTOGRAM' },
      metric: [
        {
          label: [{ name: 'to', value: 'b' }],
          histogram: {
            ...{ sampleCount: '3', sampleSum: 5.55 },
            bucket: [
              { cumulativeCount: '1', upperBound: 0.1 },
              { cumulativeCount: '2', upperBound: 1 },
              { cumulativeCount: '3', upperBound: 'Infinity' },
            ],
          },
        },
      ],
    },
  ])
})

test('the pattern is of whole names, in linear time', async () => {
  const names = async (pattern: string): Promise<string[]> =>
    (await selfMetrics(registry, pattern)).map(({ name }) => name)
  expect(await names('.*_(seconds|bytes)')).toEqual(['size_bytes', 'wait_seconds'])
  expect(await names('wait')).toEqual([])
  await expect(selfMetrics(registry, '(?=x)')).rejects.toMatchObject({ code: 'regex.unsupported' })
})
