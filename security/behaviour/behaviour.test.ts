import { isDeepStrictEqual } from 'node:util'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import type { Event } from '#core/event.ts'
import { type Random, seededRandom } from '#core/random.ts'
import { behaviourConfigSchema } from './config.ts'
import { factsOf, networkOf } from './facts.ts'
import { type Detector, type Reason, scoreOf } from './profile.ts'
import { createBehaviour } from './service.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** A Monday, 00:00 at UTC+8. */
const monday = Date.parse('2026-01-05T00:00:00+08:00')
let id = 0

function signIn(user: string, atMs: number, more: Record<string, unknown> = {}): Event {
  return {
    ...{ '@timestamp': atMs, 'event.id': `e${++id}`, 'event.ingested': atMs, 'observer.name': 'file', message: '' },
    ...{ 'event.dataset': 'sshd', 'event.category': ['authentication'], 'event.action': 'ssh_login' },
    ...{ 'event.outcome': 'success', 'user.name': user, 'host.name': 'office-1', 'guanlan.department': '财政局' },
    ...{ 'source.ip': '10.1.1.5', 'source.bytes': 1000, ...more },
  }
}

/** Colleagues on working days from nine to five, each on two of five hosts, from one network. Synthetic. */
function office(random: Random, people: number, days: number): Event[] {
  const events: Event[] = []
  for (let day = 0; day < days; day++) {
    if (day % 7 > 4) continue
    for (let n = 0; n < people; n++)
      for (let hour = 9; hour < 17; hour++) {
        if (random.next() < 0.4) continue
        const atMs = monday + day * dayMs + hour * hourMs + Math.floor(random.next() * hourMs)
        const host = { 'host.name': `office-${1 + ((n + (random.next() < 0.3 ? 1 : 0)) % 5)}` }
        const bytes = { 'source.bytes': Math.round(2 ** (10 + 4 * random.next())) }
        if (random.next() < 0.05)
          events.push(signIn(`person${n}`, atMs - 1000, { ...host, 'event.outcome': 'failure' }))
        events.push(signIn(`person${n}`, atMs, { ...host, ...bytes }))
        events.push(signIn(`person${n}`, atMs + 60_000, { ...host, 'event.action': 'open_file' }))
      }
  }
  return events.sort((a, b) => a['@timestamp'] - b['@timestamp'])
}

const create = (config: object = {}) =>
  createBehaviour(behaviourConfigSchema.parse(config), { metrics: new Registry() })
const usual = office(seededRandom(3), 30, 40)
const night = monday + 40 * dayMs + 3 * hourMs
const intruder = (user: string): Event[] => [
  signIn(user, night, { 'source.ip': '203.0.113.7', 'host.name': 'vault-1' }),
  signIn(user, night + 1000, { 'host.name': 'vault-1', 'event.action': 'dump_table', 'source.bytes': 5e9 }),
]

