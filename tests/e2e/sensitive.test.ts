// Sensitive data on its way to people: masked, unmasked for a reason, and each download in the audit trail.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startObservatory } from './observatory.ts'

let observatory: Running
let headers: Record<string, string>
const read = async (path: string): Promise<Response> => fetch(`${observatory.url}${path}`, { headers })

beforeAll(async () => {
  observatory = await startObservatory()
  const token = new URL(observatory.setupLink!).searchParams.get('token')
  const answer = await fetch(`${observatory.url}/api/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, name: 'wei', password: 'correct horse battery' }),
  })
  headers = { cookie: answer.headers.get('set-cookie')!.split(';')[0]! }
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    body: JSON.stringify({ message: 'sent to wei@example.com', 'host.name': 'web-1' }),
    headers: { 'content-type': 'application/x-ndjson' },
  })
})
afterAll(() => observatory.dispose())

test('events are masked, unmasked only for a reason, and downloads leave a trace', async () => {
  const found = async () =>
    ((await (await read('/api/events?q=host.name:web-1')).json()) as { events: Record<string, string>[] }).events
  await expect.poll(async () => (await found()).length).toBe(1)
  const [event] = await found()
  expect(event!['message']).toBe('sent to w***@example.com')
  const raw = `/api/events/${encodeURIComponent(event!['event.id']!)}/raw`
  expect((await read(raw)).status).toBe(400)
  const shown = (await (await read(`${raw}?reason=case+2026-11`)).json()) as { event: { message: string } }
  expect(shown.event.message).toBe('sent to wei@example.com')
  const csv = await (await read('/api/events/export?q=host.name:web-1')).text()
  expect(csv).toContain('w***@example.com')
  expect(csv).not.toContain('wei@example.com')
  const { rows } = (await (await read('/api/audit?limit=50')).json()) as { rows: { action: string }[] }
  const told = (action: string) => rows.find((row) => row.action === action)
  expect(told('events.raw')).toMatchObject({ actor: 'wei', detail: { reason: 'case 2026-11' } })
  expect(told('events.export')).toMatchObject({
    actor: 'wei',
    detail: { rows: 1, query: 'host.name:web-1', complete: true },
  })
})
