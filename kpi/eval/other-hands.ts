// A second generator of fabrication, by other hands: the same twelve aims reached by other means, mixtures of several, and
// shares that swell before the reporting days of each quarter. The checks were not fitted to it; it says how far what was
// measured on the first one carries. Its honest units have two habits more: clocks that differ from system to system, and a
// message when an application is accepted.
import type { Draws } from '#core/random-draws.ts'
import { contradiction } from '../cases/map-rows.ts'
import { fabricate, fabricationWays } from '../demo/fabrications.ts'
import { demoZoneMs, type HonestYear } from '../demo/honest-unit.ts'
import { isCounter, type ObservedCase } from '../integrity/observed-case.ts'
import type { Treatment } from './treatments.ts'

const msPerMinute = 60_000
const msPerHour = 3_600_000
const msPerDay = 86_400_000

/** What becomes of one case: itself changed, or several in its place; undefined when it is of no use. */
type Change = (one: ObservedCase, draw: Draws) => ObservedCase[] | undefined

/** As `change` does to cases of which more are taken the nearer the end of a quarter is; late ones first where that pays. */
function byHand(name: string, makeChange: (draw: Draws) => Change, lateFirst = false): Treatment {
  return {
    name,
    apply: (year, share, draw) => {
      const change = makeChange(draw)
      const wanted = Math.max(1, Math.round(year.cases.length * share))
      const order = year.cases
        .map((one, at) => ({ at, key: draw.next() ** (1 / urgency(one)) + (lateFirst && isLate(one) ? 1 : 0) }))
        .sort((a, b) => b.key - a.key)
      const replaced = new Map<number, ObservedCase[]>()
      for (const { at } of order) {
        if (replaced.size >= wanted) break
        const one = year.cases[at]!
        const found = change({ ...one, record: structuredClone(one.record) }, draw)
        if (found?.every(({ record }) => contradiction(record) === '')) replaced.set(at, found)
      }
      const gone = [...replaced].flatMap(([at, list]) => (list.length === 0 ? [year.cases[at]!.record] : []))
      return {
        ...year,
        cases: year.cases.flatMap((one, at) => replaced.get(at) ?? [one]),
        orphans: [
          ...year.orphans,
          // Half of what others saw of it names no case.
          ...gone.flatMap(({ id, traces }) =>
            traces.filter(() => draw.is(0.5)).map(({ kind, atMs }) => ({ kind, reference: id, atMs })),
          ),
        ],
      }
    },
  }
}

/** From 1 in the first weeks of a quarter to 6 in its last. */
function urgency({ record: { closedMs, openedMs } }: ObservedCase): number {
  const at = new Date((closedMs ?? openedMs ?? 0) + demoZoneMs)
  return 1 + 5 * (((at.getUTCMonth() % 3) + at.getUTCDate() / 31) / 3) ** 2
}

function isLate({ record: { closedMs, dueMs } }: ObservedCase): boolean {
  return dueMs !== null && closedMs !== null && closedMs > dueMs
}

const changed = (one: ObservedCase): ObservedCase[] => [
  { ...one, knownMs: Math.max(one.knownMs, (one.record.closedMs ?? 0) + msPerMinute) },
]

const inOffice = (ms: number, draw: Draws): number =>
  Math.floor((ms + demoZoneMs) / msPerDay) * msPerDay - demoZoneMs + draw.whole(8 * 3600, 17 * 3600) * 1000

