// Alerting rules over a stop and a kill -9: what is pending goes on pending from when it began, what is kept firing stays
// so as long as it was to. The real process, its log and its stores.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import { encodeForTest } from '#stores/metrics/testing.ts'
import { type TestProcess, testProcess } from '../crash/process.ts'

const waitS = 45
const keepS = 60
const rules = `groups:
  - name: restart
    interval: 1s
    rules:
      - {alert: Waits, expr: restart_waits > 0, for: ${waitS}s}
      - {alert: Patient, expr: restart_patient > 0, for: 2h}
      - {alert: Kept, expr: restart_kept > 0, keep_firing_for: ${keepS}s}
`
interface Alert {
  labels: { alertname: string }
  state: string
  activeAt: string
  keepFiringSince?: string
}

let directory: string
let running: TestProcess
let headers: Record<string, string>

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-alert-restart-'))
  await mkdir(join(directory, 'rules'))
  await writeFile(join(directory, 'rules', 'restart.yml'), rules)
  running = await testProcess(directory, {
    GUANLAN_RULES_METRICS_DIRECTORY: join(directory, 'rules'),
    GUANLAN_COLLECTORS_HOST_ENABLED: 'false',
  })
  await running.start()
  headers = { authorization: `Bearer ${await running.token()}` }
})
afterAll(async () => {
  if (running.child.exitCode === null && running.child.signalCode === null) await running.end('SIGKILL')
  await rm(directory, { recursive: true, force: true })
})

async function write(values: Record<string, number>): Promise<void> {
  const atMs = Date.now()
  const series = Object.entries(values).map(([name, value]): Parameters<typeof encodeForTest>[0][number] => [
    { __name__: name, host: 'a' },
    [[atMs, value]],
  ])
  const body = new Uint8Array(compressSnappy(encodeForTest(series)))
  const types = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }
  const response = await fetch(`${running.url}/api/v1/write`, {
    method: 'POST',
    body,
    headers: { ...headers, ...types },
  })
  expect(response.status).toBeLessThan(300)
}

const data = async <T>(path: string): Promise<T> =>
  ((await (await fetch(running.url + path, { headers })).json()) as { data: T }).data

async function alerts(): Promise<Record<string, Alert>> {
  const { alerts: list } = await data<{ alerts: Alert[] }>('/api/v1/alerts')
  return Object.fromEntries(list.map((alert) => [alert.labels.alertname, alert]))
}

async function until<T>(what: () => Promise<T | undefined | false>, withinMs = 30_000): Promise<T> {
  for (const endMs = Date.now() + withinMs; Date.now() < endMs; await sleep(100)) {
    const found = await what()
    if (found) return found
  }
  throw new Error(`not within ${withinMs} ms: ${what}`)
}

/** Once the rules were evaluated for a time after this one. */
async function evaluatedAfter(timeMs: number): Promise<Record<string, Alert>> {
  await until(async () => {
    const { groups } = await data<{ groups: { lastEvaluation: string }[] }>('/api/v1/rules')
    return groups.some(({ lastEvaluation }) => Date.parse(lastEvaluation) > timeMs)
  })
  return alerts()
}

/** When a state of an alert was first and last written, ms since the epoch; undefined while none of it is stored. */
async function stateSpan(alertname: string, state: string): Promise<[first: number, last: number] | undefined> {
  const query = `ALERTS{alertname="${alertname}",alertstate="${state}"}[10m]`
  const { result } = await data<{ result: { values: [number, string][] }[] }>(
    `/api/v1/query?${new URLSearchParams({ query })}`,
  )
  const times = result.flatMap(({ values }) => values.map(([seconds]) => seconds * 1000)).sort((a, b) => a - b)
  return times.length > 0 ? [times[0]!, times.at(-1)!] : undefined
}

test('pending and kept alerts go on where they were after a stop, a kill -9, and a kill that loses the snapshot', async () => {
  await write({ restart_waits: 1, restart_patient: 1, restart_kept: 1 })
  await until(async () => (await alerts())['Kept']?.state === 'firing')
  await write({ restart_kept: 0 })
  const first = await until(async () => {
    const now = await alerts()
    return now['Kept']?.keepFiringSince !== undefined && now['Waits'] && now['Patient'] && now
  })
  expect(first['Waits']!.state).toBe('pending')

  await running.end('SIGTERM')
  await running.start()
  // A slow machine may have taken longer than what was waited for.
  const sameBut = ({ Waits }: Record<string, Alert>): object => ({
    ...first,
    Waits: { ...first['Waits']!, state: Waits!.state },
  })
  const stopped = await evaluatedAfter(Date.now() - 500)
  expect(stopped).toEqual(sameBut(stopped))

  // Long enough for the snapshot of all this to be there.
  await sleep(6000)
  await running.end('SIGKILL')
  await running.start()
  const killed = await evaluatedAfter(Date.now() - 500)
  expect(killed).toEqual(sameBut(killed))

  const activeAtMs = Date.parse(first['Waits']!.activeAt)
  await until(async () => (await alerts())['Waits']?.state === 'firing', waitS * 1000)
  const [firedMs] = await until(() => stateSpan('Waits', 'firing'))
  expect(firedMs - activeAtMs).toBe(waitS * 1000)
  await until(async () => (await alerts())['Kept'] === undefined, keepS * 1000 + 5000)
  const [, keptUntilMs] = await until(() => stateSpan('Kept', 'firing'))
  const keptMs = keptUntilMs - Date.parse(first['Kept']!.keepFiringSince!)
  expect(keptMs).toBeGreaterThanOrEqual((keepS - 2) * 1000)
  expect(keptMs).toBeLessThanOrEqual(keepS * 1000)

  // Without the snapshot ALERTS_FOR_STATE says since when; the time it was down does not count, as in Prometheus.
  const before = Date.parse((await alerts())['Patient']!.activeAt)
  const downMs = Date.now()
  await running.end('SIGKILL')
  await rm(join(directory, 'data', 'metric-rules.json'), { force: true })
  await running.start()
  const upMs = Date.now()
  const after = Date.parse((await evaluatedAfter(upMs - 500))['Patient']!.activeAt)
  expect(after).toBeGreaterThanOrEqual(before)
  expect(after - before).toBeLessThanOrEqual(Date.now() - downMs + 2000)
  expect(after).toBeLessThan(downMs - 10_000)
}, 240_000)
