import { gzipSync } from 'node:zlib'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { SeverityNumber } from '@opentelemetry/api-logs'
import { OTLPLogExporter as GrpcLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Collector } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import type { Span } from '#core/span.ts'
import { createRecorder, type Recorder, until } from '../recorder.ts'
import { createOtlp } from './collector.ts'
import { otlpConfigSchema } from './config.ts'

let recorder: Recorder
let spans: Span[]
let collector: Collector
let url: string
let grpcUrl: string
const resource = resourceFromAttributes({
  'service.name': 'shop',
  'service.namespace': 'city',
  'service.instance.id': 'i-1',
  'host.name': 'web-1',
})

beforeEach(async () => {
  recorder = createRecorder()
  spans = []
  recorder.deps.emit.spans = async (batch) => {
    await recorder.before()
    spans.push(...batch)
  }
  const config = otlpConfigSchema.parse({
    httpListen: '127.0.0.1:0',
    grpcListen: '127.0.0.1:0',
    bodyBytesMax: 200_000,
    expandedBytesMax: 1_000_000,
    deltaSeriesMax: 50,
    recordsMax: 1000,
    samplesMax: 300,
  })
  collector = createOtlp(config, recorder.deps)
  await collector.start()
  const [http, grpc] = collector.describe()
  url = `http://${http!.split(' ')[1]}`
  grpcUrl = `http://${grpc!.split(' ')[1]}`
})
afterEach(() => collector.stop())

const logWith = async (exporter: OTLPLogExporter | GrpcLogExporter): Promise<void> => {
  const provider = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter })] })
  provider.getLogger('checkout').emit({
    severityNumber: SeverityNumber.ERROR,
    body: '支付失败',
    timestamp: new Date('2026-11-24T08:00:00.123Z'),
    attributes: { 'http.method': 'POST', order: 42, nested: { a: ['x', 1] } },
  })
  await provider.forceFlush()
  await provider.shutdown()
}

test.each(['protobuf over HTTP', 'gRPC'])("OpenTelemetry's log exporter ships by %s", async (transport) => {
  await logWith(
    transport === 'gRPC'
      ? new GrpcLogExporter({ url: grpcUrl })
      : new OTLPLogExporter({ url: `${url}/v1/logs`, compression: 'gzip' as never }),
  )
  await until(() => recorder.events.length === 1, 'the record')
  expect(recorder.events[0]).toMatchObject({
    original: '支付失败',
    timestampMs: Date.parse('2026-11-24T08:00:00.123Z'),
    origin: { receiver: 'otlp', source: '127.0.0.1' },
    fields: {
      'log.level': 'error',
      'log.logger': 'checkout',
      'service.name': 'shop',
      'host.name': 'web-1',
      'http.request.method': 'POST',
      'labels.order': 42,
      'labels.nested': { a: ['x', 1] },
    },
  })
  expect(recorder.counts).toMatchObject({ received: 1, accepted: 1 })
})

test.each([AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])(
  'metrics become Prometheus series (temporality %s)',
  async (temporalityPreference) => {
    const exporter = new OTLPMetricExporter({
      url: `${url}/v1/metrics`,
      temporalityPreference: temporalityPreference as never,
    })
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ resource, readers: [reader] })
    const meter = provider.getMeter('m')
    const requests = meter.createCounter('http.server.requests', { unit: '{request}' })
    const latency = meter.createHistogram('http.server.duration', {
      unit: 's',
      advice: { explicitBucketBoundaries: [0.1, 1] },
    })
    for (const round of [1, 2]) {
      requests.add(3, { 'http.route': '/a' })
      latency.record(0.05)
      latency.record(round)
      await provider.forceFlush()
    }
    await provider.shutdown()
    const last = (name: string, more: Record<string, string> = {}): number | undefined =>
      recorder.samples.findLast(
        ({ labels }) =>
          labels['__name__'] === name && Object.entries(more).every(([key, value]) => labels[key] === value),
      )?.value
    expect(last('http_server_requests_total', { http_route: '/a', job: 'city/shop', instance: 'i-1' })).toBe(6)
    expect(last('http_server_duration_seconds_bucket', { le: '0.1' })).toBe(2)
    expect(last('http_server_duration_seconds_bucket', { le: '1' })).toBe(3)
    expect(last('http_server_duration_seconds_bucket', { le: '+Inf' })).toBe(4)
    expect(last('http_server_duration_seconds_sum')).toBeCloseTo(3.1)
    expect(last('target_info', { host_name: 'web-1' })).toBe(1)
    expect(recorder.metadata).toContainEqual({
      family: 'http_server_requests_total',
      type: 'counter',
      help: '',
      unit: '{request}',
    })
  },
)

