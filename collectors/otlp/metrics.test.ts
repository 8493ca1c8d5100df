// OTLP metrics that carry more than a number: native histograms and exemplars, from the real SDK and as JSON.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Collector } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import { isStaleNaN } from '#core/sample.ts'
import { createRecorder, type Recorder } from '../recorder.ts'
import { createOtlp } from './collector.ts'
import { otlpConfigSchema } from './config.ts'

let recorder: Recorder
let collector: Collector
let url: string
const resource = resourceFromAttributes({ 'service.name': 'shop', 'service.namespace': 'city' })

beforeEach(async () => {
  recorder = createRecorder()
  const config = otlpConfigSchema.parse({ httpListen: '127.0.0.1:0', grpcListen: '' })
  collector = createOtlp(config, recorder.deps)
  await collector.start()
  url = `http://${collector.describe()[0]!.split(' ')[1]}`
})
afterEach(() => collector.stop())

const post = async (path: string, body: string): Promise<{ status: number }> => {
  const { status } = await fetch(url + path, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  return { status }
}

test.each([AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])(
  'exponential histograms of the SDK become native ones (temporality %s)',
  async (temporalityPreference) => {
    const exporter = new OTLPMetricExporter({
      url: `${url}/v1/metrics`,
      temporalityPreference: temporalityPreference as never,
    })
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 160 } } as const
    const provider = new MeterProvider({
      ...{ resource, readers: [reader] },
      views: [{ instrumentName: 'rpc.duration', aggregation }],
    })
    const duration = provider.getMeter('m').createHistogram('rpc.duration', { unit: 's' })
    const values = [0.003, 0.011, 0.012, 0.4, 3, 0, 70]
    for (const round of [values.slice(0, 4), values.slice(4)]) {
      for (const value of round) duration.record(value)
      await provider.forceFlush()
    }
    await provider.shutdown()
    const { histogram, labels } = recorder.samples.findLast((sample) => sample.histogram)!
    expect(labels).toMatchObject({ __name__: 'rpc_duration_seconds', job: 'city/shop' })
    const { schema, zeroCount, count, sum, positiveSpans, positiveBuckets } = histogram!
    expect([zeroCount, count]).toEqual([1, values.length])
    expect(sum).toBeCloseTo(values.reduce((total, value) => total + value, 0))
    // Bucket i holds (base^(i−1), base^i].
    const wanted = new Map<number, number>()
    for (const value of values.filter((one) => one > 0)) {
      const bucket = Math.ceil(Math.log2(value) * 2 ** schema)
      wanted.set(bucket, (wanted.get(bucket) ?? 0) + 1)
    }
    const found = new Map<number, number>()
    let [bucket, at] = [0, 0]
    for (const { offset, length } of positiveSpans) {
      bucket += offset
      for (let i = 0; i < length; i++, bucket++)
        if (positiveBuckets[at++]! > 0) found.set(bucket, positiveBuckets[at - 1]!)
    }
    expect(found).toEqual(wanted)
  },
)

