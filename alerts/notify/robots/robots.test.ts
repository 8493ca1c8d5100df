// Each robot against a server that checks what the service's documents ask for, and answers as they say it does.
import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { finding } from '../../testing.ts'
import { createAllowance } from '../allowance.ts'
import { receiverSchema } from '../config.ts'
import { writeMail } from '../mail-text.ts'
import type { Delivery, Notification, NotifiedAlert } from '../notification.ts'
import { createNotifier } from '../notifiers.ts'
import { writeChat } from './text.ts'

const { evidence } = finding()
const alert = (part: Partial<NotifiedAlert> = {}): NotifiedAlert => ({
  ...{
    id: 'a1',
    fingerprint: 'f',
    episode: 1,
    rule: 'events/ssh',
    title: 'SSH 暴力破解',
    description: '同一来源多次失败',
  },
  ...{
    severity: 'high',
    state: 'firing',
    labels: { 'source.ip': '203.0.113.9' },
    annotations: {},
    entities: ['host:gz-1'],
  },
  ...{ startedMs: 1_795_600_000_000, firedMs: 1_795_600_000_000, resolvedMs: null, lastSeenMs: 1_795_600_000_000 },
  ...{ findingCount: 3, value: 12, threshold: 10, acknowledged: null, evidence },
  ...part,
})
const notification = (alerts: NotifiedAlert[], part: Partial<Notification> = {}): Notification => ({
  ...{ id: 'ntf_1', event: 'firing', createdMs: 0, attempt: 1, publicUrl: 'https://ops.example' },
  alerts: alerts as Notification['alerts'],
  ...part,
})
const group = { key: '{}:{site="gz"}', receiver: 'duty', path: 'route', labels: { site: 'gz' }, truncated: 0 }

interface Request {
  url: URL
  body: Record<string, never>
  bytes: number
}

