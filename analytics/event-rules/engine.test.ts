import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { createEventRules, type EventRules, eventRulesConfigSchema, type SourceSeen } from './index.ts'
import { ruleLimits } from './rule.ts'

// What a query means is the event store's business; here a query names a value of `kind`.
const compileKql = (query: string) => {
  if (query === '(') throw new CodedError('query.invalid', { cause: 'unclosed', position: 0, hint: 'Close it.' })
  return (event: Event) => event['kind'] === query
}

const startMs = Date.UTC(2026, 10, 24, 8)
let directory: string
let clock: ManualClock
let findings: Finding[]
let refuse: boolean
let sources: SourceSeen[]
let nextId = 0

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'event-rules-'))
  clock = new ManualClock(startMs)
  findings = []
  sources = []
  refuse = false
  writeRule('burst')
})
afterEach(() => rmSync(directory, { recursive: true }))

function writeRule(id: string, extra = 'threshold: 3\nwindow: 1m\ngroup_by: [host.name]\n', query = 'bad'): void {
  const tests = `tests:\n  - { name: a, events: [{ at: 0s, event: {} }], expect: [] }\n  - { name: b, events: [{ at: 0s, event: {} }], expect: [] }\n`
  const text = `id: ${id}\ntitle: '{{ value }} on {{ host.name }} by {{ user.name }}'\ndescription: d\nseverity: high\nquery: ${query}\n${extra}${tests}`
  writeFileSync(join(directory, `${id}.yml`), text)
}

function engine(): EventRules {
  return createEventRules(eventRulesConfigSchema.parse({ directory, watchdogMs: 3_600_000 }), {
    clock,
    compileKql,
    onFinding: (finding) => {
      if (refuse) throw new Error('not now')
      if (finding.rule !== 'watchdog/self') findings.push(finding)
    },
    sources: () => sources,
  })
}

function bad(host: string, timeMs = clock.nowMs(), fields: Partial<Event> = {}): Event {
  return {
    '@timestamp': timeMs,
    'event.id': `e${nextId++}`,
    'event.ingested': clock.nowMs(),
    'observer.name': 'test',
    'event.dataset': 'test',
    message: '',
    kind: 'bad',
    'host.name': host,
    ...fields,
  }
}

test('a threshold reached within the window is a finding with its proof, and over when the window has emptied', async () => {
  const rules = engine()
  const events = [bad('a"b'), bad('a"b'), bad('c'), bad('a"b', clock.nowMs(), { 'user.name': 'eve' })]
  await rules.apply(events, 0)
  expect(findings).toHaveLength(1)
  expect(findings[0]).toMatchObject({
    rule: 'events/burst',
    title: '3 on a"b by eve',
    state: 'active',
    labels: { 'host.name': 'a"b' },
    entities: ['host:a"b'],
    evidence: { query: '(bad) and host.name:"a\\"b"', value: 3, threshold: 3, fromMs: startMs, toMs: startMs + 1 },
  })
  expect(findings[0]!.evidence.eventIds).toEqual([
    events[0]!['event.id'],
    events[1]!['event.id'],
    events[3]!['event.id'],
  ])
  clock.advance(59_000)
  await rules.tick()
  expect(findings.at(-1)!.state).toBe('active')
  clock.advance(1000)
  await rules.tick()
  expect(findings.at(-1)).toMatchObject({ state: 'over', labels: { 'host.name': 'a"b' } })
})

test('the window slides: it is not cut at full minutes, and events out of order are counted where they belong', async () => {
  const rules = engine()
  await rules.apply([bad('a', startMs + 50_000), bad('a', startMs), bad('a', startMs + 20_000)].reverse(), 0)
  expect(findings).toHaveLength(1)
  await rules.apply([bad('b', startMs), bad('b', startMs - 61_000), bad('b', startMs - 1000)], 1)
  expect(findings).toHaveLength(1)
})

test('an event that claims the future does not hide what follows', async () => {
  const rules = engine()
  await rules.apply([bad('a', startMs + 80_000_000), bad('a'), bad('a')], 0)
  expect(findings).toHaveLength(1)
})

test('while it lags behind the log, nothing is over before its time', async () => {
  const rules = engine()
  await rules.apply([bad('a'), bad('a'), bad('a')], 0)
  clock.advance(600_000)
  await rules.tick(false)
  expect(findings.every((finding) => finding.state === 'active')).toBe(true)
  await rules.tick(true)
  expect(findings.at(-1)!.state).toBe('over')
})

