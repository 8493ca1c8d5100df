import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CodedError } from '#core/errors.ts'
import { createRecorder, type Recorder } from '../recorder.ts'
import { serveRoutes } from '../serve-routes.ts'
import { createHttpEvents, httpEventsConfigSchema } from './collector.ts'

let recorder: Recorder
let served: Awaited<ReturnType<typeof serveRoutes>>

beforeEach(async () => {
  recorder = createRecorder()
  const config = httpEventsConfigSchema.parse({ bodyBytesMax: 100_000, expandedBytesMax: 1_000_000 })
  served = await serveRoutes(createHttpEvents(config, recorder.deps))
})
afterEach(() => served.close())

const post = async (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, query = '') => {
  const response = await fetch(`${served.url}/api/ingest/events${query}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson', ...headers },
  })
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    retryAfter: response.headers.get('retry-after'),
  }
}

test('NDJSON, an array and plain lines become events', async () => {
  expect(await post('{"message":"one","event.id":"1"}\r\n\n{"message":"two","event":{"id":"2"}}')).toMatchObject({
    status: 202,
    body: { accepted: 2, rejected: 0 },
  })
  await post('[{"message":"three"}]')
  await post('a line\nanother', { 'content-type': 'text/plain' }, '?dataset=app')
  expect(
    recorder.events.map(({ id, original, dataset, fields }) => fields?.['message'] ?? [original, dataset, id]),
  ).toEqual(['one', 'two', 'three', ['a line', 'app', undefined], ['another', 'app', undefined]])
  expect(recorder.events.slice(0, 2).map(({ id }) => id)).toEqual(['1', '2'])
})

test('a file of CloudTrail is as many events as its list has, in one line or many, compressed or not', async () => {
  const trail = { Records: [{ eventName: 'GetObject', Records: 2 }, 'odd', { eventName: 'PutObject' }] }
  const accepted = { status: 202, body: { accepted: 2, rejected: 1, refusals: [{ line: 2, reason: 'not-an-object' }] } }
  expect(await post(JSON.stringify(trail, null, 2))).toMatchObject(accepted)
  expect(await post(gzipSync(JSON.stringify(trail)), { 'content-encoding': 'gzip' })).toMatchObject(accepted)
  expect(await post('{"Records":[{"a":1}]}\n{"Records":[{"a":2},{"a":3}]}')).toMatchObject({ body: { accepted: 3 } })
  expect(await post('{"message":"one","Records":[1]}')).toMatchObject({ body: { accepted: 1 } })
  const of = recorder.events.map(({ fields }) => fields!['eventName'] ?? fields!['a'] ?? fields!['message'])
  expect(of).toEqual(['GetObject', 'PutObject', 'GetObject', 'PutObject', 1, 2, 3, 'one'])
})

test('bad lines are refused one by one, with their number and reason', async () => {
  const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
  const answer = await post(
    gzipSync(`{"message":"good"}\nnot json\n[1]\n${deep}\n{"__proto__":{"polluted":1},"message":"odd"}`),
    { 'content-encoding': 'gzip' },
  )
  expect(answer).toMatchObject({ status: 202, body: { accepted: 2, rejected: 3 } })
  expect(answer.body['refusals']).toEqual([
    { line: 2, reason: 'json' },
    { line: 3, reason: 'not-an-object' },
    { line: 4, reason: 'too-deep' },
  ])
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect(recorder.counts).toMatchObject({
    received: 5,
    accepted: 2,
    rejected: { json: 1, 'not-an-object': 1, 'too-deep': 1 },
  })
})

test('bodies over the limit, bombs, unknown encodings and bad UTF-8 are refused with a reason', async () => {
  expect((await post('x'.repeat(100_001))).status).toBe(413)
  expect((await post(gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' })).status).toBe(413)
  expect((await post(zstdCompressSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'zstd' })).status).toBe(413)
  expect((await post('x', { 'content-encoding': 'compress' })).status).toBe(415)
  expect((await post(Buffer.from([0xff, 0xfe]))).status).toBe(400)
  expect((await post('not gzip', { 'content-encoding': 'gzip' })).status).toBe(400)
  expect((await post(`[${'['.repeat(90_000)}`)).status).toBe(400)
  expect(recorder.counts).toMatchObject({
    received: 7,
    accepted: 0,
    rejected: { 'too-large': 3, encoding: 1, invalid: 2, 'too-deep': 1 },
  })
  expect((await post('{"message":"still well"}')).status).toBe(202)
})

test('while the log is full the sender is told when to come again', async () => {
  recorder.before = () => {
    throw new CodedError('log.full', { path: '/data' }, { retryAfterSeconds: 5 })
  }
  expect(await post('{"message":"x"}')).toMatchObject({ status: 503, retryAfter: '5' })
  expect(recorder.counts).toMatchObject({ received: 1, accepted: 0, rejected: { full: 1 } })
})
