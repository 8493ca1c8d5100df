// The security feeds as their readers meet them.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Finding } from '#core/finding.ts'
import { type Running, startObservatory } from './observatory.ts'

const run = promisify(execFile)
let observatory: Running
let hasClient = false
/** A test that is tried again enters another machine. */
let entered = 0
const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(observatory.url + path, { headers: { authorization: `Bearer ${observatory.token}`, ...headers } })
const objects = '/feeds/taxii2/collections/security-alerts/objects/'

beforeAll(async () => {
  observatory = await startObservatory({ organisation: '某市网络安全应急指挥中心' })
  hasClient = await run('python3', ['-c', 'import taxii2client']).then(
    () => true,
    () => false,
  )
  const lines = [1, 2, 3].flatMap((host) =>
    Array.from({ length: 6 }, (_, i) =>
      JSON.stringify({
        message: `Failed password for root from 203.0.113.${host} port 4000${i} ssh2`,
        ...{ 'process.name': 'sshd', 'host.name': `web-${host}` },
      }),
    ),
  )
  lines.push(
    JSON.stringify({ message: 'EXT4-fs error (device sda1): ext4_lookup:1602: inode #2', 'process.name': 'kernel' }),
  )
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    body: lines.join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
})
afterAll(() => observatory.dispose())

test('ECS and OCSF: each security alert on a line, page after page; other alerts are not in it', async () => {
  await expect.poll(async () => (await (await ask('/feeds/security/ecs')).text()).trim().split('\n').length).toBe(3)
  const first = await ask('/feeds/security/ecs?limit=2')
  expect([first.headers.get('x-more'), first.headers.get('content-type')]).toEqual(['true', 'application/x-ndjson'])
  const rest = await ask(`/feeds/security/ecs?limit=2&after=${first.headers.get('x-next-after')}`)
  const all = `${await first.text()}${await rest.text()}`.trim().split('\n')
  const documents = all.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(new Set(documents.map((one) => one['source.ip'])).size).toBe(3)
  expect(documents[0]).toMatchObject({ 'event.kind': 'alert', 'threat.technique.id': ['T1110'] })
  expect(JSON.parse((await (await ask('/feeds/security/ocsf')).text()).split('\n')[0]!)).toMatchObject({
    class_uid: 2004,
  })
})

test('TAXII: discovery, collection, pages of exactly the limit, nothing twice, nothing left out', async () => {
  const discovery = await (await ask('/taxii2/')).json()
  expect(discovery).toMatchObject({ default: `${observatory.url}/feeds/taxii2/` })
  expect((await ask('/feeds/taxii2/collections/other/objects/')).status).toBe(404)
  expect((await ask(objects, { accept: 'application/taxii+json;version=9.9' })).status).toBe(406)
  const whole = (await (await ask(objects)).json()) as { objects: { id: string; modified?: string }[]; more: boolean }
  expect(whole.more).toBe(false)
  const keyOf = (one: { id: string; modified?: string }) => `${one.id} ${one.modified ?? ''}`
  for (const limit of [1, 2, 3, 7]) {
    const paged: string[] = []
    let next = ''
    for (let turns = 0; turns < 100; turns++) {
      const response = await ask(`${objects}?limit=${limit}${next}`)
      const page = (await response.json()) as { objects: typeof whole.objects; more: boolean; next?: string }
      paged.push(...page.objects.map(keyOf))
      if (!page.more) break
      // A version that several alerts bring is told once a page.
      expect(page.objects.length).toBeLessThanOrEqual(limit)
      expect(new Set(page.objects.map(keyOf)).size).toBe(page.objects.length)
      next = `&next=${page.next}`
    }
    expect([...new Set(paged)]).toEqual(whole.objects.map(keyOf))
  }
  const sightings = (await (await ask(`${objects}?match[type]=sighting`)).json()) as typeof whole
  expect(sightings.objects).toHaveLength(3)
  const one = (await (await ask(`${objects}${sightings.objects[0]!.id}/`)).json()) as typeof whole
  expect(one.objects).toHaveLength(1)
  const later = (await (await ask(`${objects}?added_after=2199-01-01T00:00:00Z`)).json()) as object
  expect(later).toEqual({ more: false })
})

test('TAXII: what cannot be read is refused, not left out; nobody writes; who has no token is asked for one', async () => {
  const status = async (query: string) => (await ask(`${objects}?${query}`)).status
  expect(await status('added_after=yesterday')).toBe(400)
  expect(await status('limit=0')).toBe(400)
  expect(await status('next=elsewhere')).toBe(400)
  const post = await fetch(observatory.url + objects, {
    ...{ method: 'POST', body: '{}', headers: { authorization: `Bearer ${observatory.token}` } },
  })
  expect([post.status, await post.json()]).toEqual([403, { title: 'This collection is read-only', http_status: '403' }])
  const unknown = await fetch(`${observatory.url}/taxii2/`)
  expect([unknown.status, unknown.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^Basic /)])
  // Elsewhere a browser would ask in its own window.
  expect((await fetch(`${observatory.url}/api/alerts`)).headers.get('www-authenticate')).toMatch(/^Bearer /)
})