test('exemplars stay with counters, buckets and native histograms', async () => {
  const exemplar = (asDouble: number) => ({
    ...{ asDouble, timeUnixNano: '1795507200000000000' },
    ...{ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' },
    filteredAttributes: [{ key: 'user.id', value: { stringValue: '7' } }],
  })
  const at = { timeUnixNano: '1795507200000000000' }
  const long = [{ key: 'note', value: { stringValue: 'x'.repeat(200) } }]
  const { status } = await post(
    '/v1/metrics',
    JSON.stringify({
      resourceMetrics: [
        {
          scopeMetrics: [
            {
              metrics: [
                {
                  name: 'n',
                  sum: {
                    ...{ aggregationTemporality: 2, isMonotonic: true },
                    dataPoints: [{ ...at, asInt: '3', exemplars: [{ ...exemplar(1), filteredAttributes: long }] }],
                  },
                },
                {
                  name: 'h',
                  histogram: {
                    aggregationTemporality: 2,
                    dataPoints: [
                      {
                        ...{ ...at, count: '2', sum: 4, bucketCounts: ['1', '1'], explicitBounds: [1] },
                        exemplars: [exemplar(3), exemplar(1)],
                      },
                    ],
                  },
                },
                {
                  name: 'e',
                  exponentialHistogram: {
                    aggregationTemporality: 2,
                    dataPoints: [
                      {
                        ...{ ...at, count: '1', sum: 3, scale: 0, positive: { offset: 1, bucketCounts: ['1'] } },
                        exemplars: [exemplar(3)],
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    }),
  )
  expect(status).toBe(200)
  const ids = { trace_id: '5b8efff798038103d269b633813fc60c', span_id: 'eee19b7ec3c1b174' }
  const kept = recorder.samples
    .filter(({ exemplars }) => exemplars)
    .map(({ labels, exemplars }) => [
      `${labels['__name__']} ${labels['le'] ?? ''}`,
      exemplars!.map(({ value }) => value),
    ])
  expect(kept).toEqual([
    ['n_total ', [1]],
    ['h_bucket 1', [1]],
    ['h_bucket +Inf', [3]],
    ['e ', [3]],
  ])
  const [first, second] = recorder.samples.flatMap(({ exemplars = [] }) => exemplars)
  // Together they would be longer than an exemplar may be.
  expect(first!.labels).toEqual(ids)
  expect(second).toEqual({ labels: { ...ids, user_id: '7' }, value: 1, timestampMs: 1795507200000 })
})

test('deltas that were refused count once when they come again', async () => {
  const body = JSON.stringify({
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              {
                name: 'x',
                sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ asInt: '5' }] },
              },
              {
                name: 'e',
                exponentialHistogram: {
                  aggregationTemporality: 1,
                  dataPoints: [{ count: '2', scale: 0, positive: { bucketCounts: ['2'] } }],
                },
              },
              {
                name: 'gone',
                exponentialHistogram: { aggregationTemporality: 1, dataPoints: [{ flags: 1 }] },
              },
            ],
          },
        ],
      },
    ],
  })
  const totals = () =>
    recorder.samples.map(({ labels, value, histogram }) => [
      labels['__name__'],
      histogram?.count ?? (isStaleNaN(value) ? 'stale' : value),
    ])
  recorder.before = () => {
    throw new CodedError('log.overloaded', {}, { retryAfterSeconds: 1 })
  }
  expect((await post('/v1/metrics', body)).status).toBe(503)
  recorder.before = () => {}
  expect((await post('/v1/metrics', body)).status).toBe(200)
  const once = [
    ['x_total', 5],
    ['e', 2],
    ['gone', 'stale'],
  ]
  expect(totals()).toEqual(once)
  await post('/v1/metrics', body)
  expect(totals()).toEqual([...once, ['x_total', 10], ['e', 4], ['gone', 'stale']])
})

const sample = resolve(import.meta.dirname, '../../../shared/data/otlp/metrics.json')
test.skipIf(!existsSync(sample))('the example of the OTLP repository (needs ../shared/data/otlp)', async () => {
  expect((await post('/v1/metrics', readFileSync(sample, 'utf8'))).status).toBe(200)
  const native = recorder.samples.find(({ histogram }) => histogram)!
  expect(native.labels).toMatchObject({ my_exponential_histogram_attr: 'some value' })
  // Two values in (4, 8], which OTLP numbers 2 and Prometheus 3; one is 0.
  expect(native.histogram).toMatchObject({
    ...{ schema: 0, count: 3, sum: 10, zeroCount: 1, zeroThreshold: 1e-128 },
    ...{ positiveSpans: [{ offset: 3, length: 1 }], positiveBuckets: Float64Array.of(2), negativeSpans: [] },
  })
  expect(native.timestampMs).toBe(1544712660300)
})
