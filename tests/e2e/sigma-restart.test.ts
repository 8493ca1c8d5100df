// Windows of correlations over a stop and a kill -9: half the events before, the rest after, and it is told once.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestProcess, testProcess } from '../crash/process.ts'

const rules = `title: Marker
id: 44444444-4444-4444-8444-444444444441
name: marker
author: T
logsource: { category: webserver }
detection: { sel: { 'url.original|contains': marker }, condition: sel }
level: low
---
title: Markers
id: 44444444-4444-4444-8444-444444444442
author: T
correlation:
  type: event_count
  rules: [marker]
  group-by: [host.name]
  timespan: 10m
  condition: { gte: 6 }
level: high
`
let directory: string
let running: TestProcess
let headers: Record<string, string>

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-sigma-restart-'))
  await mkdir(join(directory, 'rules'))
  await writeFile(join(directory, 'rules', 'markers.yml'), rules)
  await writeFile(
    join(directory, 'guanlan.yaml'),
    `security: { sigma: { directories: [${join(directory, 'rules')}] } }\n`,
  )
  running = await testProcess(directory, {
    GUANLAN_CONFIG: join(directory, 'guanlan.yaml'),
    GUANLAN_COLLECTORS_HOST_ENABLED: 'false',
  })
  await running.start()
  headers = { authorization: `Bearer ${await running.token()}` }
})
afterAll(async () => {
  if (running.child.exitCode === null && running.child.signalCode === null) await running.end('SIGKILL')
  await rm(directory, { recursive: true, force: true })
})

async function send(host: string, from: number, to: number): Promise<void> {
  const lines = Array.from({ length: to - from }, (_, i) =>
    JSON.stringify({
      message: `203.0.113.9 - - [${clf(new Date())}] "GET /marker/${from + i} HTTP/1.1" 200 12 "-" "curl/8"`,
      ...{ 'process.name': 'nginx', 'log.file.path': '/var/log/nginx/access.log', 'host.name': host },
    }),
  )
  const types = { 'content-type': 'application/x-ndjson' }
  const answer = await fetch(`${running.url}/api/ingest/events`, {
    ...{ method: 'POST', body: lines.join('\n'), headers: { ...headers, ...types } },
  })
  expect(answer.status).toBeLessThan(300)
}

function clf(date: Date): string {
  const [, day, month, year, time] = /, (\d\d) (\w{3}) (\d{4}) (\S+)/.exec(date.toUTCString())!
  return `${day}/${month}/${year}:${time} +0000`
}

const get = async <T>(path: string): Promise<T> => (await (await fetch(running.url + path, { headers })).json()) as T

/** What the rule by itself matched, of all that was sent. */
async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${running.url}/metrics`, { headers })).text()
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(text)?.[1] ?? 0)
}
const held = (): Promise<number> => metric('guanlan_sigma_correlation_kept\\{what="items"\\}')

interface Told {
  id: string
  findingCount: number
  labels: Record<string, string>
}
const told = async (host: string): Promise<Told[]> =>
  (await get<{ alerts: Told[] }>(`/api/alerts?q=${host}&rule=sigma/44444444-4444-4444-8444-444444444442`)).alerts

test('half before a stop, half after it: one alert with the events of both', async () => {
  await send('stopped-1', 0, 3)
  await expect.poll(held).toBe(3)
  await running.end('SIGTERM')
  await running.start()
  expect(await held()).toBe(3)
  await send('stopped-1', 3, 6)
  await expect.poll(() => told('stopped-1')).toMatchObject([{ findingCount: 1 }])
  const [alert] = await told('stopped-1')
  const detail = await get<{ evidence: { eventIds: string[]; value: number } }>(`/api/alerts/${alert!.id}`)
  expect(detail.evidence).toMatchObject({ value: 6, eventIds: { length: 6 } })
})

test('half before a kill -9, half after it: the log is counted again, and it is told once', async () => {
  await send('killed-1', 0, 5)
  await expect.poll(held).toBe(11)
  await running.end('SIGKILL')
  await running.start()
  await expect.poll(held).toBe(11)
  expect(await told('killed-1')).toEqual([])
  await send('killed-1', 5, 6)
  await expect.poll(() => told('killed-1')).toMatchObject([{ findingCount: 1 }])
  // What was told in the last moments before it was killed may be told again: it stays one alert.
  expect(await told('stopped-1')).toHaveLength(1)
})
