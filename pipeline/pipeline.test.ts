import { Registry } from 'prom-client'
import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { RawEvent } from '#core/event.ts'
import { seededRandom } from '#core/random.ts'
import type { Span } from '#core/span.ts'
import { pipelineConfigSchema } from './config.ts'
import { decodeEvents } from './encode/events.ts'
import { decodeSpans } from './encode/span.ts'
import { Inventory } from './enrich/inventory.ts'
import type { Append, Topic } from './log/log.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'

const nowMs = Date.UTC(2026, 10, 24, 8)
const origin = { receiver: 'syslog', source: '192.0.2.1' }
const asIs = {
  parse: (_fields: object, _text: string, dataset: string | undefined) => ({
    dataset: dataset ?? 'unparsed',
    parsed: dataset !== undefined,
  }),
}

let records: { topic: Topic; record: Append }[]
let refuse: CodedError | undefined
let metrics: Registry
let pipeline: Pipeline
let inventory: Inventory

beforeEach(() => {
  records = []
  refuse = undefined
  metrics = new Registry()
  inventory = new Inventory()
  const log = {
    append: async (topic: Topic, record: Append) => {
      if (refuse) throw refuse
      return records.push({ topic, record }) - 1
    },
  }
  const config = pipelineConfigSchema.parse({ inFlightEventsMax: 2000 })
  const clock = new ManualClock(nowMs)
  pipeline = createPipeline(config, { log, clock, random: seededRandom(1), metrics, inventory, parsers: asIs })
})

const through = async (...batch: RawEvent[]) => {
  await pipeline.events(batch, origin)
  return decodeEvents(records.at(-1)!.record.payload)
}
const adjusted = async (reason: string): Promise<number> => {
  const metric = await metrics.getSingleMetric('guanlan_pipeline_adjusted_total')!.get()
  return metric.values.find((value) => value.labels['reason'] === reason)?.value ?? 0
}

test('an event is flattened, identified and timed, and keeps its original', async () => {
  const [event] = await through({
    original: '<13>hello',
    timestampMs: nowMs - 5000,
    dataset: 'app',
    fields: { message: 'hello', host: { name: 'web-1' }, tags: ['a', 'b'], list: [{ a: 1 }] },
  })
  expect(event).toMatchObject({
    '@timestamp': nowMs - 5000,
    'event.ingested': nowMs,
    'observer.name': 'syslog',
    'event.dataset': 'app',
    message: 'hello',
    'event.original': '<13>hello',
    'host.name': 'web-1',
    tags: ['a', 'b'],
    list: '[{"a":1}]',
  })
  expect(event!['event.id']).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
})

test('derived ids are unique and sort in the order of arrival, across slices', async () => {
  const events = await through(...Array.from({ length: 1200 }, (_, i) => ({ original: `line ${i}` })))
  const ids = events.map((event) => event['event.id'])
  expect(new Set(ids).size).toBe(1200)
  expect([...ids].sort()).toEqual(ids)
  expect(records).toHaveLength(1)
  expect(records[0]!.record).toMatchObject({ count: 1200, key: 'syslog/192.0.2.1' })
})

test('a given id is kept, and one that is too long becomes a digest that is the same again', async () => {
  const long = 'x'.repeat(1000)
  const [a, b, c] = await through({ id: 'file:1:20' }, { id: long }, { id: long })
  expect(a!['event.id']).toBe('file:1:20')
  expect(b!['event.id']).toMatch(/^[0-9a-f]{64}$/)
  expect(c!['event.id']).toBe(b!['event.id'])
})

test('a time that cannot be true is replaced by the arrival and kept aside', async () => {
  const [old, far] = await through({ timestampMs: 0 }, { fields: { '@timestamp': '2100-01-01T00:00:00Z' } })
  expect(old).toMatchObject({ '@timestamp': nowMs, 'guanlan.claimed_timestamp': '1970-01-01T00:00:00.000Z' })
  expect(far).toMatchObject({ '@timestamp': nowMs, 'guanlan.claimed_timestamp': '2100-01-01T00:00:00.000Z' })
  expect(await adjusted('timestamp')).toBe(2)
})

test('keys that reach a prototype are left out and counted', async () => {
  const fields = JSON.parse('{"__proto__":{"polluted":1},"a":{"constructor":{"prototype":{"x":1}}},"b":2}')
  const [event] = await through({ fields })
  expect(event).toMatchObject({ b: 2 })
  expect(Object.keys(event!).filter((name) => /proto|constructor|polluted/.test(name))).toEqual([])
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  expect(await adjusted('field-name')).toBe(2)
})

