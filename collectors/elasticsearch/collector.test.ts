import { Client } from '@elastic/elasticsearch'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CodedError } from '#core/errors.ts'
import { createRecorder, type Recorder } from '../recorder.ts'
import { serveRoutes } from '../serve-routes.ts'
import { createElasticsearch, elasticsearchConfigSchema } from './collector.ts'

let recorder: Recorder
let served: Awaited<ReturnType<typeof serveRoutes>>
let client: Client

beforeEach(async () => {
  recorder = createRecorder()
  served = await serveRoutes(createElasticsearch(elasticsearchConfigSchema.parse({}), recorder.deps))
  client = new Client({ node: `${served.url}/elastic`, compression: true, maxRetries: 3 })
})
afterEach(async () => {
  await client.close()
  await served.close()
})

test('the official client finds a server it knows and ships to it', async () => {
  expect((await client.info()).version.number).toBe('8.17.0')
  const result = await client.helpers.bulk({
    datasource: Array.from({ length: 500 }, (_, i) => ({ message: `line ${i}`, '@timestamp': '2026-11-24T08:00:00Z' })),
    onDocument: () => ({ create: { _index: 'logs-nginx.access-default' } }),
  })
  expect(result).toMatchObject({ total: 500, successful: 500, failed: 0 })
  expect(recorder.events).toHaveLength(500)
  expect(recorder.events[0]).toMatchObject({ dataset: 'nginx.access', fields: { message: 'line 0' } })
})

test('each document gets its own answer, and an id is kept as the identity', async () => {
  const body = [
    '{"index":{"_index":"a","_id":"x1"}}\n{"message":"one"}',
    '{"create":{}}\nnot json',
    '{"update":{"_id":"x1"}}\n{"doc":{}}',
    '{"delete":{"_id":"x1"}}',
    '{"create":{}}\n{"message":"two"}',
  ].join('\n')
  const response = await fetch(`${served.url}/elastic/app/_bulk`, { method: 'POST', body: `${body}\n` })
  expect(response.headers.get('x-elastic-product')).toBe('Elasticsearch')
  const { errors, items } = (await response.json()) as { errors: boolean; items: Record<string, { status: number }>[] }
  expect(errors).toBe(true)
  expect(items.map((item) => Object.values(item)[0]!.status)).toEqual([201, 400, 400, 400, 201])
  expect(recorder.events.map(({ id }) => id)).toEqual(['x1', undefined])
  expect(recorder.counts).toMatchObject({ received: 5, accepted: 2 })
})

test('a client repeats what was refused for want of room, and nothing is taken twice', async () => {
  let refusals = 2
  recorder.before = () => {
    if (refusals-- > 0) throw new CodedError('log.full', { path: '/data' }, { retryAfterSeconds: 0 })
  }
  const result = await client.bulk({ operations: [{ create: { _index: 'a' } }, { message: 'x' }] })
  expect(result.errors).toBe(false)
  expect(recorder.events).toHaveLength(1)
})

test('what shippers ask at their start is answered', async () => {
  for (const path of [
    '/_license',
    '/_xpack',
    '/_cluster/health',
    '/_nodes/http',
    '/_index_template/filebeat',
    '/_ilm/policy/filebeat',
  ])
    expect((await fetch(`${served.url}/elastic${path}`)).status).toBe(200)
  expect((await fetch(`${served.url}/elastic/`, { method: 'HEAD' })).status).toBe(200)
  expect((await fetch(`${served.url}/elastic/_template/x`, { method: 'PUT', body: '{}' })).status).toBe(200)
})

test('a body that is no bulk is refused whole', async () => {
  for (const body of ['{"message":"no action"}\n', 'garbage\n', '{"create":{}}\n'])
    expect((await fetch(`${served.url}/elastic/_bulk`, { method: 'POST', body })).status).toBe(400)
  expect(recorder.events).toEqual([])
})
