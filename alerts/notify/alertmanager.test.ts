// Alerts to a real Alertmanager.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { freePort } from '#tests/e2e/free-port.ts'
import { endProcess } from '#tests/end-process.ts'
import { finding } from '../testing.ts'
import { receiverSchema } from './config.ts'
import type { Delivery, NotifiedAlert } from './notification.ts'
import { createNotifier } from './notifiers.ts'

const program = ['/usr/bin/prometheus-alertmanager', '/usr/bin/alertmanager'].find(existsSync)

describe.skipIf(!program)('to a real Alertmanager (prometheus-alertmanager)', () => {
  let directory: string
  let url: string
  let daemon: ChildProcess
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-am-out-'))
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const file = join(directory, 'alertmanager.yml')
    await writeFile(file, 'route: { receiver: none }\nreceivers: [{ name: none }]\n')
    daemon = spawn(program!, [
      ...[`--config.file=${file}`, `--storage.path=${directory}/data`, '--cluster.listen-address='],
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    while (
      !(await fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ))
    )
      await new Promise((resolve) => setTimeout(resolve, 50))
  })
  afterAll(async () => {
    await endProcess(daemon)
    await rm(directory, { recursive: true, force: true })
  })

  const nowMs = Date.now()
  const { evidence } = finding()
  const alert = (part: Partial<NotifiedAlert> = {}): NotifiedAlert => ({
    ...{
      id: 'a1',
      fingerprint: 'f',
      episode: 1,
      rule: 'events/ssh',
      title: 'Brute force',
      description: 'Many failures',
    },
    ...{
      severity: 'high',
      state: 'firing',
      labels: { 'source.ip': '203.0.113.9', user: '' },
      annotations: {},
      entities: [],
    },
    ...{ startedMs: nowMs - 5000, firedMs: nowMs - 5000, resolvedMs: null, lastSeenMs: nowMs, findingCount: 1 },
    ...{ value: null, threshold: null, acknowledged: null, evidence },
    ...part,
  })
  const send = (...alerts: [NotifiedAlert, ...NotifiedAlert[]]): Promise<Delivery> => {
    const receiver = receiverSchema.parse({ kind: 'alertmanager', name: 'am', url: `${url}/`, allowPrivate: true })
    if (receiver.kind === 'heartbeat') throw new Error('not told')
    const notification = {
      id: 'n',
      event: 'firing',
      createdMs: 0,
      attempt: 1,
      publicUrl: 'https://ops.example',
      alerts,
    } as const
    return createNotifier(receiver, 'en', systemClock).notify(notification, AbortSignal.timeout(5000))
  }
  const held = async (): Promise<{ labels: Record<string, string>; annotations: object; generatorURL: string }[]> =>
    (await fetch(`${url}/api/v2/alerts`)).json() as never

  test('it holds what fires, and lets go of what is over', async () => {
    const labels = { alertname: 'Disk', instance: 'a:9100' }
    expect(await send(alert(), alert({ id: 'a2', labels, annotations: { summary: 'full' } }))).toEqual({ ok: true })
    const list = await held()
    expect(list).toHaveLength(2)
    const own = list.find((one) => one.labels['alertname'] === 'ssh')
    expect(own).toMatchObject({
      labels: { alertname: 'ssh', rule: 'events/ssh', severity: 'high', source_ip: '203.0.113.9' },
      annotations: { summary: 'Brute force', description: 'Many failures' },
      generatorURL: 'https://ops.example/alerts/a1',
    })
    expect(list.find((one) => one.labels['alertname'] === 'Disk')?.labels).toEqual(labels)
    expect(await send(alert({ state: 'resolved', resolvedMs: Date.now() - 10 }))).toEqual({ ok: true })
    expect((await held()).map((one) => one.labels['alertname'])).toEqual(['Disk'])
  })
})
