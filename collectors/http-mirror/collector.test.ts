// With a real gateway: nginx mirrors requests with bodies here, and answers its own clients as ever.
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { silentLogger } from '#core/logger.ts'
import type { BodyInspector } from '#core/sensitive.ts'
import { createInspector } from '#security/sensitive/body/inspector.ts'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { synthetic } from '#security/sensitive/testing.ts'
import { createRecorder, type Recorder, until } from '../recorder.ts'
import { serveRoutes } from '../serve-routes.ts'
import { createHttpMirror, httpMirrorConfigSchema } from './collector.ts'
import { nginx, startMirroringNginx } from './testing.ts'

const make = synthetic(5)
const inspector = createInspector(
  {
    ...{ dictionary: readDictionary('rules/dlp/kinds.yml'), key: Buffer.alloc(32, 9), inspectMsMax: 10_000 },
    ...{ expandedBytesMax: 8_000_000, expected: [] },
  },
  { logger: silentLogger },
)
afterAll(() => inspector.close())

let recorder: Recorder
let served: Awaited<ReturnType<typeof serveRoutes>>
const serve = async (settings: object, looking: BodyInspector = inspector): Promise<void> => {
  recorder = createRecorder()
  recorder.deps.inspector = looking
  served = await serveRoutes(createHttpMirror(httpMirrorConfigSchema.parse(settings), recorder.deps))
}
beforeEach(() => serve({ bodyBytesMax: 100_000, readMsMax: 300 }))
afterEach(() => served.close())

const settled = (): Promise<void> =>
  until(() => {
    const { received, accepted, rejected, dropped } = recorder.counts
    const lost = [...Object.values(rejected), ...Object.values(dropped)].reduce((sum, one) => sum + one, 0)
    return received > 0 && received === accepted + lost
  }, 'every body looked into or counted as lost')
const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(served.url + path, { method: 'POST', body, headers })

test('a mirrored request is answered at once with 204 and told with who, where and what, without the data', async () => {
  const id = make.residentId()
  const answer = await post(
    '/api/ingest/mirror/request/api/apply?step=2',
    JSON.stringify({ applicant: { idCard: id } }),
    {
      ...{ 'content-type': 'application/json', 'x-real-ip': '10.1.2.3', 'x-original-host': 'portal.example.gov.cn' },
      ...{ 'x-original-user': 'wei', 'x-original-server': 'web-1' },
    },
  )
  expect(answer.status).toBe(204)
  await settled()
  expect(recorder.events).toMatchObject([
    {
      dataset: 'guanlan.sensitive',
      origin: { receiver: 'http-mirror' },
      fields: {
        ...{ 'url.path': '/api/apply', 'url.query': 'step=2', 'source.ip': '10.1.2.3', 'user.name': 'wei' },
        ...{ 'host.name': 'web-1', 'url.domain': 'portal.example.gov.cn', 'http.request.method': 'POST' },
        ...{ 'guanlan.sensitive.values': { 'resident-id': 1 }, 'guanlan.sensitive.where': ['applicant.idCard'] },
      },
    },
  ])
  expect(JSON.stringify(recorder.events)).not.toContain(id.slice(6))
})

test('exchanges come in our short form, as APISIX logs them and as Envoy taps them', async () => {
  const id = make.residentId
  const short = {
    url: 'https://a.example/x?y=1',
    client: '10.0.0.1',
    user: 'li',
    status: 200,
    contentType: 'application/json',
    body: `{"id":"${id()}"}`,
  }
  const apisix = {
    ...{ client_ip: '10.0.0.2', start_time: 1_795_000_000_000, service_id: 's1', server: { hostname: 'gw-1' } },
    request: { method: 'GET', uri: '/list?page=1', headers: { host: 'b.example' } },
    response: { status: 200, headers: { 'content-type': 'application/json' }, body: `[{"id":"${id()}"}]` },
  }
  const envoy = {
    http_buffered_trace: {
      request: {
        headers: [
          { key: ':path', value: '/e' },
          { key: ':authority', value: 'c.example' },
          { key: 'x-forwarded-for', value: '10.0.0.3, 10.9.9.9' },
        ],
      },
      response: {
        headers: [
          { key: ':status', value: '200' },
          { key: 'content-type', value: 'application/json' },
          { key: 'content-encoding', value: 'gzip' },
        ],
        body: { truncated: false, as_bytes: gzipSync(`{"id":"${id()}"}`).toString('base64') },
      },
    },
  }
  const lines = [short, apisix, envoy].map((one) => JSON.stringify(one)).join('\n')
  expect((await post('/api/ingest/mirror', lines)).status).toBe(204)
  expect(
    (await post('/api/ingest/mirror', gzipSync(JSON.stringify([short])), { 'content-encoding': 'gzip' })).status,
  ).toBe(204)
  await settled()
  expect(
    recorder.events.map(({ fields }) => [
      fields!['url.path'],
      fields!['url.domain'],
      fields!['source.ip'],
      fields!['http.response.status_code'],
    ]),
  ).toEqual([
    ['/x', 'a.example', '10.0.0.1', 200],
    ['/list', 'b.example', '10.0.0.2', 200],
    ['/e', 'c.example', '10.0.0.3', 200],
    ['/x', 'a.example', '10.0.0.1', 200],
  ])
  expect(recorder.counts).toMatchObject({ received: 4, accepted: 4 })
})