test('TAXII: the newest version of an object unless others are asked for (section 3.4)', async () => {
  const finding: Finding = {
    ...{
      rule: 'test/versions',
      title: `A machine is entered (${++entered})`,
      description: '',
      severity: 'high',
      state: 'active',
    },
    ...{
      labels: { 'host.name': `web-9-${entered}`, 'source.ip': '203.0.113.99' },
      annotations: { category: 'security' },
    },
    ...{ atMs: Date.now(), forMs: 0, resolveAfterMs: 0, entities: ['host:web-9'] },
    evidence: { query: '*', language: 'kql', fromMs: 0, toMs: 1, eventIds: [], value: null, threshold: null },
  }
  type Page = {
    objects?: { id: string; type: string; modified?: string; labels?: string[]; description?: string }[]
    versions?: string[]
  }
  const read = async (query: string) => (await (await ask(`${objects}${query}`)).json()) as Page
  const ours = async (query: string) =>
    ((await read(query)).objects ?? []).filter(
      ({ type, description }) => type === 'sighting' && description!.startsWith(finding.title),
    )
  const { alerting } = observatory.parts
  await alerting.submit([finding])
  await expect.poll(async () => (await ours('')).length).toBe(1)
  const [first] = await ours('')
  // A page that ended before the change is taken up after it, and nothing is lost.
  const page = (await (await ask(`${objects}?limit=3`)).json()) as { next: string; objects: { id: string }[] }
  await alerting.submit([{ ...finding, state: 'over', atMs: finding.atMs + 5000 }])
  await expect.poll(async () => (await ours('?match[version]=all')).length).toBe(2)
  const [last] = await ours('')
  expect(await ours('')).toEqual([last])
  expect(last!.id).toBe(first!.id)
  expect(last!.modified! > first!.modified!).toBe(true)
  expect(last!.labels).toContain('state:resolved')
  expect(await ours('?match[version]=first')).toEqual([first])
  expect(await ours('?match[version]=first,last')).toEqual([first, last])
  expect(await ours(`?match[version]=${first!.modified}`)).toEqual([first])
  expect(await ours(`?match[version]=${first!.modified!.replace('Z', '000Z')}`)).toEqual([first])
  expect(await ours('?match[version]=2001-01-01T00:00:00Z')).toEqual([])
  expect((await read(`${first!.id}/`)).objects).toEqual([last])
  expect((await read(`${first!.id}/?match[version]=all`)).objects).toEqual([first, last])
  expect((await read(`${first!.id}/versions/`)).versions).toEqual([first!.modified, last!.modified])
  expect((await ask(`${objects}?match[version]=newest`)).status).toBe(400)
  const rest = await ask(`${objects}?next=${page.next}`)
  const ids = [...page.objects, ...((await rest.json()) as typeof page).objects].map(({ id }) => id)
  expect(new Set(ids)).toEqual(new Set((await read('')).objects!.map(({ id }) => id)))
})

test('an outside TAXII client reads it (skipped where python3 has no taxii2-client)', async (context) => {
  if (!hasClient) context.skip()
  const script = `
import sys, json
from taxii2client.v21 import Server, as_pages
server = Server(sys.argv[1] + '/taxii2/', user='token', password=sys.argv[2])
[collection] = server.default.collections
found = set()
for page in as_pages(collection.get_objects, per_request=4):
    found.update((one['id'], one.get('modified')) for one in page.get('objects', []))
every = set()
for page in as_pages(collection.get_objects, per_request=4, version='all'):
    every.update((one['id'], one.get('modified')) for one in page.get('objects', []))
some = next(id for id, modified in found if id.startswith('sighting'))
print(json.dumps({
    'title': collection.title, 'count': len(found), 'every': len(every), 'within': found <= every,
    'ids': len({id for id, modified in found}), 'one': len(collection.get_object(some)['objects']),
    'versions': len(collection.object_versions(some)['versions']),
}))`
  const { stdout } = await run('python3', ['-c', script, observatory.url, observatory.token])
  const read = JSON.parse(stdout) as { count: number; every: number; versions: number }
  const whole = (await (await ask(objects)).json()) as { objects: object[] }
  const every = (await (await ask(`${objects}?match[version]=all`)).json()) as { objects: object[] }
  expect(read).toMatchObject({ count: whole.objects.length, every: every.objects.length, within: true, one: 1 })
  // One version of each.
  expect(read).toMatchObject({ ids: read.count })
  expect(read.versions).toBeGreaterThan(0)
})

test('MISP: manifest, event and hashes fit together', async () => {
  const manifest = (await (await ask('/feeds/misp/manifest.json')).json()) as Record<string, { info: string }>
  const [uuid] = Object.keys(manifest)
  const { Event } = (await (await ask(`/feeds/misp/${uuid}.json`)).json()) as {
    Event: { Attribute: { value: string }[] }
  }
  expect(Event.Attribute.map(({ value }) => value).sort()).toContain('203.0.113.1')
  expect((await (await ask('/feeds/misp/hashes.csv')).text()).trim().split('\n')).toHaveLength(Event.Attribute.length)
})

test('the stream replays what was missed', async () => {
  const response = await ask('/feeds/security?after=0', { accept: 'text/event-stream' })
  const reader = response.body!.getReader()
  let text = ''
  while (text.split('event: alert').length < 4) text += new TextDecoder().decode((await reader.read()).value)
  await reader.cancel()
  expect(text).toContain('"event.kind":"alert"')
})
