// What the record of a real permit office says about honest behaviour, and units made of its cases: another background, with
// habits that nobody here thought of.
import type { Random } from '#core/random.ts'
import { seededRandom } from '#core/random.ts'
import { type Draws, draws } from '#core/random-draws.ts'
import type { CaseRecord } from '../contract.ts'
import type { DemoUnit, HonestYear } from '../demo/honest-unit.ts'
import type { ObservedCase } from '../integrity/observed-case.ts'
import type { Zone } from '../time/zone.ts'
import type { Background } from './fabrication.ts'

const msPerMinute = 60_000
const msPerHour = 3_600_000
const msPerDay = 86_400_000
const msPerWeek = 7 * msPerDay

export interface Fit {
  closed: number
  /** Of the logarithm of days from opening to closing. */
  durationSigma: number
  shares: Record<string, number>
}

export function fitCases(records: readonly CaseRecord[], zone: Zone): Fit {
  const closed = records.flatMap((record) =>
    record.closedMs === null || record.openedMs === null
      ? []
      : [{ ...record, at: record.closedMs, from: record.openedMs }],
  )
  const logs = closed.filter(({ at, from }) => at > from).map(({ at, from }) => Math.log((at - from) / msPerDay))
  const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length
  const seconds = new Map<number, number>()
  for (const { at } of closed) seconds.set(Math.floor(at / 1000), (seconds.get(Math.floor(at / 1000)) ?? 0) + 1)
  const share = (is: (one: (typeof closed)[number]) => boolean): number => closed.filter(is).length / closed.length
  const days = (one: (typeof closed)[number]): number =>
    one.dueMs === null ? Number.NaN : zone.dayOf(one.at) - zone.dayOf(one.dueMs)
  const near = closed.filter((one) => Math.abs(days(one)) <= 5)
  const handlers = new Map<string, number>()
  for (const { handler } of closed) handlers.set(handler, (handlers.get(handler) ?? 0) + 1)
  return {
    closed: closed.length,
    durationSigma: Math.sqrt(logs.reduce((sum, one) => sum + (one - mean) ** 2, 0) / logs.length),
    shares: {
      'closed at midnight': share(({ at }) => zone.sinceMidnightMs(at) === 0),
      'closed at a whole or half hour, not midnight': share(
        ({ at }) => zone.sinceMidnightMs(at) !== 0 && zone.sinceMidnightMs(at) % (30 * msPerMinute) === 0,
      ),
      'closed on a Saturday or Sunday': share(({ at }) => (zone.dayOf(at) + 3) % 7 > 4),
      'closed from 20 to 7': share(({ at }) => {
        const hour = zone.sinceMidnightMs(at) / msPerHour
        return hour !== 0 && (hour < 7 || hour >= 20)
      }),
      'a step later than the closing': share(({ steps, at }) => steps.some(({ atMs }) => atMs > at + 10 * msPerMinute)),
      'closed in the second of another': share(({ at }) => seconds.get(Math.floor(at / 1000))! > 1),
      late: share(({ at, dueMs }) => dueMs !== null && at > dueMs),
      'of closings within 5 days of the deadline: on it or the day before':
        near.filter((one) => days(one) === 0 || days(one) === -1).length / (near.length || 1),
      'of the busiest person': Math.max(...handlers.values()) / closed.length,
    },
  }
}

/**
 * Units drawn from real cases: each unit leans to some of the people who handled them, each case keeps its hours, steps and
 * duration, is moved by whole weeks and by seconds, and gets an applicant of its own. When it was reported is assumed.
 */
export function permitBackground(records: readonly CaseRecord[], seed: number, units: number): Background {
  const closed = records.filter(({ closedMs, openedMs }) => closedMs !== null && openedMs !== null)
  const byHandler = new Map<string, CaseRecord[]>()
  for (const record of closed) byHandler.set(record.handler, [...(byHandler.get(record.handler) ?? []), record])
  const handlers = [...byHandler]
  return {
    ...{ name: 'permits', units, hasTelemetry: false },
    // Neither ratings nor traces of others are recorded there.
    without: ['default-ratings'],
    year: (at) => {
      const draw = draws(seededRandom(seed * 1_000_003 + at) satisfies Random)
      const size = Math.round(Math.min(4000, Math.max(200, draw.logNormal(700, 0.7))))
      const weights = handlers.map(([, list]) => list.length * draw.gamma(2))
      const id = `p${String(at).padStart(4, '0')}`
      const cases = Array.from({ length: size }, (_, i) =>
        movedCase(draw.pick(handlers[draw.weighted(weights)]![1]), `${id}-${String(i + 1).padStart(6, '0')}`, id, draw),
      )
      const unit: Pick<DemoUnit, 'id'> = { id }
      return { unit: unit as DemoUnit, cases, orphans: [] } satisfies HonestYear
    },
  }
}

function movedCase(from: CaseRecord, id: string, unit: string, draw: Draws): ObservedCase {
  const byMs = draw.whole(-10, 10) * msPerWeek
  const jitter = (ms: number): number => ms + byMs + draw.whole(-40, 40) * 1000 + draw.whole(0, 999)
  // A date without a time stays one.
  const isDate = new Date(from.closedMs!).getUTCMinutes() === 0 && from.closedMs! % msPerHour === 0
  const closedMs = isDate ? from.closedMs! + byMs : jitter(from.closedMs!)
  const steps = from.steps.map((step) => ({ ...step, atMs: jitter(step.atMs) }))
  const lastMs = Math.max(closedMs, ...steps.map(({ atMs }) => atMs))
  const record: CaseRecord = {
    ...from,
    ...{ id, department: unit, applicant: `person-${Math.floor(draw.next() * 4_000_000)}`, steps, closedMs },
    openedMs: jitter(from.openedMs!),
    dueMs: from.dueMs === null ? null : from.dueMs + byMs,
    stops: [],
    traces: [],
  }
  return { record, knownMs: lastMs + Math.floor(draw.next() * msPerDay) }
}