test('nesting 100,000 deep, cycles and thousands of fields stay within the limits', async () => {
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)
  const deepArray = JSON.parse(`${'['.repeat(100_000)}1${']'.repeat(100_000)}`)
  const cycle: Record<string, unknown> = { leaf: 1 }
  for (let i = 0; i < 10; i++) cycle[`self${i}`] = cycle
  const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, i]))
  const events = await through({ fields: { deep, deepArray } }, { fields: cycle }, { fields: wide })
  expect(events).toHaveLength(3)
  expect(Object.keys(events[1]!).length).toBeLessThan(600)
  expect(Object.keys(events[2]!).length).toBeLessThan(530)
  expect(await adjusted('depth')).toBeGreaterThan(0)
  expect(await adjusted('fields')).toBeGreaterThan(0)
})

test('a huge line is cut at a character, at most 64 KiB of UTF-8', async () => {
  const [event] = await through({ original: '观'.repeat(60_000) })
  const original = event!['event.original'] as string
  expect(Buffer.byteLength(original)).toBeLessThanOrEqual(65_536)
  expect(original.endsWith('观')).toBe(true)
  expect(await adjusted('original')).toBe(1)
})

test('when the log refuses, the sender is told and nothing is counted or shown', async () => {
  refuse = new CodedError('log.full', { path: 'data' }, { retryAfterSeconds: 5 })
  const seen: number[] = []
  pipeline.tap.subscribe({ batch: ({ events }) => void seen.push(events.length), lost: () => {} })
  await expect(pipeline.events([{ original: 'x' }], origin)).rejects.toMatchObject({ code: 'log.full' })
  expect(pipeline.sources.rows()).toEqual([])
  refuse = undefined
  await through({ original: 'y' })
  expect(seen).toEqual([1])
})

test('more in flight than the bound is refused with a time to retry', async () => {
  const batch = Array.from({ length: 1500 }, () => ({ original: 'x' }))
  const first = pipeline.events(batch, origin)
  await expect(pipeline.events(batch, origin)).rejects.toMatchObject({ code: 'log.overloaded', retryAfterSeconds: 1 })
  await first
  await pipeline.events(batch, origin)
})

test('a large batch lets other work run between its slices', async () => {
  let turns = 0
  let running = true
  const spin = (): void => {
    turns++
    if (running) setImmediate(spin)
  }
  setImmediate(spin)
  await pipeline.events(
    Array.from({ length: 2000 }, () => ({ original: 'x' })),
    origin,
  )
  running = false
  expect(turns).toBeGreaterThanOrEqual(6)
})

test('a span is kept as it is and becomes an event that can be searched', async () => {
  const span: Span = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    parentSpanId: '',
    name: 'GET /',
    kind: 'server',
    startUnixNano: `${nowMs - 100}000000`,
    endUnixNano: `${nowMs}000000`,
    status: 'error',
    statusMessage: 'boom',
    service: 'shop',
    attributes: { 'http.request.method': 'GET' },
    events: [],
    links: [],
  }
  await pipeline.spans([span], { receiver: 'otlp', source: '192.0.2.9' })
  expect(decodeSpans(records[0]!.record.payload)).toEqual([span])
  expect(decodeEvents(records[1]!.record.payload)[0]).toMatchObject({
    '@timestamp': nowMs - 100,
    'event.dataset': 'otel.span',
    'event.duration': 100_000_000,
    'event.outcome': 'failure',
    'trace.id': span.traceId,
    'span.id': span.spanId,
    'service.name': 'shop',
    'http.request.method': 'GET',
  })
})

test('what is known of the estate is added', async () => {
  inventory.set([
    {
      id: 'host:web-1',
      kind: 'host',
      name: 'web-1',
      aliases: ['192.0.2.7'],
      region: '330100',
      department: 'Tax',
      owner: 'ops',
      criticality: 'high',
      protectionLevel: 3,
    },
  ])
  const [byName, byAddress, none] = await through(
    { fields: { 'host.name': 'WEB-1' } },
    { fields: { 'source.address': '192.0.2.7' } },
    { fields: { 'host.name': 'other' } },
  )
  expect(byName).toMatchObject({ 'guanlan.entity.id': ['host:web-1'], 'guanlan.region': '330100' })
  expect(byAddress).toMatchObject({ 'source.ip': '192.0.2.7', 'guanlan.criticality': 'high' })
  expect(none!['guanlan.entity.id']).toBeUndefined()
})