describe('behaviour', () => {
  it('is quiet over weeks of usual days, and speaks of a stolen account in words', () => {
    const watch = create()
    const before = watch.apply(usual)
    const entityDays = 35 * 28
    expect(before.length).toBeLessThanOrEqual(Math.ceil((entityDays / 1000) * 3))
    const found = watch.apply(intruder('person4'))
    const last = found.filter(({ rule }) => rule === 'behaviour/user').at(-1)!
    expect(last).toMatchObject({ labels: { 'user.name': 'person4' }, entities: ['user:person4'], severity: 'high' })
    expect(last.description).toContain(
      'person4 came from 203.0.113.0/24 for the first time; 0 of 29 colleagues of 财政局 did in 30 days.',
    )
    expect(last.description).toContain('person4 was active at 03:00')
    expect(last.description).toContain('5.00 GB moved within an hour')
    expect(last.annotations['description.zh']).toContain('财政局的 29 名同事中有 0 个如此')
    expect(last.evidence.value!).toBeGreaterThan(last.evidence.threshold!)
    expect(last.evidence.eventIds.length).toBeGreaterThan(1)
  })
  it('what colleagues do is less of a surprise', () => {
    const scoreOf = (peers: number, afterMs: number): number => {
      const watch = create({ bitsMin: 1000 })
      watch.apply(usual)
      const network = { 'source.ip': '198.51.100.20' }
      const noon = night + 9 * hourMs
      for (let n = 0; n < peers; n++) watch.apply([signIn(`person${n}`, noon + n, network)])
      watch.apply([signIn('person29', noon + afterMs, network)])
      return watch.entity('user:person29', 'en')!.score
    }
    expect(scoreOf(0, 2 * hourMs)).toBeGreaterThan(scoreOf(10, 2 * hourMs) + 2)
    expect(scoreOf(10, 2 * hourMs)).toBeGreaterThan(scoreOf(29, 2 * hourMs))
    // What comes over many at once is not usual for that.
    expect(scoreOf(10, 60_000)).toBe(scoreOf(0, 60_000))
  })
  it('each stranger adds, less and less; that there are strangers at all counts once', () => {
    const reason = (detector: Detector, value: string, bits: number, once = 0): Reason => ({
      ...{ detector, id: `${value.length > 1 ? 'network' : 'host'}=${value}`, bits, once, atMs: 0, eventId: '' },
      values: {},
    })
    const weights = behaviourConfigSchema.parse({}).weights
    const score = (...reasons: Reason[]) => scoreOf(reasons, weights)
    expect(score(reason('firstSeen', 'a', 9, 5))).toBe(9)
    expect(score(reason('firstSeen', 'a', 9, 5), reason('firstSeen', 'b', 9, 5))).toBeCloseTo(9 + 4 / Math.SQRT2)
    expect(score(reason('firstSeen', 'a', 9, 5), reason('firstSeen', 'net', 9, 5))).toBe(18)
    expect(score(reason('time', 'a', 6), reason('time', 'b', 6))).toBe(9)
  })
  it('an account that is seldom active surprises when it is', () => {
    const watch = create()
    const seldom = [0, 20, 40, 60].map((day) => signIn('cleaner', monday + day * dayMs + 10 * hourMs))
    const daily = Array.from({ length: 81 }, (_, day) => signIn('guard', monday + day * dayMs + 9 * hourMs))
    watch.apply([...seldom, ...daily].sort((a, b) => a['@timestamp'] - b['@timestamp']))
    watch.apply([signIn('cleaner', monday + 80 * dayMs + 10 * hourMs)])
    const reasons = (name: string, language: 'en' | 'zh') =>
      watch.entity(`user:${name}`, language)!.reasons.map(({ text }) => text)
    expect(reasons('cleaner', 'en')).toContain('cleaner is seldom active: on 4 of the 80 days since it was first seen.')
    expect(reasons('cleaner', 'zh')).toContain('cleaner 很少活动：自首次出现以来的 80 天中仅 4 天有活动。')
    expect(reasons('guard', 'en').join()).not.toContain('seldom')
  })
  it('says nothing while it learns', () => {
    const watch = create()
    watch.apply(office(seededRandom(4), 10, 5))
    expect(
      watch.apply(
        intruder('person4').map((event) => ({ ...event, '@timestamp': monday + 5 * dayMs, 'event.ingested': night })),
      ),
    ).toEqual([])
    expect(watch.entity('user:person4', 'en')!.isLearning).toBe(true)
  })
  it('guessed names make no accounts, the host that they are tried on counts them', () => {
    const watch = create()
    watch.apply(usual)
    const atMs = monday + 42 * dayMs + 10 * hourMs
    const found = watch.apply(
      Array.from({ length: 3000 }, (_, n) =>
        signIn(`guess${n}`, atMs + n, { 'host.name': 'office-2', 'event.outcome': 'failure' }),
      ),
    )
    expect(watch.entity('user:guess7', 'en')).toBeUndefined()
    expect(found.map(({ labels }) => labels['host.name'])).toContain('office-2')
    expect(found[0]!.description).toContain('failed sign-ins within an hour')
  })
  it('uses nothing ahead: what was told stays the same whatever follows', () => {
    const events = [...usual, ...intruder('person1'), ...intruder('person2')]
    const whole = create().apply(events)
    const half = create()
    const part = half.apply(events.slice(0, -2))
    expect(whole.slice(0, part.length)).toEqual(part)
  })
  it('goes on after a restart as if nothing had been', () => {
    const events = [...usual, ...intruder('person1')]
    const at = Math.floor(events.length * 0.7)
    const once = create()
    const found = once.apply(events)
    const first = create()
    const before = first.apply(events.slice(0, at))
    const second = create()
    second.restore([...first.snapshot()])
    expect([...before, ...second.apply(events.slice(at))]).toEqual(found)
    const parsed = (lines: Iterable<string>) => [...lines].map((line) => JSON.parse(line))
    expect(isDeepStrictEqual(parsed(second.snapshot()), parsed(once.snapshot()))).toBe(true)
  })
  it('is bounded, and counts what it forgets', () => {
    const watch = create({ entitiesMax: 100 })
    watch.apply(Array.from({ length: 5000 }, (_, n) => signIn(`user${n}`, monday + n, { 'host.name': `h${n}` })))
    expect(watch.status().entities).toBe(100)
    expect(watch.status().counts.entitiesForgotten).toBe(9900)
    const one = create()
    one.apply(Array.from({ length: 5000 }, (_, n) => signIn('wei', monday + n, { 'host.name': `h${n}` })))
    expect([...one.snapshot()].find((line) => line.includes('user:wei'))!.length).toBeLessThan(20_000)
    expect(one.status().counts.valuesForgotten).toBeGreaterThan(4000)
  })
  it('where it had to forget it does not call things new', () => {
    const watch = create({ bitsMin: 1 })
    watch.apply(usual)
    const noon = night + 9 * hourMs
    watch.apply(Array.from({ length: 200 }, (_, n) => signIn('person4', noon + n * 1000, { 'host.name': `farm-${n}` })))
    const day = noon + dayMs
    expect(watch.apply([signIn('person4', day, { 'host.name': 'farm-3' })])).toEqual([])
    expect(watch.entity('user:person4', 'en')!.reasons.filter(({ text }) => text.includes('farm-3'))).toEqual([])
  })
  it('a clock that is ahead teaches nothing, an old event is learned and not judged', () => {
    const watch = create()
    watch.apply(usual)
    expect(
      watch.apply([signIn('person4', night, { 'event.ingested': night - dayMs, 'source.ip': '203.0.113.7' })]),
    ).toEqual([])
    expect(watch.entity('user:person4', 'en')!.lastMs).toBeLessThan(night)
    const late = signIn('person4', monday, { 'source.ip': '203.0.113.9' })
    expect(watch.apply([late])).toEqual([])
    expect(watch.entity('user:person4', 'en')!.known.map(({ value }) => value)).toContain('203.0.113.0/24')
  })
  it('when the whole estate changes it is one finding, not one for each', () => {
    const watch = create({ bitsMin: 5 })
    watch.apply(office(seededRandom(3), 120, 21))
    const atMs = monday + 21 * dayMs + 10 * hourMs
    const found = watch.apply(
      Array.from({ length: 120 }, (_, n) =>
        signIn(`person${n}`, atMs + n, {
          'source.ip': `203.0.${n}.7`,
          'host.name': `new-${n}`,
          'event.action': `odd${n}`,
        }),
      ),
    )
    const users = new Set(
      found.filter(({ rule }) => rule === 'behaviour/user').map(({ labels }) => labels['user.name']),
    )
    expect(users.size).toBeLessThanOrEqual(20)
    expect(found.some(({ rule }) => rule === 'behaviour/many')).toBe(true)
  })
})