test('spans keep their ids, times and relations', async () => {
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }))],
  })
  const span = provider.getTracer('t').startSpan('GET /pay', {
    kind: 1,
    startTime: new Date('2026-11-24T08:00:00Z'),
    attributes: { 'http.status_code': 200 },
  })
  span.addEvent('retry', { count: 1 })
  span.end(new Date('2026-11-24T08:00:01Z'))
  await provider.forceFlush()
  await provider.shutdown()
  const { traceId, spanId } = span.spanContext()
  expect(spans).toMatchObject([
    {
      traceId,
      spanId,
      parentSpanId: '',
      name: 'GET /pay',
      kind: 'server',
      service: 'shop',
      startUnixNano: '1795507200000000000',
      endUnixNano: '1795507201000000000',
      events: [{ name: 'retry', attributes: { count: 1 } }],
    },
  ])
})

const post = async (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) => {
  const response = await fetch(url + path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  return { status: response.status, text: await response.text(), retryAfter: response.headers.get('retry-after') }
}
const jsonLog = (record: object): string =>
  JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] })

test('JSON is read as its mapping says, also from 1970 and 2100', async () => {
  await post(
    '/v1/logs',
    jsonLog({
      timeUnixNano: '4102444800000000000',
      body: { stringValue: 'later' },
      traceId: '5B8EFFF798038103D269B633813FC60C',
      unknownField: 1,
    }),
  )
  await post(
    '/v1/logs',
    jsonLog({ timeUnixNano: '0', observedTimeUnixNano: '1000000', body: { intValue: '9007199254740993' } }),
  )
  expect(recorder.events.map(({ original, timestampMs }) => [original, timestampMs])).toEqual([
    ['later', 4102444800000],
    ['9007199254740992', 1],
  ])
  expect(recorder.events[0]!.fields!['trace.id']).toBe('5b8efff798038103d269b633813fc60c')
})

test('points beyond the table of deltas, and spans without ids, are told as partial success', async () => {
  const points = Array.from({ length: 80 }, (_, i) => ({
    asInt: '1',
    timeUnixNano: '1795507200000000000',
    attributes: [{ key: 'i', value: { intValue: i } }],
  }))
  const metrics = await post(
    '/v1/metrics',
    JSON.stringify({
      resourceMetrics: [
        {
          scopeMetrics: [
            { metrics: [{ name: 'x', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: points } }] },
          ],
        },
      ],
    }),
  )
  expect(JSON.parse(metrics.text)).toEqual({
    partialSuccess: {
      rejectedDataPoints: '30',
      errorMessage: 'delta-series 30: no room for another series of deltas (collectors.otlp.deltaSeriesMax)',
    },
  })
  const traces = await post(
    '/v1/traces',
    JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: '00', spanId: 'xyz', name: 'bad' }] }] }] }),
  )
  expect(JSON.parse(traces.text)).toEqual({
    partialSuccess: { rejectedSpans: '1', errorMessage: 'invalid-id 1: no valid trace or span id' },
  })
  expect(recorder.counts).toMatchObject({
    received: 81,
    accepted: 50,
    rejected: { 'delta-series': 30, 'invalid-id': 1 },
  })
})

const gauge = (points: object[]): string =>
  JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'g', gauge: { dataPoints: points } }] }] }] })

