// From a sender to a page: everything real, one process as in production.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Running, startObservatory } from './observatory.ts'

const run = promisify(execFile)
const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`

describe('an observatory', () => {
  let observatory: Running
  let logs: string
  const received: { headers: Record<string, string>; body: string }[] = []
  const hook = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    received.push({ headers: request.headers as Record<string, string>, body })
    response.end()
  })

  beforeAll(async () => {
    logs = await mkdtemp(join(tmpdir(), 'guanlan-logs-'))
    await writeFile(join(logs, 'auth.log'), '')
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
    observatory = await startObservatory({
      alerts: { receivers: [{ kind: 'webhook', name: 'hook', url, secret, allowPrivate: true }] },
      collectors: { file: { sources: [{ paths: [join(logs, 'auth.log')] }], discoverIntervalMs: 500 } },
    })
  })
  afterAll(async () => {
    await observatory.dispose()
    hook.close()
    await rm(logs, { recursive: true })
  })

  const events = async (q: string): Promise<Record<string, unknown>[]> =>
    (await observatory.get<{ events: Record<string, unknown>[] }>(`/api/events?q=${encodeURIComponent(q)}`)).events
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(observatory.url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })

  test('measures this machine by itself', async () => {
    const query = '/api/v1/query?query=node_load1'
    await expect
      .poll(async () => (await observatory.get<{ data: { result: object[] } }>(query)).data.result.length)
      .toBe(1)
  })

  test.skipIf(!existsSync('/usr/bin/logger'))('what logger sends is found (needs util-linux logger)', async () => {
    await run('logger', ['-n', '127.0.0.1', '-P', String(observatory.port('syslog', 'udp')), '-d', 'hello'])
    await expect.poll(async () => (await events('hello')).length).toBe(1)
  })

  test('five failed SSH sign-ins in a tailed file raise an alert on the feed and at the webhook', async () => {
    const controller = new AbortController()
    const feed = await fetch(`${observatory.url}/feeds/alerts?from=0`, {
      headers: { authorization: `Bearer ${observatory.token}` },
      signal: controller.signal,
    })
    let told = ''
    const reading = (async () => {
      for await (const chunk of feed.body as unknown as AsyncIterable<Uint8Array>) told += Buffer.from(chunk).toString()
    })().catch(() => {})
    const time = new Date().toISOString()
    for (let i = 0; i < 5; i++)
      await appendFile(
        join(logs, 'auth.log'),
        `${time} web-1 sshd[81${i}]: Failed password for root from 203.0.113.9 port 4000${i} ssh2\n`,
      )
    await expect.poll(() => told).toContain('"rule":"events/ssh-brute-force"')
    await expect.poll(() => received.length).toBeGreaterThan(0)
    const payload = new Webhook(secret).verify(received[0]!.body, received[0]!.headers) as {
      type: string
      data: { evidence: { eventIds: string[] } }
    }
    expect(payload.type).toBe('alert.firing')
    controller.abort()
    await reading
    // The evidence is there to be looked at.
    const path = `/api/events/${payload.data.evidence.eventIds[0]}`
    await expect
      .poll(() => observatory.get<{ event: Record<string, unknown> }>(path).catch(() => undefined))
      .toMatchObject({ event: { 'event.action': 'ssh_login', 'event.outcome': 'failure', 'source.ip': '203.0.113.9' } })
  })

  test('the watchdog runs the whole path and bothers nobody', async () => {
    await expect
      .poll(async () => (await observatory.get<{ alerts: object[] }>('/api/alerts?rule=watchdog/self')).alerts.length)
      .toBe(1)
    expect(
      (await observatory.get<{ alerts: { rule: string }[] }>('/api/alerts')).alerts.map(({ rule }) => rule),
    ).not.toContain('watchdog/self')
  })

  test('the first user comes by the one-time link, signs in, and is guarded against forged requests', async () => {
    const token = new URL(observatory.setupLink!).searchParams.get('token')!
    const body = { token, name: ' Wei  Chen ', password: 'correct horse battery' }
    expect((await send('POST', '/api/setup', { ...body, password: 'short' })).status).toBe(400)
    expect((await send('POST', '/api/setup', body)).status).toBe(200)
    expect((await send('POST', '/api/setup', body)).status).toBe(403)
    expect((await send('POST', '/api/session', { name: 'nobody', password: 'x' })).status).toBe(401)
    const signedIn = await send('POST', '/api/session', { name: 'wei chen', password: body.password })
    const setCookie = signedIn.headers.get('set-cookie')!
    expect(setCookie).toMatch(/HttpOnly; SameSite=Strict/i)
    const cookie = setCookie.split(';')[0]!
    const { csrfToken, user } = (await signedIn.json()) as { csrfToken: string; user: { id: string } }
    const add = { name: 'Li Na', password: 'another long one', role: 'leader' }
    expect((await send('POST', '/api/users', add, { cookie })).status).toBe(403)
    expect((await send('POST', '/api/users', add, { cookie, 'x-csrf-token': csrfToken })).status).toBe(201)
    expect((await send('POST', '/api/users', add, { cookie, 'x-csrf-token': csrfToken })).status).toBe(409)
    expect(
      (await send('POST', '/api/users', add, { cookie, 'x-csrf-token': csrfToken, 'sec-fetch-site': 'cross-site' }))
        .status,
    ).toBe(403)
    // The last admin cannot remove themselves.
    expect(
      (await send('PATCH', `/api/users/${user.id}`, { role: 'leader' }, { cookie, 'x-csrf-token': csrfToken })).status,
    ).toBe(409)
    const leader = await send('POST', '/api/session', { name: 'li na', password: add.password })
    const leaderCookie = leader.headers.get('set-cookie')!.split(';')[0]!
    expect((await send('GET', '/api/users', undefined, { cookie: leaderCookie })).status).toBe(403)
    expect((await send('GET', '/api/overview', undefined, { cookie: leaderCookie })).status).toBe(200)
    const { rows } = await observatory.get<{ rows: { action: string }[] }>('/api/audit')
    expect(rows.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['setup.complete', 'session.begin', 'session.refused', 'user.add']),
    )
    await send('DELETE', '/api/session', undefined, { cookie, 'x-csrf-token': csrfToken })
    expect((await send('GET', '/api/overview', undefined, { cookie })).status).toBe(401)
  })

  test('guessing a password is slowed down', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 7; i++)
      statuses.push((await send('POST', '/api/session', { name: 'guessed', password: `p${i}` })).status)
    expect(statuses.slice(-1)).toEqual([429])
  })

  test('foreign hosts, missing tokens and wrong scopes are refused; every answer has its headers', async () => {
    expect((await send('GET', '/api/overview')).status).toBe(401)
    expect((await send('GET', '/api/overview', undefined, { authorization: 'Bearer gl_wrong' })).status).toBe(401)
    expect((await send('POST', '/api/ingest/events', '{}', { origin: 'https://evil.example' })).status).toBe(403)
    const { stdout } = await run('curl', [
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      '-H',
      'Host: evil.example',
      `${observatory.url}/api/session`,
    ])
    expect(stdout).toBe('403')
    const page = await send('GET', '/')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect((await send('GET', '/api/nothing')).status).toBe(404)
  })

  test('a download is safe against formulas', async () => {
    await send('POST', '/api/ingest/events', '{"message":"=cmd|x","user.name":"@SUM(A1)","labels.n":"-5"}')
    await expect.poll(async () => (await events('cmd')).length).toBe(1)
    const response = await send('GET', '/api/events/export?q=cmd&fields=message,user.name,labels.n', undefined, {
      authorization: `Bearer ${observatory.token}`,
    })
    // Read as bytes: `text()` would swallow the mark that Excel needs.
    const csv = Buffer.from(await response.arrayBuffer()).toString('utf8')
    expect(csv).toBe("\uFEFFmessage,user.name,labels.n\r\n'=cmd|x,'@SUM(A1),-5\r\n")
  })

  test('an event is seen by the live tail', async () => {
    const controller = new AbortController()
    const response = await fetch(`${observatory.url}/api/events/tail?q=${encodeURIComponent('labels.kind:tailed')}`, {
      headers: { authorization: `Bearer ${observatory.token}` },
      signal: controller.signal,
    })
    let text = ''
    const reading = (async () => {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
        text += Buffer.from(chunk).toString()
    })().catch(() => {})
    await expect.poll(() => text).toContain('retry')
    await send(
      'POST',
      '/api/ingest/events',
      '{"message":"yes","labels.kind":"tailed"}\n{"message":"no","labels.kind":"other"}',
    )
    await expect.poll(() => text).toContain('"message":"yes"')
    expect(text).not.toContain('"message":"no"')
    controller.abort()
    await reading
  })

  test('the inventory is imported, and names the region of what follows', async () => {
    const csv = 'id,kind,name,region,department,criticality\nhost:db-9,host,db-9,440100,政务服务局,high\n'
    const headers = { authorization: `Bearer ${observatory.token}` }
    const dry = await send('POST', '/api/entities/import?format=csv&dryRun=true', csv, headers)
    expect(await dry.json()).toMatchObject({ dryRun: true, added: ['host:db-9'], problems: [] })
    await send('POST', '/api/entities/import?format=csv', csv, headers)
    await send('POST', '/api/ingest/events', '{"message":"enriched","host.name":"db-9"}')
    await expect
      .poll(async () => (await events('enriched'))[0])
      .toMatchObject({ 'guanlan.region': '440100', 'guanlan.department': '政务服务局', 'guanlan.criticality': 'high' })
    expect((await send('POST', '/api/entities/import?format=csv', 'id,kind\nbroken', headers)).status).toBe(422)
  })

  test('says in the field’s words what it does itself', async () => {
    const text = await (await send('GET', '/metrics')).text()
    expect(text).toMatch(/guanlan_receiver_accepted_total\{receiver="host"\} [1-9]/)
    expect(text).toMatch(/guanlan_store_stored_total\{store="events"\} [1-9]/)
    expect(await observatory.get('/health')).toEqual({ status: 'ok', failed: [] })
    const openapi = await observatory.get<{ paths: Record<string, unknown> }>('/api/openapi.json')
    expect(Object.keys(openapi.paths)).toContain('/api/alerts/{id}/acknowledge')
  })
})

test('after a stop and a start everything is there, and a second process is refused', async () => {
  const first = await startObservatory()
  const count = 2000
  const body = Array.from({ length: count }, (_, i) =>
    JSON.stringify({ message: `kept ${i}`, 'event.id': `k${i}` }),
  ).join('\n')
  await fetch(`${first.url}/api/ingest/events`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson' },
  })
  const { config } = first.parts
  await expect(startObservatory({ data: config.data })).rejects.toMatchObject({ code: 'data.locked' })
  await first.stop()
  const second = await startObservatory({ data: config.data })
  expect(await second.parts.events.count('message:kept', { fromMs: 0, toMs: Date.now() + 1000 })).toBe(count)
  // The same ids again change nothing.
  await fetch(`${second.url}/api/ingest/events`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson' },
  })
  await expect
    .poll(async () =>
      (await (await fetch(`${second.url}/metrics`)).text()).includes(
        `guanlan_store_refused_total{store="events",reason="duplicate"} ${count}`,
      ),
    )
    .toBe(true)
  expect(await second.parts.events.count('message:kept', { fromMs: 0, toMs: Date.now() + 1000 })).toBe(count)
  await second.dispose()
  await first.dispose()
})
