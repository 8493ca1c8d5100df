// All numbers are synthetic: they pass their checks and belong to nobody known.
import fc from 'fast-check'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { silentLogger } from '#core/logger.ts'
import { readDictionary } from '../dictionary.ts'
import { synthetic } from '../testing.ts'
import { createValueHash } from '../value-hash.ts'
import { readWatchRules, type WatchRules } from '../watch/rules.ts'
import { createLogLook, eventCharsMax, type Looked } from './look.ts'
import { createLogData } from './service.ts'
import { createLogSight } from './sight.ts'
import { createSightThread } from './sight-thread.ts'

const dictionary = readDictionary('rules/dlp/kinds.yml')
const kinds = dictionary.map(({ kind }) => kind)
const shipped = readWatchRules('rules/dlp/watch.yml', kinds)
const make = synthetic(7)
const hourMs = 3_600_000
const startMs = 495_000 * hourMs
let serial = 0

const line = (message: string, more: Record<string, Event[string]> = {}): Event => ({
  ...{ '@timestamp': startMs, 'event.id': `e${serial++}`, 'event.ingested': startMs, 'observer.name': 'syslog' },
  ...{ 'event.dataset': 'app', 'host.name': 'web-1', message, ...more },
})
const looked = (events: Event[]): Looked[] => {
  const all: Looked[] = []
  createLogLook(dictionary).look(events, (one) => all.push(one))
  return all
}
const seenIn = (event: Event): [kind: string, field: string][] =>
  looked([event]).flatMap(({ seen }) =>
    seen.filter(({ values }) => values.size > 0).map((one): [string, string] => [one.kind, one.field]),
  )

const key = Buffer.alloc(32, 1)
const begin = (rules: () => WatchRules = () => shipped) => {
  const data = createLogData({ dictionary, metrics: new Registry(), rules, nowMs: () => startMs })
  const sight = createLogSight(dictionary, createValueHash(key))
  return { ...data, apply: (events: readonly Event[]): Finding[] => data.judge(sight(events)) }
}

describe('what is found in an event', () => {
  it('says the field, and counts a value that is also in the message once', () => {
    const id = make.residentId()
    const message = `10.0.0.1 - - "GET /q?idcard=${id}&page=2 HTTP/1.1" 200`
    const event = line(message, { 'event.original': `<13>web-1: ${message}`, 'url.query': `idcard=${id}&page=2` })
    expect(seenIn(event)).toEqual([['resident-id', 'url.query']])
  })

  it('takes the name of a field for the word before its value, numbers as well, and no word of another field', () => {
    const mobile = make.mobile()
    expect(seenIn(line('ok', { 'user.phone': mobile }))).toEqual([['mobile', 'user.phone']])
    expect(seenIn(line('ok', { 'user.phone': Number(mobile) }))).toEqual([['mobile', 'user.phone']])
    expect(seenIn(line('ok', { 'user.phone': '', 'job.number': mobile }))).toEqual([])
    expect(seenIn(line('ok', { 'user.list': ['x', `手机${mobile}`] }))).toEqual([['mobile', 'user.list']])
  })

  it('reads escapes in addresses, and hides a number that is itself a name', () => {
    const name = encodeURIComponent('张三')
    expect(seenIn(line('ok', { 'url.query': `q=${name}${make.mobile()}` }))).toEqual([['mobile', 'url.query']])
    const [[kind, field] = ['', '']] = seenIn(line('ok', { [`people.${make.residentId()}.state`]: 'open' }))
    expect(kind).toBe('resident-id')
    expect(field).not.toMatch(/\d{7}/)
  })

  it('does not look at what we ourselves say of mirrored bodies, but at whoever takes that name', () => {
    const text = `idcard=${make.residentId()}`
    const ours = { 'event.dataset': 'guanlan.sensitive', 'url.query': text }
    expect(seenIn(line('', { ...ours, 'observer.name': 'http-mirror' }))).toEqual([])
    expect(seenIn(line('', ours))).toEqual([['resident-id', 'url.query']])
  })

  it('cuts what is huge and counts it', () => {
    const { look, totals } = createLogLook(dictionary)
    const all: Looked[] = []
    const id = make.residentId()
    look([line(`${' x'.repeat(eventCharsMax)} ${id}`), line(`id=${id} ${' x'.repeat(eventCharsMax)}`)], (one) =>
      all.push(one),
    )
    expect(totals).toMatchObject({ events: 2, cut: 2 })
    expect(all.map(({ event }) => event.message.slice(0, 3))).toEqual(['id='])
  })

  it('is the same whatever stands before and after it in the stream', () => {
    const pieces = fc.constantFrom(
      ...['手机', 'phone=', '-----BEGIN PRIVATE KEY-----', 'password=', 'eyJ', ' ', '\u{1e}', '订单号', '12 ', '张'],
      ...Object.values(make.valid()).map(({ next }) => next()),
    )
    const text = fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 8 }), (texts) => {
        const events = texts.map(([message, other]) => line(message, { 'a.b': other }))
        const together = looked(events).map(({ event, seen }) => [event['event.id'], seen])
        const alone = events.flatMap((event) => looked([event])).map(({ event, seen }) => [event['event.id'], seen])
        expect(together).toEqual(alone)
      }),
    )
  })
})

