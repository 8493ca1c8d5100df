// What a unit's own cases say of how often its habits meet, and the signs that stand on its own cases alone.
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { emptyCase } from '../cases/case-record.ts'
import type { CaseRecord, CaseStep } from '../contract.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { zoneOf } from '../time/zone.ts'
import { actsElsewhere, actsOutOfOrder } from './acts.ts'
import { batchByAnother } from './batches.ts'
import { suspect } from './case-rules.ts'
import { acceptedAsAtCounter, asAtCounter } from './counter-ways.ts'
import { HabitCounts, meeting } from './habits.ts'
import { ratedByOneClock } from './rating-clock.ts'
import { roundedPastAnswer } from './round-answers.ts'
import { readTraceRules } from './traces.ts'
import { RowKeeper, type UnitRows } from './unit-rows.ts'

const rules = join(import.meta.dirname, '../../rules/kpi')
const context = {
  ...{
    zone: zoneOf('Asia/Shanghai'),
    calendar: compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!),
  },
  traces: readTraceRules(join(rules, 'integrity/traces.yml')).rules!,
}
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** A Monday, nine in the morning. */
const start = Date.UTC(2026, 2, 2, 1)

const rowsOf = (records: Partial<CaseRecord>[]): UnitRows => {
  const keeper = new RowKeeper()
  records.forEach((record, i) => {
    keeper.add({ record: { ...emptyCase(), id: `c${i}`, ...record }, knownMs: start }, context)
  })
  return keeper.rows
}
const meant = (verdicts: Uint8Array): number[] => [...verdicts].flatMap((one, i) => (one === suspect ? [i] : []))

it('habits that have nothing to do with one another meet as often as their singles say', () => {
  const draw = draws(seededRandom(5))
  for (const [first, second] of [
    [0.05, 0.1],
    [0.3, 0.2],
    [0.02, 0.8],
  ] as const) {
    const counts = new HabitCounts()
    let both = 0
    for (let i = 0; i < 40_000; i++) {
      const habits = Number(draw.is(first)) + 2 * Number(draw.is(second))
      counts.add(habits)
      if (habits === 3) both++
    }
    expect(counts.expected / both).toBeGreaterThan(0.85)
    expect(counts.expected / both).toBeLessThan(1.15)
  }
})

it('cases that were made up to have both do not raise what is expected', () => {
  const counts = new HabitCounts()
  for (let i = 0; i < 400; i++) counts.add(i % 20 === 0 ? 1 : i % 25 === 1 ? 2 : 0)
  const before = counts.expected
  for (let i = 0; i < 40; i++) counts.add(3)
  expect(counts.expected).toBe(before)
})

it('what all cases of a unit have is no sign: untold stops, where no message is ever recorded', () => {
  const counts = new HabitCounts()
  for (let i = 0; i < 20; i++) counts.add(i < 5 ? 3 : 2)
  expect(counts.expected).toBe(5)
})

const steps = (...acts: [name: string, atMs: number][]): CaseStep[] =>
  acts.map(([name, atMs]) => ({ name, channel: 'web', channelRaw: 'web', atMs, actor: 'h' }))
const usual = (at: number): Partial<CaseRecord> => ({
  ...{ openedMs: at, acceptedMs: at + hour, closedMs: at + 9 * hour },
  steps: steps(['apply', at], ['accept', at + hour], ['decide', at + 8 * hour]),
})

it('acts in an order in which the other cases do not go, and at other times than the case says', () => {
  const at = start + 100 * hour
  const rows = rowsOf([
    ...Array.from({ length: 40 }, (_, n) => usual(start + n * hour)),
    { ...usual(at), steps: steps(['apply', at], ['decide', at + 30 * minute], ['accept', at + hour]) },
    { ...usual(at), steps: steps(['apply', at], ['accept', at + 2 * hour], ['decide', at + 3 * hour]) },
    // After the closing is a question of its own; an act that is missing is none.
    { ...usual(at), steps: steps(['apply', at], ['decide', at + 3 * hour], ['accept', at + 90 * hour]) },
    { ...usual(at), steps: steps(['apply', at], ['decide', at + 3 * hour]) },
  ])
  expect(meant(actsOutOfOrder(rows))).toEqual([40])
  expect(meant(actsElsewhere(rows))).toEqual([41])
})