describe('robots', () => {
  let server: Server
  let base: string
  let requests: Request[]
  let respond: (request: Request) => object | string

  beforeEach(async () => {
    requests = []
    server = createServer(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const text = Buffer.concat(parts).toString()
      const one = {
        url: new URL(request.url!, 'http://x'),
        body: JSON.parse(text === '' ? '{}' : text),
        bytes: Buffer.byteLength(text),
      }
      requests.push(one)
      const answer = respond(one)
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const send = (config: object, what = notification([alert()])): Promise<Delivery> => {
    const receiver = receiverSchema.parse({ name: 'chat', allowPrivate: true, ...config })
    if (receiver.kind === 'heartbeat') throw new Error('not told')
    return createNotifier(receiver, 'zh', systemClock).notify(what, AbortSignal.timeout(5000))
  }
  const many = Array.from({ length: 400 }, (_, i) =>
    alert({ id: `a${i}`, title: `磁盘将满 ${i}`, description: '剩余不足百分之五'.repeat(20) }),
  )

  test('DingTalk: time and signature in the address, as 加签 is described', async () => {
    const secret = 'SECabc123'
    respond = ({ url }) => {
      const timestamp = url.searchParams.get('timestamp')!
      const expected = createHmac('sha256', secret).update(`${timestamp}\n${secret}`, 'utf8').digest('base64')
      const isNear = Math.abs(Date.now() - Number(timestamp)) < 3_600_000
      return isNear && url.searchParams.get('sign') === expected && url.searchParams.get('access_token') === 't+/k'
        ? { errcode: 0, errmsg: 'ok' }
        : { errcode: 310_000, errmsg: 'sign not match' }
    }
    const url = `${base}/robot/send?access_token=t%2B%2Fk`
    expect(await send({ kind: 'dingtalk', url, secret, atMobiles: ['13800000000'] })).toEqual({ ok: true })
    expect(requests[0]!.body).toMatchObject({ msgtype: 'markdown', at: { atMobiles: ['13800000000'], isAtAll: false } })
    expect(JSON.stringify(requests[0]!.body)).toContain('@13800000000')
    const wrong = await send({ kind: 'dingtalk', url, secret: 'SECother' })
    expect(wrong).toMatchObject({
      ok: false,
      retry: false,
      error: 'code 310000: sign not match',
      reason: 'clientError',
    })
  })

  test('Feishu: time and signature in the body, as 签名校验 is described', async () => {
    const secret = 'demo'
    respond = ({ body: { timestamp, sign } }) =>
      sign ===
        createHmac('sha256', Buffer.from(`${timestamp}\n${secret}`))
          .update('')
          .digest('base64') && Math.abs(Date.now() / 1000 - Number(timestamp)) < 3600
        ? { code: 0, msg: 'success', data: {} }
        : { code: 19_021, msg: 'sign match fail or timestamp is not within one hour from current time' }
    const url = `${base}/open-apis/bot/v2/hook/1`
    expect(await send({ kind: 'feishu', url, secret })).toEqual({ ok: true })
    expect(requests[0]!.body).toMatchObject({ msg_type: 'interactive', card: { header: { template: 'orange' } } })
    expect(await send({ kind: 'feishu', url, secret: 'other' })).toMatchObject({ retry: false, reason: 'clientError' })
  })

  test('WeCom: a code other than 0 with status 200 is a refusal; too many is told later', async () => {
    const url = `${base}/cgi-bin/webhook/send?key=k`
    respond = () => ({ errcode: 0, errmsg: 'ok' })
    expect(await send({ kind: 'wecom', url })).toEqual({ ok: true })
    respond = () => ({ errcode: 93_000, errmsg: 'invalid webhook url' })
    expect(await send({ kind: 'wecom', url })).toMatchObject({ ok: false, retry: false })
    respond = () => ({ errcode: 45_009, errmsg: 'api freq out of limit' })
    expect(await send({ kind: 'wecom', url })).toMatchObject({
      retry: true,
      reason: 'rateLimited',
      retryAfterMs: 60_000,
    })
    respond = () => '<html>a proxy says no</html>'
    expect(await send({ kind: 'wecom', url })).toMatchObject({ ok: false, retry: true })
    respond = () => ({ hello: 'there' })
    expect(await send({ kind: 'wecom', url })).toMatchObject({ ok: false, error: 'code missing: ' })
  })

  test('an application of WeCom: a token for its secret, used until it ends or is refused', async () => {
    let tokens = 0
    let valid = ''
    respond = ({ url, body }) => {
      if (url.pathname === '/cgi-bin/gettoken') {
        if (url.searchParams.get('corpid') !== 'ww1' || url.searchParams.get('corpsecret') !== 's+1')
          return { errcode: 40_001, errmsg: 'invalid credential' }
        valid = `t${++tokens}`
        return { errcode: 0, errmsg: 'ok', access_token: valid, expires_in: 7200 }
      }
      if (url.searchParams.get('access_token') !== valid) return { errcode: 40_014, errmsg: 'invalid access_token' }
      return body['touser'] === '@all' ? { errcode: 0, errmsg: 'ok' } : { errcode: 81_013, errmsg: 'all users invalid' }
    }
    const app = { kind: 'wecom-app', apiUrl: `${base}/cgi-bin`, corpId: 'ww1', agentId: '1000002', secret: 's+1' }
    const receiver = receiverSchema.parse({ name: 'chat', allowPrivate: true, ...app, toUser: '@all' })
    if (receiver.kind === 'heartbeat') throw new Error('not told')
    const notifier = createNotifier(receiver, 'zh', systemClock)
    const tell = () => notifier.notify(notification([alert()]), AbortSignal.timeout(5000))
    expect(await tell()).toEqual({ ok: true })
    expect(await tell()).toEqual({ ok: true })
    expect(tokens).toBe(1)
    expect(requests.at(-1)!.body).toMatchObject({ agentid: '1000002', msgtype: 'markdown', toparty: '' })
    expect(JSON.stringify(requests.at(-1)!.body)).toContain('SSH 暴力破解')
    // Another program asked for a token, and ours is over.
    valid = 'of another'
    expect(await tell()).toEqual({ ok: true })
    expect(tokens).toBe(2)
    expect(await send({ ...app, toParty: '2' })).toMatchObject({
      ok: false,
      retry: false,
      error: expect.stringMatching(/^code 81013/),
    })
    expect(await send({ ...app, toUser: 'a', secret: 'wrong' })).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^code 40001/),
    })
    respond = () => ({ errcode: 0, errmsg: 'ok' })
    expect(await send({ ...app, toUser: 'a' })).toMatchObject({
      ok: false,
      retry: true,
      error: expect.stringMatching(/without a token/),
    })
    respond = () => '<html>a proxy says no</html>'
    expect(await send({ ...app, toUser: 'a' })).toMatchObject({ ok: false, retry: true })
  })

  test('a large group is cut to what each takes, and says how many are left', async () => {
    respond = () => ({ errcode: 0, code: 0 })
    const large = notification(many, { group: { ...group, truncated: 7 } })
    for (const [kind, bytesMax] of [
      ['dingtalk', 20_000],
      ['feishu', 20_480],
      ['wecom', 6000],
    ] as const) {
      expect(await send({ kind, url: `${base}/${kind}` }, large)).toEqual({ ok: true })
      expect(requests.at(-1)!.bytes).toBeLessThan(bytesMax)
      expect(JSON.stringify(requests.at(-1)!.body)).toMatch(/另有 \d+ 条/)
    }
    const { text } = writeChat(large, 'zh', 4096)
    const shown = text.split('**磁盘将满').length - 1
    expect(text).toContain(`另有 ${400 + 7 - shown} 条`)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096)
  })

  test('what an alert quotes becomes no mention, no link and no tag', () => {
    const evil = alert({
      title: '<at id=all></at> <@all> [here](http://evil.example)',
      description: '`x` [a] (http://evil.example)',
    })
    const { text } = writeChat(notification([evil]), 'en', 4096)
    expect(text).not.toMatch(/[<>]/)
    expect(text).not.toMatch(/\]\s*\(http:\/\/evil/)
    expect(text).toContain('(https://ops.example/alerts/a1)')
  })

  test('a rule that says it in Chinese too is told in the language of the reader, in chats and mails', () => {
    const both = alert({
      ...{ title: 'Disk full', description: 'Make room' },
      annotations: { 'title.zh': '磁盘已满', 'description.zh': '请腾出空间' },
    })
    for (const write of [
      (language: 'zh' | 'en') => writeChat(notification([both]), language, 4096),
      (language: 'zh' | 'en') => writeMail(notification([both]), language),
    ]) {
      expect(JSON.stringify(write('zh'))).toMatch(/磁盘已满.*磁盘已满.*请腾出空间/)
      expect(JSON.stringify(write('zh'))).not.toMatch(/Disk full|Make room/)
      expect(JSON.stringify(write('en'))).toMatch(/Disk full.*Disk full.*Make room/)
      expect(JSON.stringify(write('en'))).not.toMatch(/磁盘|空间/)
    }
  })

  test('both languages name the zone of a time', () => {
    for (const language of ['zh', 'en'] as const)
      expect(writeChat(notification([alert()]), language, 4096).text).toMatch(/GMT\+8|CST/)
  })
})

