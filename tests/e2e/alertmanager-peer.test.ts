// The same configuration and the same alerts at the same time to a real Alertmanager and to us: what a webhook hears of
// each group must be the same, notification by notification.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Alerting, createAlerting } from '#alerts/alerting.ts'
import { alertingConfigSchema } from '#alerts/config.ts'
import { readAlertmanagerFile } from '#alerts/routing/alertmanager-file.ts'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom, systemRandom } from '#core/random.ts'
import { findingOf, PostableAlerts } from '#server/parts/prometheus-alerts.ts'
import type { Actor } from '#stores/state/state.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { endProcess } from '#tests/end-process.ts'
import { freePort } from './free-port.ts'

const program = ['/usr/bin/prometheus-alertmanager', '/usr/bin/alertmanager'].find(existsSync)
const actor: Actor = { kind: 'user', id: 'u', name: 'test', role: 'operator', address: '' }
const kinds = ['plain', 'quiet', 'capped', 'muted', 'active', 'all', 'twice', 'old', 'inhibited'] as const
const groupsPerKind = 2
/** The wait, then a turn every interval: what happens, happens in the middle between two turns. */
const waitS = 1
const intervalS = 4
const turns = 18

interface Body {
  groupKey: string
  alerts: { status: string; labels: Record<string, string>; startsAt: string; endsAt: string; fingerprint: string }[]
  [key: string]: unknown
}
interface Told {
  side: string
  atMs: number
  body: Body
}
interface Deed {
  atS: number
  kind: 'fire' | 'resolve' | 'silence' | 'unsilence'
  labels: Record<string, string>
  old?: boolean
}

/** What happens to each group, drawn from a seed. */
function script(seed: number): Deed[] {
  const random = seededRandom(seed)
  const deeds: Deed[] = []
  for (const kind of kinds)
    for (let n = 0; n < groupsPerKind; n++) {
      const g = `${kind}-${n}`
      const names = kind === 'inhibited' ? ['A', 'B', 'Site'] : ['A', 'B', 'C']
      const firing = new Set<string>(['A'])
      let silenced = false
      deeds.push({ atS: 0, kind: 'fire', labels: { alertname: 'A', g, kind }, old: kind === 'old' })
      for (let turn = 0; turn < turns - 1; turn++) {
        const atS = waitS + intervalS * turn + intervalS / 2
        for (const alertname of names) {
          if (random.next() < 0.55) continue
          const kindOf = firing.has(alertname) ? 'resolve' : 'fire'
          if (kindOf === 'fire') firing.add(alertname)
          else firing.delete(alertname)
          deeds.push({ atS, kind: kindOf, labels: { alertname, g, kind } })
        }
        if (random.next() < 0.15) {
          deeds.push({ atS, kind: silenced ? 'unsilence' : 'silence', labels: { g, alertname: 'A' } })
          silenced = !silenced
        }
      }
    }
  return deeds.sort((a, b) => a.atS - b.atS)
}

function fileOf(side: string, url: string, startMs: number): string {
  const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16)
  const minute = Math.floor(startMs / 60_000) * 60_000 + 60_000
  // The next minute; at midnight it would be no range, and the run is begun a little later.
  const next = `[{ times: [{ start_time: '${clock(minute)}', end_time: '${clock(minute + 60_000)}' }] }]`
  const hook = (name: string, more = ''): string => `
  - name: ${name}
    webhook_configs: [{ url: '${url}/${side}/${name}'${more} }]`
  return `
route:
  receiver: plain
  group_by: [g]
  group_wait: ${waitS}s
  group_interval: ${intervalS}s
  repeat_interval: 14s
  routes:
    - { matchers: ['kind="quiet"'], receiver: quiet, repeat_interval: 10s }
    - { match: { kind: capped }, receiver: capped }
    - { match_re: { kind: 'mut.*' }, receiver: muted, mute_time_intervals: [next] }
    - { matchers: ['{kind=~"act.*",g!=""}'], receiver: active, active_time_intervals: [next] }
    - { matchers: ['kind="all"'], receiver: all, group_by: ['...'] }
    - matchers: ['kind="twice"']
      receiver: twice
      group_by: [alertname, g]
      continue: true
    - { matchers: ['kind="twice"'], receiver: again, routes: [{ matchers: ['alertname!="A"'], receiver: deep }] }
receivers:${hook('plain')}${hook('quiet', ', send_resolved: false')}${hook('capped', ', max_alerts: 2')}
${['muted', 'active', 'all', 'twice', 'again', 'deep'].map((name) => hook(name)).join('')}
time_intervals: [{ name: next, time_intervals: ${next} }]
inhibit_rules:
  - { source_matchers: ['alertname="Site"'], target_match_re: { alertname: 'A|B' }, equal: [g] }
`
}

