// Threat feeds over the network: good ones, and those that answer gigabytes, redirect inwards, hang or lie.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startObservatory } from './observatory.ts'

let observatory: Running
let server: Server
let list = '203.0.113.66\nevil.example\n'
const sent: Record<string, number> = {}

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url ?? ''
    sent[path] = (sent[path] ?? 0) + 1
    if (path === '/list') response.end(list)
    else if (path === '/inward') response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end()
    else if (path === '/loop') response.writeHead(302, { location: '/loop' }).end()
    else if (path === '/hang') return
    else if (path === '/bomb')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(64 * 1024 * 1024, 97)))
    else if (path === '/endless') {
      const part = Buffer.alloc(1024 * 1024, 97)
      const write = (): void => {
        while (!response.destroyed && response.write(part));
        response.once('drain', write)
      }
      write()
    } else if (path.startsWith('/taxii/collections/x/objects/')) {
      const next = new URL(path, 'http://x').searchParams.get('next')
      const indicator = (n: number) => ({
        ...{ type: 'indicator', id: `indicator--${n}`, pattern_type: 'stix', name: `Campaign ${n}` },
        pattern: `[domain-name:value = 'c${n}.example']`,
      })
      response.end(
        JSON.stringify(
          next ? { more: false, objects: [indicator(2)] } : { more: true, next: 'p2', objects: [indicator(1)] },
        ),
      )
    } else if (path.startsWith('/notes/')) response.end('<html>Welcome</html>')
    else if (path === '/misp/manifest.json')
      response.end(JSON.stringify({ '11111111-1111-4111-8111-111111111111': { timestamp: '1' } }))
    else if (path.startsWith('/misp/'))
      response.end(
        JSON.stringify({ Event: { info: 'M', Attribute: [{ type: 'sha256', value: 'd'.repeat(64), to_ids: true }] } }),
      )
    else response.writeHead(500).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const feed = (name: string, kind: string, path: string, allowPrivate = true) => ({
    name,
    kind,
    url: base + path,
    allowPrivate,
  })
  observatory = await startObservatory({
    security: {
      intel: {
        ...{ bytesMax: 1024 * 1024, timeoutSeconds: 2 },
        feeds: [
          ...[feed('plain', 'list', '/list'), feed('taxii', 'taxii', '/taxii/collections/x/')],
          ...[feed('misp', 'misp', '/misp/manifest.json'), feed('guarded', 'list', '/list', false)],
          ...[feed('loop', 'list', '/loop'), feed('bomb', 'list', '/bomb'), feed('endless', 'list', '/endless')],
          ...[feed('broken', 'stix', '/broken'), feed('hang', 'list', '/hang')],
          ...[feed('mistaken', 'taxii', '/notes/')],
        ],
      },
    },
  })
})
afterAll(async () => {
  await observatory.dispose()
  server.closeAllConnections()
  server.close()
})

const status = async () => {
  const { feeds } = await observatory.get<{ feeds: { name: string; indicators: number; lastError: string | null }[] }>(
    '/api/security/intel',
  )
  return Object.fromEntries(feeds.map((feed) => [feed.name, feed]))
}
const ingest = (documents: object[]) =>
  fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    body: documents.map((one) => JSON.stringify(one)).join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
const alerts = async (q: string) =>
  (await observatory.get<{ alerts: { rule: string; title: string; severity: string }[] }>(`/api/alerts?q=${q}`)).alerts

test('good feeds are in force; each bad one says what is wrong and harms no other', async () => {
  await expect.poll(async () => (await status())['hang']?.lastError).not.toBeNull()
  const all = await status()
  expect([all['plain']!.indicators, all['taxii']!.indicators, all['misp']!.indicators]).toEqual([2, 2, 1])
  expect(all['guarded']!.lastError).toContain('not a public address')
  expect(all['loop']!.lastError).toContain('redirects more than')
  expect(all['bomb']!.lastError).toContain('larger than')
  expect(all['endless']!.lastError).toContain('larger than')
  expect(all['broken']!.lastError).toContain('status 500')
  expect(all['mistaken']!.lastError).toContain('something else than the objects of a TAXII 2.1 collection')
  expect(all['hang']!.lastError).toBe('no whole answer within 2 s')
})

test('an event that names an entry raises an alert', async () => {
  await ingest([
    { message: 'q', 'dns.question.name': 'cdn.c2.example', 'host.name': 'pc-7' },
    { message: 'ok', 'dns.question.name': 'fine.example', 'host.name': 'pc-7' },
  ])
  await expect
    .poll(() => alerts('c2.example'))
    .toMatchObject([{ rule: 'intel/taxii', title: 'c2.example of Campaign 2 on pc-7' }])
})

test('what a feed names later is found in what was stored before', async () => {
  await ingest([{ message: 'earlier', 'destination.ip': '198.51.100.99', 'host.name': 'pc-8' }])
  await expect
    .poll(async () => (await observatory.get<{ events: object[] }>('/api/events?q=host.name:pc-8')).events.length)
    .toBe(1)
  list += '198.51.100.99\n'
  await observatory.parts.intel.refresh('plain')
  await expect.poll(() => alerts('198.51.100.99')).toMatchObject([{ rule: 'intel/plain' }])
})
