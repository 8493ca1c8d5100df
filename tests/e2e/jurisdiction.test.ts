// Who answers for a part of the province sees that part, by whichever way they ask.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startObservatory } from './observatory.ts'

let observatory: Running
let shenzhen: string
const token = async (jurisdiction: { regions: string[]; departments: string[] }): Promise<string> => {
  const actor = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
  const { secret } = await observatory.parts.people.addToken(actor, {
    ...{ name: 'restricted', role: 'admin', scopes: ['read', 'write'], expiresMs: null, jurisdiction },
  })
  return secret
}
const ask = async (path: string, secret: string): Promise<{ status: number; body: Record<string, never> }> => {
  const response = await fetch(`${observatory.url}${path}`, { headers: { authorization: `Bearer ${secret}` } })
  return { status: response.status, body: (await response.json()) as Record<string, never> }
}
beforeAll(async () => {
  observatory = await startObservatory()
  const entity = (name: string, region: string, department: string) => ({
    ...{ id: `host:${name}`, kind: 'host', name, aliases: [], region, department, owner: '' },
    ...{ criticality: 'medium', protectionLevel: 0 },
  })
  await fetch(`${observatory.url}/api/entities`, {
    method: 'POST',
    headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      entities: [
        entity('sz-1', '440305', '市场监管局'),
        entity('sz-2', '440304', '公安局'),
        entity('gz-1', '440106', '市场监管局'),
      ],
    }),
  })
  const lines = ['sz-1', 'sz-2', 'gz-1', 'nobody'].flatMap((host) =>
    Array.from({ length: 6 }, (_, i) =>
      JSON.stringify({
        ...{ message: `Failed password for root from 203.0.113.9 port 4000${i} ssh2`, 'process.name': 'sshd' },
        'host.name': host,
      }),
    ),
  )
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    body: lines.join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
  shenzhen = await token({ regions: ['440300'], departments: [] })
})
afterAll(() => observatory.dispose())

const hosts = async (path: string, secret: string): Promise<string[]> => {
  const { body } = await ask(path, secret)
  return [...new Set((body['events'] as unknown as { 'host.name': string }[]).map((one) => one['host.name']))].sort()
}

test('a search shows their part, whatever it says', async () => {
  await expect.poll(() => hosts('/api/events?limit=500&q=process.name:sshd', observatory.token)).toHaveLength(4)
  for (const q of ['process.name:sshd', '', 'host.name:gz-1 or host.name:sz-1', 'not host.name:sz-1'])
    for (const host of await hosts(`/api/events?limit=500&q=${encodeURIComponent(q)}`, shenzhen))
      expect(['sz-1', 'sz-2']).toContain(host)
  expect(await hosts('/api/events?limit=500', shenzhen)).toEqual(['sz-1', 'sz-2'])
  for (const q of ['message:x) or (host.name:gz-1', 'message:x\\', '(message:x', '"message'])
    expect([(await ask(`/api/events?q=${encodeURIComponent(q)}`, shenzhen)).status, q]).toEqual([
      q === 'message:x\\' ? expect.any(Number) : 400,
      q,
    ])
  const { body } = await ask('/api/events/top?field=host.name&q=process.name:sshd', shenzhen)
  expect((body['values'] as unknown as { value: string }[]).map(({ value }) => value).sort()).toEqual(['sz-1', 'sz-2'])
  const exported = await fetch(`${observatory.url}/api/events/export?format=ndjson`, {
    headers: { authorization: `Bearer ${shenzhen}` },
  })
  expect(await exported.text()).not.toContain('gz-1')
})

test('they may narrow, not widen', async () => {
  expect(await hosts('/api/events?limit=500&region=440305', shenzhen)).toEqual(['sz-1'])
  expect(await hosts('/api/events?limit=500&department=%E5%85%AC%E5%AE%89%E5%B1%80', shenzhen)).toEqual(['sz-2'])
  expect(await hosts('/api/events?limit=500&region=440000', shenzhen)).toEqual(['sz-1', 'sz-2'])
  expect((await ask('/api/events?region=440100', shenzhen)).status).toBe(403)
  expect(await hosts('/api/events?limit=500&region=440100', observatory.token)).toEqual(['gz-1'])
})

test('one event, one alert elsewhere is not there for them', async () => {
  const { body } = await ask('/api/events?limit=1&q=host.name:gz-1', observatory.token)
  const [event] = body['events'] as unknown as { 'event.id': string }[]
  expect((await ask(`/api/events/${event!['event.id']}`, observatory.token)).status).toBe(200)
  expect((await ask(`/api/events/${event!['event.id']}`, shenzhen)).status).toBe(404)
  await expect
    .poll(async () => {
      const { alerts } = (await ask('/api/alerts?q=gz-1', observatory.token)).body as unknown as { alerts: unknown[] }
      return alerts.length
    })
    .toBeGreaterThan(0)
  const all = (await ask('/api/alerts', observatory.token)).body as unknown as {
    alerts: { id: string; entities: string[] }[]
  }
  const theirs = (await ask('/api/alerts', shenzhen)).body as unknown as typeof all
  expect(theirs.alerts.length).toBeGreaterThan(0)
  expect(theirs.alerts.length).toBeLessThan(all.alerts.length)
  for (const { entities } of theirs.alerts) expect(entities.some((id) => id.startsWith('host:sz-'))).toBe(true)
  const elsewhere = all.alerts.find(({ entities }) => entities.every((id) => !id.startsWith('host:sz-')))!
  expect((await ask(`/api/alerts/${elsewhere.id}`, shenzhen)).status).toBe(404)
  const { body: overview } = await ask('/api/overview', shenzhen)
  expect((overview['alerts'] as unknown as { firing: number }).firing).toBe(theirs.alerts.length)
})

test('what cannot be cut is refused', async () => {
  for (const path of ['/api/v1/query?query=up', '/api/sources', '/api/users', '/api/audit', '/api/settings'])
    expect([path, (await ask(path, shenzhen)).status]).toEqual([path, 403])
})