test('a restart from the snapshot neither forgets nor counts twice', async () => {
  const first = engine()
  await first.apply([bad('a')], 0)
  const saved = first.snapshot()
  const lost = [bad('a')]
  await first.apply(lost, 1)
  const second = engine()
  expect(second.restore(saved)).toBe(1)
  await second.apply(lost, 1)
  expect(findings).toHaveLength(0)
  await second.apply([bad('a')], 2)
  expect(findings).toHaveLength(1)
  expect(findings[0]!.evidence.value).toBe(3)
  expect(() => second.restore('{"version":9}')).toThrow()
  expect(second.position).toBe(3)
})

test('an active finding survives a restart and is still ended', async () => {
  const first = engine()
  await first.apply([bad('a'), bad('a'), bad('a')], 0)
  const second = engine()
  second.restore(first.snapshot())
  clock.advance(61_000)
  await second.tick()
  expect(findings.at(-1)!.state).toBe('over')
})

test('a finding that cannot be delivered is delivered later, and its record is not counted twice', async () => {
  const rules = engine()
  refuse = true
  const record = [bad('a'), bad('a'), bad('a')]
  await expect(rules.apply(record, 0)).rejects.toThrow('not now')
  refuse = false
  await rules.apply(record, 0)
  expect(findings).toHaveLength(1)
  expect(findings[0]!.evidence.value).toBe(3)
})

test('groups are bounded, the one used longest ago goes first', async () => {
  const rules = engine()
  await rules.apply([bad('first'), bad('first')], 0)
  await rules.apply(
    Array.from({ length: ruleLimits.groupsMax }, (_, i) => bad(`h${i}`)),
    1,
  )
  await rules.apply([bad('first')], 2)
  expect(findings).toHaveLength(0)
  const groups = JSON.parse(rules.snapshot()).rules[0].groups
  expect(groups).toHaveLength(ruleLimits.groupsMax)
})

test('distinct values are counted once each', async () => {
  writeRule('burst', 'threshold: 3\nwindow: 1m\ndistinct: user.name\n')
  const rules = engine()
  const as = (name: string) => bad('a', clock.nowMs(), { 'user.name': name })
  await rules.apply([as('x'), as('x'), as('y'), as('x'), as('y')], 0)
  expect(findings).toHaveLength(0)
  await rules.apply([as('z')], 1)
  expect(findings[0]!.evidence.value).toBe(3)
})

test('a rule file that became wrong keeps its last good version and says where it is wrong', async () => {
  const rules = engine()
  writeRule('burst', 'treshold: 3\n')
  expect((await rules.reload()).map(formatProblem)[0]).toMatch(
    /burst\.yml:6: unknown key "treshold"\. Did you mean "threshold"\?/,
  )
  writeRule('burst', '', '(')
  expect((await rules.reload()).map(formatProblem)[0]).toMatch(
    /burst\.yml:5: query: unclosed at position 0\. Close it\./,
  )
  await rules.apply([bad('a'), bad('a'), bad('a')], 0)
  expect(findings).toHaveLength(1)
})

test('editing words keeps the windows; switching a rule off ends what it had active', async () => {
  const rules = engine()
  await rules.apply([bad('a'), bad('a')], 0)
  writeRule('burst', 'threshold: 3\nwindow: 1m\ngroup_by: [host.name]\nfor: 1m\n')
  await rules.reload()
  await rules.apply([bad('a')], 1)
  expect(findings.at(-1)).toMatchObject({ state: 'active', forMs: 60_000 })
  writeRule('burst', 'threshold: 3\nwindow: 1m\ngroup_by: [host.name]\nenabled: false\n')
  await rules.reload()
  expect(findings.at(-1)!.state).toBe('over')
})

test('every regular source has a silence rule of its own, through a restart, until it talks again', async () => {
  const row: SourceSeen = {
    receiver: 'syslog',
    source: '192.0.2.1',
    kind: 'events',
    lastSeenMs: startMs - 400_000,
    state: 'silent',
    intervalMs: 8000,
  }
  const rules = engine()
  sources = [{ ...row, state: 'late' }]
  await rules.tick()
  expect(findings).toHaveLength(0)
  sources = [row]
  await rules.tick()
  await rules.tick()
  expect(findings).toHaveLength(1)
  expect(findings[0]).toMatchObject({
    rule: 'sources/silent',
    state: 'active',
    labels: { receiver: 'syslog', source: '192.0.2.1', kind: 'events' },
    evidence: { value: 400, threshold: 300 },
  })
  const again = engine()
  again.restore(rules.snapshot())
  sources = [{ ...row, state: 'live' }]
  await again.tick()
  expect(findings.at(-1)!.state).toBe('active')
  sources = [{ ...row, state: 'live', lastSeenMs: clock.nowMs() }]
  await again.tick()
  expect(findings.at(-1)!.state).toBe('over')
})