test('of any sequence of messages none is dropped, and no minute has more than the service takes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 120 }),
      fc.integer({ min: 1, max: 20 }),
      async (arrivals, perMinuteMax) => {
        const allowance = createAllowance(perMinuteMax, async () => [])
        const waiting = arrivals.sort((a, b) => a - b)
        const sent: number[] = []
        let nowMs = 0
        while (sent.length < waiting.length) {
          const due = waiting.filter((atMs) => atMs <= nowMs).length - sent.length
          const { count, waitMs } = await allowance.left(nowMs)
          const now = Math.min(due, count)
          allowance.take(now, nowMs)
          for (let i = 0; i < now; i++) sent.push(nowMs)
          nowMs = due > now ? nowMs + waitMs : Math.max(nowMs, waiting[sent.length] ?? nowMs)
        }
        for (const [i, atMs] of sent.entries())
          expect((sent[i + perMinuteMax] ?? Number.POSITIVE_INFINITY) - atMs).toBeGreaterThan(60_000)
      },
    ),
  )
})

test('what was sent before a restart counts', async () => {
  const allowance = createAllowance(3, async (sinceMs) => [10_000, 50_000].filter((atMs) => atMs > sinceMs))
  expect(await allowance.left(60_000)).toEqual({ count: 1, waitMs: 0 })
  allowance.take(1, 60_000)
  expect(await allowance.left(60_500)).toEqual({ count: 0, waitMs: 9501 })
})