describe('facts', () => {
  it('an account belongs to the department that the inventory says, or in which it was first seen', () => {
    const department = (known: Record<string, string>): string => {
      const watch = createBehaviour(behaviourConfigSchema.parse({}), {
        metrics: new Registry(),
        departmentOf: (name) => known[name] ?? '',
      })
      watch.apply([signIn('wei', monday), signIn('wei', monday + 1, { 'guanlan.department': '教育局' })])
      return watch.entity('user:wei', 'en')!.department
    }
    expect(department({})).toBe('财政局')
    expect(department({ wei: '公安局' })).toBe('公安局')
  })
  it('networks of addresses', () => {
    expect(networkOf('10.3.4.5')).toBe('10.3.4.0/24')
    expect(networkOf('::ffff:10.3.4.5')).toBe('10.3.4.0/24')
    expect(networkOf('2001:0db8:12:34::1')).toBe('2001:db8:12::/48')
    expect(networkOf('fe80::1')).toBe('fe80:0:0::/48')
    expect(networkOf('localhost')).toBe('')
  })
  it('reads ECS, Windows and cloud names; machines and nobody are no accounts', () => {
    const entities = (fields: object): string[] =>
      factsOf({ ...signIn('', 0), 'host.name': '', ...fields } as Event).map(({ entity }) => entity)
    expect(entities({ Computer: 'PC7', TargetUserName: 'CORP\\Wei' })).toEqual(['user:wei', 'host:pc7'])
    expect(entities({ 'user.name': 'PC7$', 'host.name': 'PC7' })).toEqual(['host:pc7'])
    expect(entities({ 'userIdentity.userName': 'Alice', sourceIPAddress: '203.0.113.4' })).toEqual(['user:alice'])
    expect(entities({ 'user.name': '-' })).toEqual([])
    expect(entities({ 'user.name': 'wei', 'event.dataset': 'guanlan.sensitive' })).toEqual([])
  })
})