describe('numbers of logs', () => {
  const quiet = [
    'Started user@1000.service - User Manager for UID 1000.',
    'sudo: wei : TTY=pts/0 ; PWD=/home/wei ; USER=root ; COMMAND=/usr/bin/id',
    'GET /static/icon@2x.png 200',
    'npm fetch left-pad@1.3.0.tgz',
    'cloned git@github.com:example/repo.git',
    'hotel booking 13812345678 cancelled at 13912345678',
    '订单号：13812345678 耗时15012345678纳秒',
    '{"phone":"","orderId":13812345678}',
    'ACL 101 permitted tcp 10.0.0.1 bytes 12345678',
    'cpu 135 2043 1200 139 4096 8192',
    'password: must not be empty; Password: incorrect',
    'passwd: files systemd',
    'password=[FILTERED] token: ********',
    'GET /index.php?id=password::int',
    'request took 1764086400123 ms since 1764086400',
    'trace_id=6222021234567890128 span 62220212345678',
  ]
  it.each(quiet)('%s', (message) => {
    expect(seenIn(line(message))).toEqual([])
  })

  const told: [message: string, kind: string][] = [
    ['postgres://app:S3cretValue@db.internal:5432/x', 'password'],
    ['userTel=13812345678', 'mobile'],
    ['tel:13812345678', 'mobile'],
    ['联系电话：13812345678', 'mobile'],
    ['张三13812345678', 'mobile'],
    ['mail sent to wei%40example.com', 'email'],
    ['login failed for wei@example.com.cn', 'email'],
    ['"password": "correcthorse"', 'password'],
  ]
  it.each(told)('but: %s', (message, kind) => {
    expect(seenIn(line(message)).map(([one]) => one)).toEqual([kind])
  })
})