it('a unit whose cases go in either order has no usual one', () => {
  const either = Array.from({ length: 60 }, (_, n) => {
    const at = start + n * hour
    return n % 2 === 0 ? usual(at) : { ...usual(at), steps: steps(['decide', at + minute], ['apply', at + hour]) }
  })
  expect(meant(actsOutOfOrder(rowsOf(either)))).toEqual([])
})

const rated = (atMs: number): Partial<CaseRecord> => ({
  ...{ openedMs: start, closedMs: start + hour },
  ratings: [{ grade: 5, atMs, channel: 'app', isDefault: false }],
})

it('ratings at one time of the day, on different days, against ratings all over it', () => {
  const draw = draws(seededRandom(8))
  const spread = Array.from({ length: 300 }, (_, n) => rated(start + n * day + draw.whole(0, 36_000) * 1000))
  const set = Array.from({ length: 6 }, (_, n) => rated(start + (n * 9 + 1) * day + draw.whole(1, 4) * 1000))
  const found = meant(ratedByOneClock(rowsOf([...spread, ...set])))
  expect(found.filter((i) => i >= 300)).toEqual([300, 301, 302, 303, 304, 305])
  expect(found.filter((i) => i < 300).length).toBeLessThan(3)
})

it('a machine that takes in all ratings at one time is a habit', () => {
  const imported = Array.from({ length: 80 }, (_, n) => rated(start + n * day + (n % 4) * 1000))
  expect(meant(ratedByOneClock(rowsOf(imported)))).toEqual([])
})

it('round closings after their answer, where answers to other closings are never as early', () => {
  const told = (closedMs: number, afterMs: number): Partial<CaseRecord> => ({
    ...{ openedMs: closedMs - 50 * hour, closedMs },
    traces: [{ kind: 'message' as const, atMs: closedMs + afterMs, reference: '' }],
  })
  const others = (early: number) =>
    Array.from({ length: 60 }, (_, n) => told(start + n * day + 7 * minute + 13_000, (n % 20) * minute - early))
  const round = [told(start + 90 * day, -6 * minute), told(start + 91 * day, 6 * minute)]
  const { of } = meeting(roundedPastAnswer)
  expect(meant(of(rowsOf([...others(0), ...round])))).toEqual([60])
  // A clock that is slow by eight minutes makes all of them early.
  expect(meant(of(rowsOf([...others(8 * minute), ...round])))).toEqual([])
})

it('what is said to have come online and was accepted and rated as at the counter', () => {
  const came = (channel: CaseRecord['channel'], afterMs: number, ratedAt = ''): Partial<CaseRecord> => ({
    ...{ channel, handler: 'h', openedMs: start, acceptedMs: start + afterMs, closedMs: start + 50 * hour },
    ratings: ratedAt === '' ? [] : [{ grade: 5, atMs: start + 60 * hour, channel: ratedAt, isDefault: false }],
  })
  const rows = rowsOf([
    ...Array.from({ length: 30 }, (_, n) => came('window', (n % 10) * minute, 'device')),
    ...Array.from({ length: 30 }, (_, n) => came('web', (100 + n) * minute, 'app')),
    came('web', 5 * minute, 'device'),
    came('web', 5 * minute, 'app'),
    came('web', 200 * minute, 'device'),
  ])
  expect(meant(acceptedAsAtCounter(rows))).toEqual([60, 61])
  expect(meant(meeting(asAtCounter).of(rows))).toEqual([60])
})

it('a list closed by somebody who has no part in its cases, where that is not how the unit works', () => {
  const closed = (closedMs: number, handler: string): Partial<CaseRecord> => ({
    ...{ handler, openedMs: start, closedMs },
    steps: steps(['apply', start], ['decide', start + hour]),
  })
  const list = (handler: string) => Array.from({ length: 6 }, () => closed(start + 30 * day + 1000, handler))
  const singles = (handler: string) =>
    Array.from({ length: 40 }, (_, n) => closed(start + (n + 1) * 13 * hour, handler))
  const { of } = meeting(batchByAnother)
  expect(meant(of(rowsOf([...singles('h'), ...list('boss')])))).toEqual([40, 41, 42, 43, 44, 45])
  expect(meant(of(rowsOf([...singles('h'), ...list('h')])))).toEqual([])
  expect(meant(of(rowsOf([...singles('boss'), ...list('boss')])))).toEqual([])
})