describe.skipIf(!program)('beside a real Alertmanager (prometheus-alertmanager)', () => {
  let state: TestState
  let directory: string
  let hook: Server
  let peer: ChildProcess
  let alerting: Alerting
  let peerUrl: string
  const told: Told[] = []

  const until = async (atMs: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - Date.now())))
  }

  beforeAll(async () => {
    state = await openTestState()
    directory = await mkdtemp(join(tmpdir(), 'guanlan-peer-'))
    hook = createServer(async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      told.push({ side: request.url!.split('/')[1]!, atMs: Date.now(), body: JSON.parse(text) })
      response.end()
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`
    // Turns must not fall on the change of a minute, which the time intervals know.
    const second = intervalS * 1000
    await until(Math.ceil((Date.now() + 2000) / second) * second + 1000)
    const port = await freePort()
    peerUrl = `http://127.0.0.1:${port}`
    const file = join(directory, 'alertmanager.yml')
    await writeFile(file, fileOf('theirs', url, Date.now()))
    peer = spawn(program!, [
      ...[`--config.file=${file}`, `--storage.path=${directory}/data`, '--cluster.listen-address='],
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    const { routing, problems } = readAlertmanagerFile('ours.yml', fileOf('ours', url, Date.now()))
    expect(problems).toEqual([])
    alerting = createAlerting(alertingConfigSchema.parse({ alertmanagerAllowPrivate: true }), {
      ...{ database: state.database, clock: systemClock, random: systemRandom, logger: silentLogger, routing },
      ...{ metrics: new Registry(), publicUrl: 'http://ops.example' },
    })
    await alerting.start()
    const isReady = (): Promise<boolean> =>
      fetch(`${peerUrl}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
    while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 50))
  })
  afterAll(async () => {
    await alerting?.stop()
    await endProcess(peer)
    hook?.close()
    await state?.dispose()
    await rm(directory, { recursive: true, force: true })
  })

  const post = async (path: string, body: unknown): Promise<Record<string, string>> => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(peerUrl + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(await response.text())
    return response.headers.get('content-length') === '0' ? {} : response.json().catch(() => ({}))
  }

  test('each group is told the same, at the same turns', { timeout: 120_000 }, async () => {
    const startMs = Date.now()
    const since = new Map<string, number>()
    const silences = new Map<string, { ours: string; theirs: string }>()
    const seed = Number(process.env['GUANLAN_SEED'] ?? 20)
    const byTime = Map.groupBy(script(seed), ({ atS }) => atS)
    for (const [atS, deeds] of byTime) {
      await until(startMs + atS * 1000)
      const nowMs = Date.now()
      const alerts = deeds
        .filter(({ kind }) => kind === 'fire' || kind === 'resolve')
        .map(({ kind, labels, old }) => {
          const key = JSON.stringify(labels)
          if (kind === 'fire') since.set(key, old ? nowMs - 3_600_000 : nowMs)
          return {
            labels,
            annotations: { summary: `about ${labels['alertname']}`, same: 'to all' },
            startsAt: new Date(since.get(key)!).toISOString(),
            endsAt: new Date(kind === 'fire' ? nowMs + 3_600_000 : nowMs).toISOString(),
          }
        })
      await Promise.all([
        post('/api/v2/alerts', alerts),
        alerting.submit(PostableAlerts.parse(alerts).flatMap((one) => findingOf(one, nowMs) ?? [])),
      ])
      for (const { kind, labels } of deeds) {
        const key = JSON.stringify(labels)
        if (kind === 'silence') {
          const matchers = Object.entries(labels).map(([name, value]) => ({
            name,
            value,
            isRegex: false,
            isEqual: true,
          }))
          const times = { startsMs: nowMs, endsMs: nowMs + 3_600_000 }
          const [ours, theirs] = await Promise.all([
            alerting.silences.set(actor, { matchers, ...times, comment: 'test' }),
            post('/api/v2/silences', {
              ...{ matchers, comment: 'test', createdBy: 'test' },
              ...{ startsAt: new Date(times.startsMs).toISOString(), endsAt: new Date(times.endsMs).toISOString() },
            }),
          ])
          silences.set(key, { ours: ours.id, theirs: theirs['silenceID']! })
        } else if (kind === 'unsilence') {
          const { ours, theirs } = silences.get(key)!
          await Promise.all([
            alerting.silences.expire(actor, ours),
            fetch(`${peerUrl}/api/v2/silence/${theirs}`, { method: 'DELETE' }),
          ])
        }
      }
    }
    await until(startMs + (waitS + intervalS * turns) * 1000 - 1500)

    const sequences = (side: string) =>
      Map.groupBy(
        told.filter((one) => one.side === side),
        ({ body }) => `${body['receiver']} ${body.groupKey}`,
      )
    const [ours, theirs] = [sequences('ours'), sequences('theirs')]
    const shown = (one: Told) => {
      const { externalURL: _, alerts, ...rest } = one.body
      const times = alerts.map(({ startsAt }) => Date.parse(startsAt))
      return {
        ...rest,
        times,
        alerts: alerts.map(({ status, labels, fingerprint }) => ({ status, labels, fingerprint })),
      }
    }
    const plain = (of: Map<string, Told[]>) =>
      Object.fromEntries([...of].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, list]) => [key, list.map(shown)]))
    expect(plain(ours)).toEqual(plain(theirs))
    const late = [...theirs].flatMap(([key, list]) => list.map((one, at) => ours.get(key)![at]!.atMs - one.atMs))
    late.sort((a, b) => a - b)
    console.log(
      `${late.length} notifications of ${theirs.size} groups; ours later by ms: least ${late[0]}, median ${late[Math.floor(late.length / 2)]}, most ${late.at(-1)}`,
    )
    expect(late.length).toBeGreaterThan(60)
  })
})
