// From one line of a gateway's access log to the share of a department's cases that nobody else saw: posted, parsed, joined by
// the number of the case, and counted by the next run of the checks.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyCase } from '#kpi/cases/case-record.ts'
import { type TestProcess, testProcess } from '../crash/process.ts'

let directory: string
let running: TestProcess
let headers: Record<string, string>
const openedMs = Date.now() - 2 * 3_600_000
const closedMs = openedMs + 3_600_000
const count = 40
const year = new Date(closedMs + 8 * 3_600_000).toISOString().slice(0, 4)
const idOf = (n: number): string => `政务-2026-${n}`

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-telemetry-'))
  running = await testProcess(directory, { GUANLAN_COLLECTORS_HOST_ENABLED: 'false' })
  await running.start()
  headers = { authorization: `Bearer ${await running.token()}` }
})
afterAll(async () => {
  if (running?.child && running.child.exitCode === null && running.child.signalCode === null)
    await running.end('SIGTERM')
  await rm(directory, { recursive: true, force: true })
})

const post = async (path: string, rows: readonly object[]): Promise<void> => {
  const answer = await fetch(`${running.url}${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-ndjson' },
    body: rows.map((row) => JSON.stringify(row)).join('\n'),
  })
  expect([path, answer.ok]).toEqual([path, true])
}

/** nginx, as it writes its lines; the number stands in the query, in percent. */
function gatewayLine(n: number, status = 200): object {
  const time = new Date(openedMs).toUTCString()
  const [, day, month, year4, clock] = /^\w+, (\d\d) (\w+) (\d+) (\S+)/.exec(time)!
  const at = `${day}/${month}/${year4}:${clock} +0000`
  const query = `caseNo=${encodeURIComponent(idOf(n))}&step=submit`
  return {
    message: `198.51.100.7 - - [${at}] "POST /api/apply?${query} HTTP/1.1" ${status} 512 "-" "Mozilla/5.0"`,
    ...{ 'process.name': 'nginx', 'log.file.path': '/var/log/nginx/access.log', 'host.name': 'gateway-1' },
  }
}
/** A program that writes JSON. */
function tradeLine(n: number, action: string): object {
  const time = new Date(openedMs).toISOString()
  const line = { time, event: { action }, labels: { case: idOf(n), department: 'd-1' }, msg: action }
  return { message: JSON.stringify(line), 'host.name': 'identity-1' }
}

async function corroborated(): Promise<{ corroborable: number; corroborated: number } | undefined> {
  const ran = await fetch(`${running.url}/api/kpi/integrity/run?period=${year}`, { method: 'POST', headers })
  expect(ran.status).toBe(200)
  const { units } = (await (await fetch(`${running.url}/api/kpi/integrity`, { headers })).json()) as {
    units: { unit: string; corroborable: number; corroborated: number }[]
  }
  const unit = units.find((one) => one.unit === 'd-1')
  return unit && { corroborable: unit.corroborable, corroborated: unit.corroborated }
}

test('lines of a gateway and of other systems corroborate the cases that they name, and no others', async () => {
  await post(
    '/api/kpi/cases',
    Array.from({ length: count }, (_, n) => ({
      ...emptyCase(),
      ...{ id: idOf(n), region: '440103', department: 'd-1', item: 'i-1', category: 'licence', channel: 'web' },
      ...{ openedMs, acceptedMs: openedMs, closedMs, outcome: 'granted' },
    })),
  )
  await post(
    '/api/ingest/events',
    Array.from({ length: 20 }, (_, n) => gatewayLine(n)),
  )
  await expect
    .poll(corroborated, { timeout: 60_000, interval: 1000 })
    .toEqual({ corroborable: count, corroborated: 20 })

  // One more line, and what was refused proves nothing.
  await post('/api/ingest/events', [gatewayLine(20), gatewayLine(21, 403), gatewayLine(9999)])
  await expect
    .poll(corroborated, { timeout: 60_000, interval: 1000 })
    .toEqual({ corroborable: count, corroborated: 21 })

  await post('/api/ingest/events', [tradeLine(30, 'login'), tradeLine(31, 'login'), tradeLine(32, 'coffee')])
  await expect
    .poll(corroborated, { timeout: 60_000, interval: 1000 })
    .toEqual({ corroborable: count, corroborated: 23 })
}, 240_000)
