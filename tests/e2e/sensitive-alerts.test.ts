// Sensitive data in a log line does not leave in what an alert says: not in the list, the feeds or a webhook.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startObservatory } from './observatory.ts'

const resident = '11010519491231002X'
const password = 'Hunter2Hunter2'
const rule = `id: leak
title: "Seen: {{ message }}"
description: "It said {{ message }}"
severity: high
query: "event.action:leak"
window: 10m
group_by: [host.name, message]
annotations: { category: security, said: "{{ message }}" }
tests:
  - name: one
    events: [{ at: 0s, event: { event.action: leak, message: m, host.name: web-1 } }]
    expect: [{ labels: { host.name: web-1, message: m } }]
  - name: none
    events: [{ at: 0s, event: { event.action: other, message: m, host.name: web-1 } }]
    expect: []
`
let observatory: Running
let rules: string
let told = ''
const hook = createServer(async (request, response) => {
  for await (const chunk of request) told += chunk
  response.end()
})

beforeAll(async () => {
  rules = await mkdtemp(join(tmpdir(), 'guanlan-rules-'))
  await writeFile(join(rules, 'leak.yml'), rule)
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
  observatory = await startObservatory({
    rules: { events: { directory: rules } },
    alerts: { receivers: [{ kind: 'webhook', name: 'hook', url, secret, allowPrivate: true }] },
  })
})
afterAll(async () => {
  await observatory.dispose()
  hook.close()
  await rm(rules, { recursive: true })
})

test('a resident ID and a password leave masked, and two persons stay two alerts', async () => {
  const lines = [`身份证号: ${resident}`, '身份证号: 110105194912310038', `login password=${password}`]
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    body: lines.map((message) => JSON.stringify({ message, 'event.action': 'leak', 'host.name': 'web-1' })).join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
  const read = async (path: string): Promise<string> =>
    (await fetch(observatory.url + path, { headers: { authorization: `Bearer ${observatory.token}` } })).text()
  const list = async () =>
    (JSON.parse(await read('/api/alerts?rule=events/leak')) as { alerts: { id: string }[] }).alerts
  await expect.poll(async () => (await list()).length).toBe(3)
  await expect.poll(() => told.split('Seen: ').length > 3).toBe(true)
  const left = [
    told,
    await read('/api/alerts?rule=events/leak'),
    ...(await Promise.all((await list()).map(({ id }) => read(`/api/alerts/${id}`)))),
    await read('/feeds/security/ecs'),
    await read('/feeds/security/ocsf'),
    await read('/feeds/security/stix'),
  ]
  for (const text of left) {
    expect(text).toContain('Seen: ')
    expect(text).not.toContain(resident)
    expect(text).not.toContain(password)
  }
})