test('what cannot be looked into is counted by reason, and the gateway sees success', async () => {
  const octets = { 'content-type': 'image/png' }
  expect((await post('/api/ingest/mirror/request/a', Buffer.from([0x89, 0, 1]), octets)).status).toBe(204)
  expect(
    (
      await post('/api/ingest/mirror/request/a', gzipSync(Buffer.alloc(30_000_000)), {
        'content-encoding': 'gzip',
        'content-type': 'text/plain',
      })
    ).status,
  ).toBe(204)
  expect((await post('/api/ingest/mirror/request/a', 'x', { 'content-encoding': 'sdch' })).status).toBe(204)
  // Larger than is looked into: its head is.
  expect(
    (
      await post('/api/ingest/mirror/request/a', `${make.residentId()} ${'x'.repeat(3_000_000)}`, {
        'content-type': 'text/plain',
      })
    ).status,
  ).toBe(204)
  expect((await post('/api/ingest/mirror', '{"nothing":1}')).status).toBe(400)
  expect((await post('/api/ingest/mirror', 'not json')).status).toBe(400)
  await settled()
  expect(recorder.counts.dropped).toEqual({ binary: 1, expands: 1, encoding: 1 })
  expect(recorder.counts.rejected).toEqual({ 'not-an-exchange': 2 })
  expect(recorder.events).toMatchObject([{ fields: { 'guanlan.sensitive.partial': true } }])
})

test('a body that does not come to its end is given up', async () => {
  const { hostname, port } = new URL(served.url)
  const { connect } = await import('node:net')
  const socket = connect(Number(port), hostname)
  socket.write('POST /api/ingest/mirror/request/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc')
  const answer = await new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(String(bytes))))
  socket.destroy()
  expect(answer).toContain('204')
  expect(recorder.counts).toMatchObject({ received: 1, dropped: { 'slow-body': 1 } })
})

test('while nothing is looked into, the gateway is still answered; what the queue cannot hold is counted', async () => {
  await served.close()
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  await serve({ queueBodiesMax: 10 }, { inspect: async (part) => held.then(() => inspector.inspect(part)) })
  for (let i = 0; i < 30; i++)
    expect(
      (await post('/api/ingest/mirror/request/a', make.residentId(), { 'content-type': 'text/plain' })).status,
    ).toBe(204)
  expect(recorder.counts.received).toBe(30)
  expect(recorder.counts.dropped['queue-full']).toBeGreaterThan(0)
  release()
  await settled()
  expect(recorder.counts.accepted + recorder.counts.dropped['queue-full']!).toBe(30)
})

test('findings that the disk does not take are counted as dropped', async () => {
  recorder.before = () => {
    throw new Error('no room')
  }
  await post('/api/ingest/mirror/request/a', make.residentId(), { 'content-type': 'text/plain' })
  await settled()
  expect(recorder.counts).toMatchObject({ received: 1, accepted: 0, dropped: { invalid: 1 } })
})

describe.skipIf(!nginx)('nginx with its mirror directive (needs nginx)', () => {
  it('mirrors 1,000 requests, plain and compressed, of which none is lost, slowed or refused', async () => {
    const gateway = await startMirroringNginx(served.url)
    try {
      await settled()
      const before = recorder.counts.received
      const ids = Array.from({ length: 1000 }, make.residentId)
      for (let from = 0; from < ids.length; from += 20)
        await Promise.all(
          ids.slice(from, from + 20).map(async (id, i) => {
            const plain = JSON.stringify({ list: [{ idCard: id }] })
            const isPacked = i % 2 === 1
            const answer = await fetch(`${gateway.url}/api/save?n=${from + i}`, {
              method: 'POST',
              body: isPacked ? gzipSync(plain) : plain,
              headers: {
                // As a browser and its session would send: none of it may reach the observatory.
                ...{
                  'content-type': 'application/json',
                  authorization: 'Bearer of-the-application',
                  origin: 'https://portal.example',
                },
                ...(isPacked ? { 'content-encoding': 'gzip' } : {}),
              },
            })
            expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
          }),
        )
      await until(() => recorder.events.length === 1000, 'a finding of each request')
      await settled()
      expect(recorder.counts).toMatchObject({ received: before + 1000, dropped: {}, rejected: {} })
      const numbers = new Set(recorder.events.map(({ fields }) => fields!['url.query']))
      expect(numbers.size).toBe(1000)
      expect(recorder.events[0]!.fields).toMatchObject({
        ...{
          'url.path': '/api/save',
          'url.domain': '127.0.0.1',
          'source.ip': '127.0.0.1',
          'http.request.method': 'POST',
        },
        'guanlan.sensitive.where': ['list[].idCard'],
      })
    } finally {
      await gateway.stop()
    }
  })
})