test('more records than one request may hold are refused in both encodings, before anything is made of them', async () => {
  const refusal = { status: 413, text: expect.stringContaining('More than 1000 records in one request') }
  expect(await post('/v1/metrics', gauge(new Array(1001).fill({ asInt: '1' })))).toMatchObject(refusal)
  const records = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${new Array(1001).fill('{}').join()}]}]}]}`
  expect(await post('/v1/logs', records)).toMatchObject(refusal)
  // ResourceSpans { ScopeSpans { 1,001 empty spans } }, lengths as varints of two bytes.
  const spans = Buffer.alloc(2002, Buffer.of(0x12, 0))
  const length = (bytes: Uint8Array): number[] => [(bytes.length & 127) | 128, bytes.length >> 7]
  const scope = Buffer.concat([Buffer.of(0x12, ...length(spans)), spans])
  const body = Buffer.concat([Buffer.of(0x0a, ...length(scope)), scope])
  expect(await post('/v1/traces', body, { 'content-type': 'application/x-protobuf' })).toMatchObject({ status: 413 })
  expect(recorder.counts).toMatchObject({ received: 3, accepted: 0, rejected: { 'too-many': 3 } })
  expect(recorder.samples).toEqual([])
})

test('points that would become more samples than one request may have are told as partial success', async () => {
  const bounds = Array.from({ length: 197 }, (_, i) => i)
  const histogram = { timeUnixNano: '1795507200000000000', count: '1', bucketCounts: ['1'], explicitBounds: bounds }
  const number = { timeUnixNano: '1795507200000000000', asInt: '7' }
  const metrics = [
    { name: 'h', histogram: { aggregationTemporality: 2, dataPoints: [histogram, histogram] } },
    { name: 'g', gauge: { dataPoints: [number] } },
  ]
  const { status, text } = await post(
    '/v1/metrics',
    JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }),
  )
  expect(status).toBe(200)
  expect(JSON.parse(text).partialSuccess).toEqual({
    rejectedDataPoints: '1',
    errorMessage: expect.stringContaining('too-many-samples 1: the points of one request become too many samples'),
  })
  expect(recorder.samples.filter(({ labels }) => labels['__name__'] === 'g')).toHaveLength(1)
  expect(recorder.counts.rejected).toEqual({ 'too-many-samples': 1 })
})

test('a body of few bytes that asks for millions of objects is refused', async () => {
  // Empty messages of two bytes, and lists of lists; both far below the limits of bytes after gzip.
  await collector.stop()
  const config = otlpConfigSchema.parse({ httpListen: '127.0.0.1:0', grpcListen: '' })
  collector = createOtlp(config, recorder.deps)
  await collector.start()
  url = `http://${collector.describe()[0]!.split(' ')[1]}`
  const protobuf = gzipSync(Buffer.alloc(6_000_000, Buffer.of(0x0a, 0)))
  const json = gzipSync(Buffer.from(`{"resourceMetrics":[${'[],'.repeat(1_500_000)}[]]}`))
  for (const [body, type] of [
    [protobuf, 'application/x-protobuf'],
    [json, 'application/json'],
  ] as const)
    expect(await post('/v1/metrics', body, { 'content-type': type, 'content-encoding': 'gzip' })).toMatchObject({
      status: 413,
    })
  expect(recorder.counts.rejected).toEqual({ 'too-many': 2 })
})

test('bad bodies are refused with a status, and the next sender is well', async () => {
  const deep = `{"resourceLogs":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  expect((await post('/v1/logs', deep.slice(0, 150_000))).status).toBe(400)
  expect((await post('/v1/logs', 'x'.repeat(200_001))).status).toBe(413)
  expect((await post('/v1/logs', gzipSync(Buffer.alloc(20_000_000)), { 'content-encoding': 'gzip' })).status).toBe(413)
  expect(
    (
      await post('/v1/logs', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]), {
        'content-type': 'application/x-protobuf',
      })
    ).status,
  ).toBe(400)
  expect((await post('/v1/logs', '{}', { 'content-type': 'text/plain' })).status).toBe(415)
  expect((await post('/v1/nothing', '{}')).status).toBe(404)
  expect((await post('/v1/logs', '{"resourceLogs":"no","__proto__":{"x":1}}')).status).toBe(200)
  expect((await post('/v1/logs', jsonLog({ body: { stringValue: 'well' } }))).status).toBe(200)
  expect(recorder.counts.rejected).toEqual({ 'too-deep': 1, 'too-large': 2, invalid: 1 })
})

test('while the log is full HTTP says 503 with Retry-After, gRPC UNAVAILABLE, and an exporter repeats', async () => {
  let full = true
  recorder.before = () => {
    if (full) throw new CodedError('log.full', { path: '/data' }, { retryAfterSeconds: 1 })
  }
  expect(await post('/v1/logs', jsonLog({ body: { stringValue: 'x' } }))).toMatchObject({
    status: 503,
    retryAfter: '1',
  })
  const client = new Client(grpcUrl.slice('http://'.length), credentials.createInsecure())
  const path = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
  const request = Buffer.from('0a0412021200', 'hex')
  const error = await new Promise<ServiceError | null>((resolve) => {
    client.makeUnaryRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      request,
      resolve,
    )
  })
  client.close()
  expect(error?.code).toBe(status.UNAVAILABLE)
  expect(error?.metadata.get('grpc-status-details-bin')).toHaveLength(1)
  setTimeout(() => {
    full = false
  }, 300)
  await logWith(new OTLPLogExporter({ url: `${url}/v1/logs` }))
  expect(recorder.events).toHaveLength(1)
})