describe('the watch over logs', () => {
  const rulesOf = (findings: readonly Finding[]): string[] =>
    findings.map(({ rule, labels }) => `${rule} ${labels['sensitive.kind']}`)

  it('tells of a kind that a source writes for the first time, without the value, and goes on counting', () => {
    const { apply, leaks } = begin()
    const id = make.residentId()
    const [finding, ...none] = apply([line(`idcard=${id}`, { 'guanlan.entity.id': ['host:web-1'] })])
    expect(none).toEqual([])
    expect(finding).toMatchObject({
      ...{ rule: 'dlp/identity-in-log', severity: 'medium', entities: ['host:web-1'] },
      labels: { 'event.dataset': 'app', 'host.name': 'web-1', 'sensitive.kind': 'resident-id' },
    })
    expect(JSON.stringify(finding)).not.toContain(id)
    expect(finding!.evidence.eventIds).toHaveLength(1)
    // Ten thousand more of the same are no more findings; an hour later it is told again, with its count.
    for (let i = 0; i < 100; i++) expect(apply(Array.from({ length: 100 }, () => line(`idcard=${id}`)))).toEqual([])
    const [again] = apply([line(`idcard=${id}`, { 'event.ingested': startMs + hourMs })])
    expect(again).toMatchObject({ labels: finding!.labels, evidence: { value: 10_002 } })
    expect([...leaks.all()].map(({ events, kind }) => [kind, events])).toEqual([['resident-id', 10_002]])
  })

  it('tells many machines with the same log by name up to a number, and the rest as one', () => {
    const { apply } = begin()
    const findings = apply(
      Array.from({ length: 200 }, (_, i) => line(`password=Hunter2${i}`, { 'host.name': `web-${i}` })),
    )
    expect(new Set(findings.map(({ labels }) => JSON.stringify(labels))).size).toBe(21)
  })

  it('takes numbers of which most fail their check digit for counters', () => {
    const { apply, leaks } = begin()
    const numbers = Array.from({ length: 2000 }, (_, i) => line(`seen ${6_222_021_234_500_000n + BigInt(i)}`))
    // The first may be right by chance.
    expect(numbers.flatMap((one) => apply([one])).length).toBeLessThanOrEqual(1)
    expect([...leaks.all()][0]!.events).toBeLessThanOrEqual(2)
    expect(rulesOf(apply([line(`paid with ${make.bankCard()}`, { 'host.name': 'pay-1' })]))).toEqual([
      'dlp/identity-in-log bank-card',
    ])
  })

  it('keeps quiet where it is allowed, until the day after, and counts all the same', () => {
    const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
    const allowed = [
      {
        kinds: ['mobile'],
        datasets: ['sms.*'],
        fields: ['sms.to'],
        reason: 'it proves what it sent',
        until: day(startMs),
      },
    ]
    const { apply, leaks } = begin(() => ({ ...shipped, allowed }))
    const sms = (more = {}): Event =>
      line('sent', { 'event.dataset': 'sms.gateway', 'sms.to': `手机${make.mobile()}`, ...more })
    expect(apply([sms()])).toEqual([])
    expect([...leaks.all()][0]!.events).toBe(1)
    expect(rulesOf(apply([sms({ 'sms.text': `回电${make.mobile()}` })]))).toEqual(['dlp/contact-in-log mobile'])
    const next = { 'event.ingested': startMs + 25 * hourMs, 'host.name': 'sms-2' }
    expect(rulesOf(apply([sms(next)]))).toEqual(['dlp/contact-in-log mobile'])
  })

  it('tells of an hour with far more different values than the busy hours of this source', () => {
    const { apply } = begin()
    const told: string[] = []
    const write = (hour: number, count: number): void => {
      for (let i = 0; i < count; i++)
        told.push(...rulesOf(apply([line(`phone=${make.mobile()}`, { 'event.ingested': startMs + hour * hourMs })])))
    }
    for (let hour = 0; hour < 24; hour++) write(hour, 40)
    expect(told.filter((one) => one.includes('burst'))).toEqual([])
    write(25, 150)
    expect(told.filter((one) => one.includes('burst'))).toEqual([])
    write(26, 400)
    const bursts = told.filter((one) => one.includes('burst'))
    expect(bursts.length).toBeGreaterThan(0)
    expect(bursts.length).toBeLessThan(6)
  })

  it('goes on after a restart as if there had been none', () => {
    const events = Array.from({ length: 400 }, (_, i) =>
      line(i % 3 ? `phone=${make.mobile()}` : `card ${make.bankCard()}`, {
        ...{ 'host.name': `h${i % 30}`, 'event.ingested': startMs + i * 900_000 },
      }),
    )
    const [one, two] = [begin(), begin()]
    one.apply(events.slice(0, 200))
    two.restore([...one.snapshot()])
    expect(two.apply(events.slice(200))).toEqual(one.apply(events.slice(200)))
    expect([...two.snapshot()]).toEqual([...one.snapshot()])
    expect([...one.snapshot()].join('\n')).not.toMatch(/1\d{10}\D|\d{16}/)
  })

  it('keeps a bound on what senders may name', () => {
    const { apply, leaks } = begin()
    for (let i = 0; i < 60; i++) apply([line('x', { [`field${i}`]: 'password=Hunter2Hunter2' })])
    expect([...leaks.all()][0]!.fields.size).toBeLessThanOrEqual(21)
  })
})

describe('on a thread of its own', () => {
  const payloadOf = (events: readonly Event[]): Uint8Array => Buffer.from(JSON.stringify(events))

  it('sees the same, and gives no value away', async () => {
    const thread = createSightThread({ dictionary, key }, { logger: silentLogger })
    const id = make.residentId()
    const events = [line('nothing'), line(`idcard=${id} password=Hunter2Hunter2`), line(`手机 ${make.mobile()}`)]
    const there = await thread.sight(payloadOf(events))
    const { workedMs: _, ...here } = createLogSight(dictionary, createValueHash(key))(events)
    expect(there).toMatchObject(here)
    expect(there.found.map(({ event }) => event['event.id'])).toEqual(events.slice(1).map((one) => one['event.id']))
    expect(JSON.stringify(there)).not.toMatch(new RegExp(`${id}|Hunter2`))
    await thread.close()
  })

  it('says so when a record cannot be read, and sees the next', async () => {
    const thread = createSightThread({ dictionary, key }, { logger: silentLogger })
    await expect(thread.sight(Buffer.from('[{'))).rejects.toThrow(/JSON/)
    expect((await thread.sight(payloadOf([line('x')]))).totals.events).toBe(1)
    await thread.close()
  })

  it('what it had not answered when it ended is refused, and a new thread takes its place', async () => {
    const thread = createSightThread({ dictionary, key }, { logger: silentLogger })
    const asked = thread.sight(payloadOf([line('x')]))
    const refused = expect(asked).rejects.toThrow(/ended/)
    await thread.close()
    await refused
    expect((await thread.sight(payloadOf([line('x')]))).totals.events).toBe(1)
    await thread.close()
  })
})