const single: readonly Treatment[] = [
  byHand(
    'the last afternoon before the deadline',
    () => (one, draw) => {
      const { record } = one
      const { closedMs, dueMs, openedMs } = record
      if (closedMs === null || dueMs === null || openedMs === null || closedMs <= dueMs) return undefined
      record.closedMs = Math.max(openedMs + msPerHour, dueMs - draw.whole(1, 8 * 60) * msPerMinute)
      return changed(one)
    },
    true,
  ),
  byHand(
    'a long stop from the middle on',
    () => (one, draw) => {
      const { closedMs, dueMs, openedMs, stops } = one.record
      if (closedMs === null || dueMs === null || openedMs === null || dueMs - openedMs < 3 * msPerDay) return undefined
      const fromMs = Math.floor(openedMs + (dueMs - openedMs) * (0.5 + draw.next() * 0.45))
      if (closedMs <= fromMs) return undefined
      stops.push({ kind: draw.is(0.7) ? 'supplement' : 'hearing', fromMs, toMs: closedMs })
      return changed(one)
    },
    true,
  ),
  byHand('good ratings the next morning', () => (one, draw) => {
    const { record } = one
    if (record.closedMs === null || record.ratings.length > 0) return undefined
    const atMs = Math.floor((record.closedMs + demoZoneMs) / msPerDay + 1) * msPerDay - demoZoneMs + 8 * msPerHour
    record.ratings.push({ grade: 5, atMs: atMs + draw.whole(0, 9) * 1000, channel: 'app', isDefault: false })
    return changed(one)
  }),
  byHand('counter cases entered in the app', () => (one, draw) => {
    const { record } = one
    if (!isCounter(record.channel)) return undefined
    record.channel = 'app'
    for (const step of record.steps) Object.assign(step, { channel: 'app', channelRaw: 'app' })
    record.traces = record.traces.filter(({ kind }) => kind !== 'queue-ticket' || draw.is(0.5))
    return changed(one)
  }),
  byHand('copies a week later', () => (one, draw) => {
    const again = structuredClone(one.record)
    const shift = draw.whole(1, 9) * msPerDay + draw.whole(0, 3600) * 1000
    again.id = `${one.record.id}b`
    for (const name of ['openedMs', 'acceptedMs', 'closedMs', 'dueMs'] as const)
      if (again[name] !== null) again[name] += shift
    for (const step of again.steps) step.atMs += shift
    Object.assign(again, { traces: [], ratings: [], stops: [] })
    return [one, { record: again, knownMs: one.knownMs + shift }]
  }),
  byHand('visitors who never came', () => (one, draw) => {
    const ghost = structuredClone(one.record)
    const openedMs = inOffice((one.record.openedMs ?? 0) + draw.whole(-9, 9) * msPerDay, draw)
    const closedMs = openedMs + draw.whole(20, 3000) * msPerMinute + draw.whole(0, 59) * 1000
    Object.assign(ghost, {
      ...{ id: `${one.record.id}c`, channel: 'window', channelRaw: 'window', openedMs, closedMs },
    })
    Object.assign(ghost, {
      ...{ acceptedMs: openedMs + msPerMinute, dueMs: openedMs + 20 * msPerDay, outcome: 'granted' },
    })
    Object.assign(ghost, { traces: [], ratings: [], stops: [], returnedByPost: false, certificates: [] })
    ghost.applicant = `person-${Math.floor(draw.next() * 4_000_000)}`
    ghost.steps = ghost.steps.map((step) => ({
      ...{ ...step, channel: 'window' as const, channelRaw: 'window' },
      atMs: openedMs + Math.floor(draw.next() * (closedMs - openedMs)),
    }))
    return [one, { record: ghost, knownMs: Math.max(one.knownMs, closedMs + msPerHour) }]
  }),
  byHand('all of the day at five o’clock', () => (one, draw) => {
    const { record } = one
    if (record.closedMs === null || record.openedMs === null || record.handler === '') return undefined
    const week = Math.floor((record.closedMs + demoZoneMs + 3 * msPerDay) / (7 * msPerDay))
    const atMs = (week * 7 + 1) * msPerDay - demoZoneMs + 17 * msPerHour + draw.whole(0, 100) * 1000
    if (atMs <= record.openedMs) return undefined
    for (const step of record.steps) if (step.name === '决定') step.atMs = Math.min(step.atMs, atMs)
    record.closedMs = atMs
    return changed(one)
  }),
  byHand('times to five or fifteen minutes', (style) => {
    const grid = style.pick([5, 15]) * msPerMinute
    return (one) => {
      const { record } = one
      if (record.closedMs === null || record.openedMs === null) return undefined
      record.closedMs = Math.max(record.openedMs + grid, Math.round(record.closedMs / grid) * grid)
      return changed(one)
    }
  }),
  byHand('five durations for everything', (style) => {
    const times = Array.from({ length: 5 }, () => style.whole(8 * 3600, 9 * 86_400) * 1000 + 7000)
    return (one, draw) => {
      const { record } = one
      if (record.closedMs === null || record.openedMs === null) return undefined
      record.closedMs = record.openedMs + draw.pick(times)
      return changed(one)
    }
  }),
  byHand(
    'late ones passed on',
    () => (one, draw) => {
      if (!isLate(one) || one.record.outcome !== 'granted') return undefined
      one.record.outcome = draw.pick(['forwarded', 'terminated'] as const)
      if (draw.is(0.5)) one.record.ratings = []
      return changed(one)
    },
    true,
  ),
  byHand('corrected to online, with its steps', () => (one, draw) => {
    const { record } = one
    if (!isCounter(record.channel)) return undefined
    const before = structuredClone(record)
    record.channel = 'web'
    record.version++
    for (const step of record.steps) if (draw.is(0.7)) Object.assign(step, { channel: 'web', channelRaw: 'web' })
    return [{ ...one, before, knownMs: one.knownMs + 30 * msPerDay }]
  }),
  byHand('late ones never reported', () => (one) => (isLate(one) ? [] : undefined), true),
]

const mixed: Treatment = {
  name: 'three ways at once',
  apply: (year, share, draw) => {
    const first = draw.whole(0, fabricationWays.length - 1)
    return [0, 4, 8].reduce(
      (done, step) => fabricate(done, fabricationWays[(first + step) % fabricationWays.length]!, share / 3, draw).year,
      year,
    )
  },
}

export const otherHands: readonly Treatment[] = [...single, mixed]

/** Clocks that differ by minutes from system to system, and half the units tell applicants that they were accepted. */
export function withOtherHabits(year: HonestYear, draw: Draws): HonestYear {
  const skewMs = Math.round(draw.normal() * 90_000)
  const tells = draw.is(0.5)
  return {
    ...year,
    cases: year.cases.map((one) => {
      const { acceptedMs, openedMs } = one.record
      const traces = one.record.traces.map((trace) => ({ ...trace, atMs: trace.atMs + skewMs }))
      const begunMs = acceptedMs ?? openedMs
      if (tells && begunMs !== null && draw.is(0.9))
        traces.push({ kind: 'message', atMs: begunMs + draw.whole(0, 40) * msPerMinute, reference: '' })
      return { ...one, record: { ...one.record, traces } }
    }),
  }
}
