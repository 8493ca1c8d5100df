// Groups against a real database: through restarts, with two processes, with receivers that fail.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import {
  alertChanges,
  alerts,
  audit,
  notificationGroups,
  notificationLog,
  notifications,
} from '#stores/state/schema/index.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { type Alerting, createAlerting } from '../alerting.ts'
import { alertingConfigSchema } from '../config.ts'
import { readAlertmanagerFile } from '../routing/alertmanager-file.ts'
import { finding } from '../testing.ts'
import { dropEmpty } from './membership.ts'

let state: TestState
beforeAll(async () => {
  state = await openTestState()
})
afterAll(() => state.dispose())

interface Told {
  path: string
  id: string
  body: {
    status: string
    receiver: string
    truncatedAlerts: number
    alerts: { status: string; labels: Record<string, string> }[]
  }
}

describe('groups', () => {
  let hook: Server
  let base: string
  let told: Told[]
  let answer: (path: string) => number
  const running: Alerting[] = []

  beforeEach(async () => {
    told = []
    answer = () => 200
    hook = createServer(async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      const status = answer(request.url!)
      if (status === 200)
        told.push({ path: request.url!, id: String(request.headers['webhook-id']), body: JSON.parse(text) })
      if (status !== 0) response.writeHead(status).end()
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`
    for (const table of [notifications, notificationGroups, notificationLog, alertChanges, alerts])
      await state.database.delete(table)
  })
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop()
    hook.closeAllConnections()
    await new Promise((resolve) => hook.close(resolve))
  })

  const tree = (part = '') => `
route: { receiver: duty, group_by: [site], group_wait: 1500ms, group_interval: 2s, repeat_interval: 1h${part} }
receivers: [{ name: duty }, { name: second }]
`
  const start = async (text = tree(), receivers: object[] = [hookOf('duty')]): Promise<Alerting> => {
    const { routing, problems } = readAlertmanagerFile('test.yml', text)
    expect(problems).toEqual([])
    const made = createAlerting(alertingConfigSchema.parse({ receivers }), {
      ...{ database: state.database, clock: systemClock, random: systemRandom, logger: silentLogger, routing },
      ...{ metrics: new Registry(), publicUrl: 'https://ops.example' },
    })
    await made.start()
    running.push(made)
    return made
  }
  const stop = async (one: Alerting): Promise<void> => {
    running.splice(running.indexOf(one), 1)
    await one.stop()
  }
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const hookOf = (name: string, part: object = {}): object => ({
    ...{ kind: 'webhook', name, format: 'alertmanager', secret, url: `${base}/${name}`, allowPrivate: true },
    ...part,
  })
  const seen = (name: string, part: object = {}) =>
    finding({ labels: { alertname: name, site: 'gz' }, atMs: Date.now(), ...part })
  const names = (one: Told | undefined): string[] => one!.body.alerts.map(({ labels }) => labels['alertname']!)
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

  test('what comes within the wait is told once, together; what follows, at the next turn with all that fire', async () => {
    const alerting = await start()
    await alerting.submit([seen('A')])
    await alerting.submit([seen('B')])
    await expect.poll(() => told.length).toBe(1)
    expect(names(told[0])).toEqual(['A', 'B'])
    await alerting.submit([seen('C'), seen('A', { state: 'over' })])
    await expect.poll(() => told.length).toBe(2)
    expect(told[1]!.body.alerts.map(({ status, labels }) => [labels['alertname'], status])).toEqual([
      ['A', 'resolved'],
      ['B', 'firing'],
      ['C', 'firing'],
    ])
    await pause(2500)
    expect(told).toHaveLength(2)
  })

  test('a restart between the alert and its turn loses nothing and tells once', async () => {
    const before = await start()
    await before.submit([seen('A')])
    await stop(before)
    expect(told).toEqual([])
    await start()
    await expect.poll(() => told.length).toBe(1)
    await stop(running[0]!)
    await start()
    await pause(4000)
    expect(told).toHaveLength(1)
  })

  test('what ended while it was down is told after the restart', async () => {
    const before = await start()
    await before.submit([seen('A')])
    await expect.poll(() => told.length).toBe(1)
    await before.submit([seen('A', { state: 'over' })])
    await stop(before)
    await start()
    await expect.poll(() => told.map(({ body }) => body.status)).toEqual(['firing', 'resolved'])
  })

  test('two processes over one database tell each group once', async () => {
    const [one] = [await start(), await start(), await start()]
    const sites = Array.from({ length: 25 }, (_, i) => `s${i}`)
    await one!.submit(sites.map((site) => seen('A', { labels: { alertname: 'A', site } })))
    await expect.poll(() => told.length).toBe(25)
    await pause(2500)
    expect(told.map((each) => each.body.alerts[0]!.labels['site']).sort()).toEqual([...sites].sort())
  })

  test('a receiver that comes back hears what is true then, once, and nothing of what came and went', async () => {
    let refused = 0
    answer = () => {
      refused++
      return 503
    }
    const alerting = await start()
    await alerting.submit([seen('A'), seen('Gone')])
    await expect.poll(() => refused).toBeGreaterThan(0)
    await alerting.submit([seen('Gone', { state: 'over' }), seen('B')])
    const before = refused
    await expect.poll(() => refused).toBeGreaterThan(before)
    answer = () => 200
    await expect.poll(() => told.length).toBeGreaterThan(0)
    await pause(2500)
    const firing = told.flatMap(({ body }) => body.alerts.filter(({ status }) => status === 'firing'))
    expect(firing.map(({ labels }) => labels['alertname'])).toEqual(['A', 'B'])
    expect(told).toHaveLength(1)
  })

  test('a receiver that hangs delays neither its neighbour nor the next turn', async () => {
    answer = (path) => (path === '/second' ? 0 : 200)
    const more = ', routes: [{ receiver: second, continue: true }, { receiver: duty }]'
    const alerting = await start(tree(more), [hookOf('duty'), hookOf('second', { timeoutMs: 110_000 })])
    await alerting.submit([seen('A')])
    await expect.poll(() => told.length).toBe(1)
    await alerting.submit([seen('B')])
    await expect.poll(() => told.length).toBe(2)
    expect(told.map(({ path }) => path)).toEqual(['/duty', '/duty'])
  })

  test('a receiver takes so many alerts, the rest are counted', async () => {
    const alerting = await start(tree(), [hookOf('duty', { alertsMax: 2 })])
    await alerting.submit(['A', 'B', 'C', 'D', 'E'].map((name) => seen(name)))
    await expect.poll(() => told.length).toBe(1)
    expect(names(told[0])).toEqual(['A', 'B'])
    expect(told[0]!.body.truncatedAlerts).toBe(3)
  })

  test('a severity that rises moves an alert of ours to the route that it now takes', async () => {
    const more = `, routes: [{ matchers: ['severity="critical"'], receiver: second }]`
    const alerting = await start(tree(more), [hookOf('duty'), hookOf('second')])
    const own = (severity: 'medium' | 'critical') => finding({ atMs: Date.now(), severity, labels: { site: 'gz' } })
    await alerting.submit([own('medium')])
    await expect.poll(() => told.length).toBe(1)
    await alerting.submit([own('critical')])
    await expect.poll(() => told.length).toBe(2)
    expect(told.map(({ path, body }) => [path, body.alerts[0]!.labels['severity']])).toEqual([
      ['/duty', 'medium'],
      ['/second', 'critical'],
    ])
    await alerting.submit([finding({ atMs: Date.now(), state: 'over', labels: { site: 'gz' } })])
    await expect.poll(() => told.length).toBe(3)
    expect(told[2]).toMatchObject({ path: '/second', body: { status: 'resolved' } })
  })

  test('why it was not told names route, wait, turn, repeat, time interval and a name that tells nobody', async () => {
    const text = `
route:
  receiver: duty
  group_by: [site]
  group_wait: 5s
  group_interval: 5s
  repeat_interval: 1h
  routes:
    - { matchers: [alertname="Night"], receiver: duty, active_time_intervals: [long ago] }
    - { matchers: [alertname="Quiet"], receiver: duty, mute_time_intervals: [always] }
    - { matchers: [alertname="Void"], receiver: nobody }
receivers: [{ name: duty }, { name: nobody }]
time_intervals:
  - { name: long ago, time_intervals: [{ years: ['2001'] }] }
  - { name: always, time_intervals: [{}] }
`
    const alerting = await start(text)
    const startedMs = Date.now()
    await alerting.submit(['A', 'Night', 'Quiet', 'Void'].map((name) => seen(name)))
    const why = async (name: string) => {
      const one = alerting.open().find(({ labels }) => labels['alertname'] === name)!
      return alerting.why(one.id)
    }
    const root = { receiver: 'duty', path: 'route' }
    const [route, waiting] = await why('A')
    expect(route).toEqual({ kind: 'route', ...root, group: { site: 'gz' } })
    expect(waiting).toMatchObject({ kind: 'waiting', ...root, first: true })
    expect(Math.abs((waiting as { untilMs: number }).untilMs - startedMs - 5000)).toBeLessThan(4500)
    expect(await why('Night')).toMatchObject([
      { kind: 'route', path: 'route.routes[0]' },
      { kind: 'time-interval', path: 'route.routes[0]', interval: 'long ago', mutes: false, untilMs: null },
    ])
    expect(await why('Quiet')).toMatchObject([
      { kind: 'route' },
      { kind: 'time-interval', interval: 'always', mutes: true },
    ])
    expect(await why('Void')).toMatchObject([{ kind: 'route' }, { kind: 'nobody', receiver: 'nobody' }])
    await expect.poll(() => told.length).toBe(1)
    await expect.poll(async () => (await why('A')).map(({ kind }) => kind)).toEqual(['route', 'repeat', 'told'])
    // What joins a group that had its turn waits for the next.
    await alerting.submit([seen('B')])
    expect((await why('B'))[1]).toMatchObject({ kind: 'waiting', first: false })
    const tree = await alerting.routing()
    expect(tree!.root).toMatchObject({ alerts: 2, groups: 1, quiet: null })
    expect(tree!.root.routes.map(({ quiet, alerts }) => [quiet?.interval, alerts])).toEqual([
      ['long ago', 1],
      ['always', 1],
      [undefined, 1],
    ])
    expect(alerting.routesOf({ alertname: 'Void', site: 'gz' })).toEqual([
      { path: 'route.routes[2]', receiver: 'nobody', group: { site: 'gz' } },
    ])
  })

  test('a test is sent at once, says who sent it, and is in the audit trail', async () => {
    const alerting = await start()
    const operator = { kind: 'user', id: 'u', name: 'Wei', role: 'operator', address: '' } as const
    expect(await alerting.testReceiver(operator, 'duty')).toMatchObject({ ok: true, error: '' })
    expect(told).toMatchObject([{ body: { status: 'firing', alerts: [{ labels: { alertname: 'notification' } }] } }])
    expect(JSON.stringify(told[0]!.body)).toContain('Wei')
    answer = () => 500
    expect(await alerting.testReceiver(operator, 'duty')).toMatchObject({ ok: false, error: 'status 500' })
    const auditor = { ...operator, role: 'auditor' } as const
    await expect(alerting.testReceiver(auditor, 'duty')).rejects.toMatchObject({ code: 'auth.forbidden' })
    await expect(alerting.testReceiver(operator, 'no')).rejects.toMatchObject({ code: 'not-found' })
    const rows = await state.database.select().from(audit)
    expect(rows.filter(({ action }) => action === 'receiver.test')).toHaveLength(2)
  })

  test('a group that nobody is in any more is dropped, and what was told is remembered', async () => {
    const alerting = await start()
    await alerting.submit([seen('A')])
    await expect.poll(() => told.length).toBe(1)
    await alerting.submit([seen('A', { state: 'over' })])
    await expect.poll(() => told.length).toBe(2)
    await expect.poll(async () => (await state.database.select().from(notificationLog))[0]?.firing).toEqual([])
    await state.database.transaction(dropEmpty)
    expect(await state.database.select().from(notificationGroups)).toEqual([])
  })
})
