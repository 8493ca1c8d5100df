import { join } from 'node:path'
import { expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { emptyCase } from '../cases/case-record.ts'
import type { CaseRecord } from '../contract.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { zoneOf } from '../time/zone.ts'
import { batchToldApart } from './batches.ts'
import { suspect } from './case-rules.ts'
import { copied } from './copies.ts'
import { drifts, mixShifts } from './drift.ts'
import { meeting } from './habits.ts'
import { serialSpans } from './serials.ts'
import { readTraceRules } from './traces.ts'
import { RowKeeper } from './unit-rows.ts'
import { UnitSigns } from './unit-signs.ts'

const rules = join(import.meta.dirname, '../../rules/kpi')
const context = {
  ...{
    zone: zoneOf('Asia/Shanghai'),
    calendar: compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!),
  },
  traces: readTraceRules(join(rules, 'integrity/traces.yml')).rules!,
}
const start = Date.UTC(2026, 2, 2, 1)
const hour = 3_600_000
const minute = 60_000

const rowsOf = (records: Partial<CaseRecord>[]) => {
  const keeper = new RowKeeper()
  records.forEach((record, i) => {
    keeper.add({ record: { ...emptyCase(), id: `c${i}`, ...record }, knownMs: start }, context)
  })
  return keeper.rows
}
const meant = (verdicts: Uint8Array): number[] => [...verdicts].flatMap((one, i) => (one === suspect ? [i] : []))
const one = (applicant: string, openedMs: number, hours: number, more: Partial<CaseRecord> = {}) => ({
  ...{ item: 'i', applicant, openedMs, closedMs: openedMs + hours * hour, ...more },
})

it('a copy is who applied again within days and took as long, moved by hours or not', () => {
  const verdicts = copied(
    rowsOf([
      one('p1', start, 30),
      one('p1', start + 5 * hour, 30.1),
      one('p2', start, 30),
      one('p2', start + 5 * hour, 41),
      one('p3', start, 30),
      one('p3', start + 200 * hour, 30),
    ]),
  )
  expect(meant(verdicts)).toEqual([1])
})

it('an agent takes as long now and then; meant is what nobody else saw', () => {
  const login = [{ kind: 'login' as const, atMs: start, reference: '' }]
  const agent = Array.from({ length: 6 }, (_, n) =>
    one('agent', start + n * hour, 30, { channel: 'web', traces: n === 4 ? [] : login }),
  )
  expect(meant(copied(rowsOf(agent)))).toEqual([4, 5])
})

it('without applicants only times that agree to the second are copies', () => {
  expect(meant(copied(rowsOf([one('', start, 30), one('', start, 30), one('', start + 1000, 30)])))).toEqual([1])
})

it('a batch whose applicants were told at other times', () => {
  const closedMs = start + 48 * hour + 1000
  const told = (atMs: number) => ({
    closedMs,
    handler: 'h',
    traces: [{ kind: 'message' as const, atMs, reference: '' }],
  })
  const rows = rowsOf([
    one('a', start, 1, told(closedMs + minute)),
    one('b', start, 1, told(closedMs - 30 * hour)),
    one('c', start, 1, told(closedMs + 200 * hour)),
    one('d', start, 1, { ...told(closedMs - 30 * hour), closedMs: closedMs + 9 * hour }),
  ])
  expect(meant(meeting(batchToldApart).of(rows))).toEqual([1, 2])
})

it('numbers run on although a few of another kind are among them', () => {
  const serials = [...Array.from({ length: 300 }, (_, n) => n + 1), 99_999_999]
  const spans = serialSpans(
    serials,
    serials.map(() => 1),
  )
  expect(spans.get(1)!.high).toBeLessThan(301)
  expect(serialSpans([1, 50, 900], [1, 1, 1]).size).toBe(0)
})

/** A year of closings: in time or not by week and kind of item. */
function unitOf(
  name: string,
  shareOf: (week: number, kind: number) => number,
  mixOf: (week: number) => number,
): UnitSigns {
  const draw = draws(seededRandom(name.length * 31 + name.charCodeAt(1)))
  const signs = new UnitSigns(name)
  for (let i = 0; i < 2000; i++) {
    const week = i % 52
    const kind = draw.is(mixOf(week)) ? 1 : 0
    const dueMs = start + week * 168 * hour + draw.whole(0, 100) * hour
    const closedMs = draw.is(shareOf(week, kind)) ? dueMs - hour : dueMs + hour
    const record = { ...emptyCase(), id: `${name}-x${i}y`, category: `k${kind}`, openedMs: closedMs - 50 * hour }
    signs.add({ record: { ...record, closedMs, dueMs }, knownMs: closedMs + hour }, context)
  }
  signs.finish()
  return signs
}

it('a share that creeps up, week by week, and one that does not', () => {
  const units = [
    unitOf(
      'u0',
      (week) => Math.min(0.97, 0.6 + Math.max(0, week - 26) * 0.014),
      () => 0.5,
    ),
    ...Array.from({ length: 12 }, (_, n) =>
      unitOf(
        `u${n + 1}`,
        () => 0.7,
        () => 0.5,
      ),
    ),
  ]
  const [creeping, ...steady] = drifts(units).map(({ pValue }) => pValue)
  expect(creeping).toBeLessThan(1e-4)
  expect(Math.min(...steady)).toBeGreaterThan(0.001)
})

it('a whole that rises because what is late is left out, and no part of it does', () => {
  const units = [
    unitOf(
      'u0',
      (week, kind) => (kind === 1 ? 0.96 : 0.55) - (week >= 39 ? 0.02 : 0),
      (week) => (week >= 39 ? 0.95 : 0.3),
    ),
    unitOf(
      'u1',
      (_, kind) => (kind === 1 ? 0.96 : 0.55),
      () => 0.5,
    ),
  ]
  const [shifted, same] = mixShifts(units)
  expect(shifted).toMatchObject({ check: 'M', rule: 'mix-shift' })
  expect(shifted!.pValue).toBeLessThan(0.01)
  expect(same!.pValue).toBeGreaterThan(0.05)
})
