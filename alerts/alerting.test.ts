import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import { SMTPServer } from 'smtp-server'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { alertChanges, alerts, audit, notifications } from '#stores/state/schema/index.ts'
import type { Actor } from '#stores/state/state.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import type { AlertChange } from './alert.ts'
import { type Alerting, createAlerting } from './alerting.ts'
import { alertingConfigSchema } from './config.ts'
import { finding } from './testing.ts'

let state: TestState
beforeAll(async () => {
  state = await openTestState()
})
afterAll(() => state.dispose())

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const operator: Actor = { kind: 'user', id: 'u1', name: 'Wei', role: 'operator', address: '' }

interface Received {
  headers: IncomingMessage['headers']
  body: string
}

describe('alerting', () => {
  let hook: Server
  let url: string
  let received: Received[]
  let answer: (count: number) => { status: number; headers?: Record<string, string> }
  let alerting: Alerting
  const opened: Alerting[] = []

  beforeEach(async () => {
    received = []
    answer = () => ({ status: 200 })
    hook = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      received.push({ headers: request.headers, body })
      const { status, headers } = answer(received.length)
      response.writeHead(status, headers).end()
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`
    for (const table of [notifications, alertChanges, alerts]) await state.database.delete(table)
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.stop()
    hook.closeAllConnections()
    await new Promise((resolve) => hook.close(resolve))
  })

  const start = async (config: object = {}): Promise<Alerting> => {
    const parsed = alertingConfigSchema.parse(config)
    const made = createAlerting(parsed, {
      ...{ database: state.database, clock: systemClock, random: systemRandom, logger: silentLogger },
      ...{ metrics: new Registry(), publicUrl: 'https://ops.example' },
    })
    await made.start()
    opened.push(made)
    return made
  }
  const webhook = (part: object = {}): object => ({
    kind: 'webhook',
    name: 'hook',
    url,
    secret,
    allowPrivate: true,
    ...part,
  })
  const seen = (part: Parameters<typeof finding>[0] = {}) => finding({ atMs: Date.now(), ...part })

  test('a finding becomes an alert, is told with a signature, and its end is told too', async () => {
    alerting = await start({ receivers: [webhook()] })
    await alerting.submit([seen()])
    await expect.poll(() => received.length).toBe(1)
    const [first] = received
    const payload = new Webhook(secret).verify(first!.body, first!.headers as Record<string, string>) as {
      type: string
      data: { id: string; state: string; url: string; evidence: object }
    }
    expect(payload).toMatchObject({ type: 'alert.firing', data: { state: 'firing', evidence: { query: 'x:y' } } })
    expect(payload.data.url).toBe(`https://ops.example/alerts/${payload.data.id}`)
    await expect.poll(async () => (await alerting.receivers())[0]).toMatchObject({ delivered: 1 })
    await alerting.submit([seen({ state: 'over' })])
    await expect.poll(() => received.length).toBe(2)
    expect(JSON.parse(received[1]!.body)).toMatchObject({ type: 'alert.resolved', data: { id: payload.data.id } })
    await expect
      .poll(async () => (await alerting.detail(payload.data.id)).history.map(({ kind }) => kind))
      .toEqual(['state', 'notified', 'state', 'notified'])
  })

  test('an attempt that fails is repeated under the same id, as long as the receiver asks', async () => {
    answer = (count) => (count < 3 ? { status: 503, headers: { 'retry-after': '1' } } : { status: 204 })
    alerting = await start({ receivers: [webhook()] })
    await alerting.submit([seen()])
    await expect.poll(() => received.length).toBe(3)
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    await expect
      .poll(async () => (await alerting.receivers())[0])
      .toMatchObject({ delivered: 1, pending: 0, lastError: null })
  })

  test('a refusal is not repeated, and says so in the history', async () => {
    answer = () => ({ status: 400 })
    alerting = await start({ receivers: [webhook()] })
    await alerting.submit([seen()])
    await expect.poll(async () => (await alerting.receivers())[0]).toMatchObject({ failed: 1, lastError: 'status 400' })
    expect(received).toHaveLength(1)
  })

  test('what was committed and not told before a crash is told after it, once', async () => {
    const [dead] = [await start({ receivers: [webhook({ url: 'http://127.0.0.1:1/' })] })]
    await dead!.submit([seen()])
    await expect.poll(async () => (await dead!.receivers())[0]?.lastError).toMatch(/ECONNREFUSED/)
    await dead!.stop()
    await state.database.update(notifications).set({ nextAttemptMs: 0, leasedUntilMs: 0 })
    const [row] = await state.database.select().from(notifications)
    alerting = await start({ receivers: [webhook()] })
    await expect.poll(() => received.length).toBe(1)
    expect(received[0]!.headers['webhook-id']).toBe(row!.id)
    await alerting.submit([seen()])
    await expect.poll(async () => (await alerting.receivers())[0]).toMatchObject({ delivered: 1, pending: 0 })
  })

  test('a slow receiver delays no other', async () => {
    const never = createServer(() => {})
    await new Promise<void>((resolve) => never.listen(0, '127.0.0.1', resolve))
    const slowUrl = `http://127.0.0.1:${(never.address() as AddressInfo).port}/`
    alerting = await start({ receivers: [webhook({ name: 'slow', url: slowUrl }), webhook()] })
    await alerting.submit(Array.from({ length: 20 }, (_, i) => seen({ labels: { host: `h${i}` } })))
    await expect.poll(() => received.length).toBe(20)
    never.closeAllConnections()
    never.close()
  })

  test('private addresses are refused unless allowed', async () => {
    alerting = await start({ receivers: [webhook({ allowPrivate: false })] })
    await alerting.submit([seen()])
    await expect.poll(async () => (await alerting.receivers())[0]?.failed).toBe(1)
    expect(received).toEqual([])
  })

  test('only alerts that a receiver asks for are told', async () => {
    alerting = await start({
      receivers: [webhook({ minSeverity: 'high', match: ['host=~"db-.*"'], sendResolved: false })],
    })
    await alerting.submit([
      seen({ labels: { host: 'db-1' }, severity: 'critical' }),
      seen({ labels: { host: 'db-2' }, severity: 'medium' }),
      seen({ labels: { host: 'web-1' }, severity: 'critical' }),
    ])
    await alerting.submit([seen({ labels: { host: 'db-1' }, severity: 'critical', state: 'over' })])
    await expect.poll(async () => (await alerting.receivers())[0]?.delivered).toBe(1)
    expect(JSON.parse(received[0]!.body).data.labels).toEqual({ host: 'db-1' })
  })

  test('a chat robot is sent so many a minute; the others wait and none is lost', async () => {
    hook.removeAllListeners('request')
    hook.on('request', (request, response) => {
      request.resume()
      received.push({ headers: request.headers, body: '' })
      response.end('{"errcode":0}')
    })
    const robot = { kind: 'wecom', name: 'chat', url, allowPrivate: true, perMinuteMax: 20 }
    alerting = await start({ receivers: [robot] })
    await alerting.submit(Array.from({ length: 25 }, (_, i) => seen({ labels: { host: `h${i}` } })))
    await expect
      .poll(async () => (await alerting.receivers())[0])
      .toMatchObject({ delivered: 20, pending: 5, failed: 0 })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(received).toHaveLength(20)
    await alerting.stop()
    // A restart is no way around; a minute later it goes on.
    alerting = await start({ receivers: [robot] })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(received).toHaveLength(20)
    await alerting.stop()
    await state.database.update(notifications).set({ lastAttemptMs: 0 })
    alerting = await start({ receivers: [robot] })
    await expect.poll(() => received.length).toBe(25)
  })

  test('a mail is sent over SMTP; a refusal for ever is not repeated', async () => {
    const mails: string[] = []
    let refuse = false
    const smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData: (stream, _session, done) => {
        let text = ''
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
        stream.on('end', () => {
          if (refuse) return done(Object.assign(new Error('no such user'), { responseCode: 550 }))
          mails.push(text)
          done()
        })
      },
    })
    await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve))
    const { port } = smtp.server.address() as AddressInfo
    alerting = await start({
      receivers: [
        {
          kind: 'email',
          name: 'mail',
          to: ['duty@example.org'],
          from: 'guanlan@example.org',
          host: '127.0.0.1',
          port,
          security: 'none',
        },
      ],
    })
    await alerting.submit([seen({ title: '磁盘将满 on db-1', severity: 'high' })])
    await expect.poll(() => mails.length).toBe(1)
    expect(mails[0]).toContain('To: duty@example.org')
    expect(mails[0]).toMatch(/Subject: =\?UTF-8\?/)
    refuse = true
    await alerting.submit([seen({ labels: { host: 'x' } })])
    await expect.poll(async () => (await alerting.receivers())[0]).toMatchObject({ delivered: 1, failed: 1 })
    await new Promise<void>((resolve) => smtp.close(resolve))
  })

  test('the heartbeat is called while the watchdog is fresh, and not without it', async () => {
    alerting = await start({
      receivers: [{ kind: 'heartbeat', name: 'beat', url, intervalMs: 1000, allowPrivate: true }],
    })
    await expect.poll(async () => (await alerting.receivers())[0]?.lastError).toMatch(/watchdog/)
    expect(received).toHaveLength(0)
    await alerting.submit([seen({ rule: 'watchdog/self', labels: {} })])
    await expect.poll(() => received.length).toBeGreaterThan(0)
    expect((await alerting.list({})).alerts).toEqual([])
  }, 15_000)

  test('the feed replays from a sequence without gap or repetition, also for slow readers', async () => {
    alerting = await start({ queueMax: 10 })
    const read = async (from: number | undefined, count: number, pauseEvery: number): Promise<AlertChange[]> => {
      const controller = new AbortController()
      const changes: AlertChange[] = []
      const request = { signal: controller.signal, ...(from === undefined ? {} : { from }) }
      for await (const message of alerting.feed.subscribe(request)) {
        if (message.type === 'change') changes.push(message.change)
        if (changes.length >= count) controller.abort()
        if (pauseEvery > 0 && changes.length % pauseEvery === 0) await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return changes
    }
    await alerting.submit([seen({ labels: { host: 'first' } })])
    const [{ sequence } = { sequence: 0 }] = await state.database.select().from(alertChanges)
    const readers = [read(sequence, 300, 0), read(sequence, 300, 7)]
    for (let i = 0; i < 300; i += 20)
      await alerting.submit(Array.from({ length: 20 }, (_, k) => seen({ labels: { host: `h${i + k}` } })))
    const rows = (await state.database.select().from(alertChanges)).map((row) => row.sequence).sort((a, b) => a - b)
    for (const changes of await Promise.all(readers))
      expect(changes.map((change) => change.sequence)).toEqual(rows.slice(1))
  })

  test('people acknowledge and note; each is in the history, the feed and the audit trail', async () => {
    alerting = await start()
    await alerting.submit([seen()])
    const [{ id } = { id: '' }] = (await alerting.list({})).alerts
    await alerting.acknowledge(operator, id, 'looking at it')
    await alerting.addNote(operator, id, 'disk was full')
    const detail = await alerting.detail(id)
    expect(detail.acknowledged).toMatchObject({ by: 'Wei' })
    expect(detail.history.map(({ kind, text }) => [kind, text]).slice(1)).toEqual([
      ['acknowledge', 'looking at it'],
      ['note', 'disk was full'],
    ])
    await alerting.unacknowledge(operator, id)
    expect((await alerting.detail(id)).acknowledged).toBeNull()
    const actions = (await state.database.select().from(audit)).map(({ action }) => action)
    expect(actions).toEqual(expect.arrayContaining(['alert.acknowledge', 'alert.note', 'alert.unacknowledge']))
    await expect(alerting.acknowledge({ ...operator, role: 'leader' }, id)).rejects.toMatchObject({
      code: 'auth.forbidden',
    })
    await expect(alerting.addNote(operator, 'nothing', 'x')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('what needs attention is told gravest first, and of the same severity the newest', async () => {
    alerting = await start()
    const severities = ['high', 'critical', 'low', 'high'] as const
    for (const [i, severity] of severities.entries()) {
      await alerting.submit([seen({ severity, rule: `events/r${i}` })])
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const { latest } = await alerting.attention()
    expect(latest.map(({ rule }) => rule)).toEqual(['events/r1', 'events/r3', 'events/r0', 'events/r2'])
  })

  test('the same finding again is the same episode; after its end it is the next', async () => {
    alerting = await start()
    for (let i = 0; i < 5; i++) await alerting.submit([seen(), seen()])
    expect((await alerting.list({})).alerts).toMatchObject([{ episode: 1, findingCount: 10, state: 'firing' }])
    await alerting.submit([seen({ state: 'over' })])
    await new Promise((resolve) => setTimeout(resolve, 5))
    await alerting.submit([seen({ annotations: { 'title.zh': '磁盘写满' } })])
    const page = await alerting.list({ q: 'synthetic web-1' })
    expect((await alerting.list({ q: '写满 web-1' })).alerts.map(({ episode }) => episode)).toEqual([2])
    expect(page.alerts.map(({ episode, state: now }) => [episode, now])).toEqual([
      [2, 'firing'],
      [1, 'resolved'],
    ])
    expect((await alerting.detail(page.alerts[0]!.id)).earlierEpisodes).toHaveLength(1)
    expect(await alerting.attention()).toMatchObject({ firing: 1, bySeverity: { medium: 1 } })
  })
})
