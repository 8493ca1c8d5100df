// Twelve ways in which a unit makes its figures look better than they are, done to a share of its cases. Each leaves behind
// what those who did it in earnest left behind: what others recorded stays as it was, and hands are not perfect.
import type { Draws } from '#core/random-draws.ts'
import { contradiction } from '../cases/map-rows.ts'
import type { ObservedCase } from '../integrity/observed-case.ts'
import { isCounter } from '../integrity/observed-case.ts'
import { demoZoneMs, type HonestYear, type Orphan } from './honest-unit.ts'

export const fabricationWays = [
  'back-dating',
  'clock-stops',
  'default-ratings',
  'window-as-online',
  'duplicates',
  'ghost-cases',
  'batch-closing',
  'rounding',
  'flat-lining',
  'denominator',
  'relabelled-channel',
  'late-deleted',
] as const
export type FabricationWay = (typeof fabricationWays)[number]

const msPerMinute = 60_000
const msPerHour = 3_600_000
const msPerDay = 86_400_000

/**
 * @returns a copy of the year in which `share` of the cases were treated, and how many that were: a way that needs late
 * cases takes these first, and others when there are not enough
 */
export function fabricate(
  year: HonestYear,
  way: FabricationWay,
  share: number,
  draw: Draws,
): { year: HonestYear; treated: string[] } {
  const wanted = Math.max(1, Math.round(year.cases.length * share))
  const copy: HonestYear = { ...year, cases: [...year.cases], orphans: [...year.orphans] }
  const treated: string[] = []
  const order = orderFor(way, year.cases, draw)
  const style = {
    typed: draw.is(0.5),
    atOnce: draw.is(0.5),
    ownName: draw.is(0.5),
    afterReport: draw.is(0.5),
    messages: draw.next() * 0.3,
  }
  const work: Work = { copy, draw, style, treated, order, wanted }
  ways[way](work)
  // Nobody reports as closed what by its own time is still to be closed.
  const changed = new Set(treated)
  copy.cases = copy.cases.map((one) => {
    const { closedMs, id } = one.record
    return closedMs === null || one.knownMs > closedMs || !changed.has(id)
      ? one
      : { ...one, knownMs: closedMs + 60_000 }
  })
  return { year: copy, treated }
}

interface Work {
  copy: HonestYear
  draw: Draws
  /** How this unit goes about it, the same for all its cases. */
  style: { typed: boolean; atOnce: boolean; ownName: boolean; afterReport: boolean; messages: number }
  treated: string[]
  /** Indexes of cases, the most tempting first. */
  order: number[]
  wanted: number
}

/** Replaces the first `wanted` cases that the way can use. */
function each({ copy, order, wanted, treated }: Work, change: (one: ObservedCase) => ObservedCase | undefined): void {
  for (const i of order) {
    if (treated.length >= wanted) return
    const one = copy.cases[i]!
    const changed = change({ ...one, record: structuredClone(one.record) })
    // What contradicts itself would not be taken in.
    if (!changed || contradiction(changed.record) !== '') continue
    copy.cases[i] = changed
    treated.push(changed.record.id)
  }
}

function officeInstant(draw: Draws, nearMs: number): number {
  const day = Math.floor((nearMs + demoZoneMs) / msPerDay)
  return day * msPerDay - demoZoneMs + draw.whole(9 * 60, 17 * 60) * msPerMinute + draw.whole(0, 59) * 1000
}

const typedTime = (ms: number): number =>
  Math.round((ms + demoZoneMs) / (30 * msPerMinute)) * 30 * msPerMinute - demoZoneMs

const ways: Record<FabricationWay, (work: Work) => void> = {
  'back-dating': (work) =>
    each(work, (one) => {
      const { record } = one
      const { draw, style } = work
      const { openedMs, closedMs, dueMs } = record
      if (closedMs === null || openedMs === null || dueMs === null) return undefined
      const late = closedMs > dueMs
      const wantedMs = late ? dueMs - draw.next() * 2 * msPerDay : closedMs - (2 + draw.next() * 6) * msPerDay
      const at = officeInstant(draw, Math.max(openedMs + msPerHour, wantedMs))
      if (at >= closedMs - msPerDay) return undefined
      record.closedMs = style.typed ? typedTime(at) : at
      // Whoever changes the closing forgets the acts before it now and then.
      for (const step of record.steps)
        if (step.atMs > record.closedMs && !(step.name === '决定' && draw.is(0.6)))
          step.atMs -= closedMs - record.closedMs
      return one
    }),
  'clock-stops': (work) =>
    each(work, (one) => {
      const { record } = one
      const { draw, style } = work
      const { closedMs, dueMs, openedMs } = record
      if (closedMs === null || dueMs === null || openedMs === null) return undefined
      const fromMs = Math.max(openedMs + msPerHour, dueMs - Math.floor(draw.next() * 1.5 * msPerDay))
      const toMs = Math.max(closedMs, fromMs + msPerDay)
      record.stops.push({ kind: 'supplement', fromMs, toMs })
      if (draw.is(style.messages))
        record.traces.push({ kind: 'message', atMs: fromMs + 10 * msPerMinute, reference: '' })
      return one
    }),
  'default-ratings': (work) =>
    each(work, (one) => {
      const { record } = one
      const { draw, style } = work
      if (record.closedMs === null || record.ratings.length > 0) return undefined
      const atMs = record.closedMs + (style.atOnce ? draw.whole(0, 40) * 1000 : 5 * msPerDay)
      record.ratings.push({ grade: 5, atMs, channel: '', isDefault: false })
      return one
    }),
  'window-as-online': (work) =>
    each(work, (one) => {
      const { record } = one
      if (!isCounter(record.channel)) return undefined
      record.channel = 'web'
      record.channelRaw = 'web'
      const actor = work.style.ownName ? record.handler : ''
      record.steps.forEach((step, i) => {
        Object.assign(step, { channel: 'web', channelRaw: 'web' }, i === 0 ? { actor } : {})
      })
      // Staff enter it in a form of the portal: the gateway sees that, the identity centre sees nobody.
      if (work.draw.is(0.5)) record.traces.push({ kind: 'gateway-call', atMs: record.openedMs ?? 0, reference: '' })
      return one
    }),
  duplicates: ({ copy, draw, order, wanted, treated }) => {
    for (const i of order.slice(0, wanted)) {
      const { record, knownMs } = copy.cases[i]!
      const again = structuredClone(record)
      const shift = draw.whole(1, 2 * 24 * 60) * msPerMinute
      again.id = `${record.id}${draw.whole(1, 9)}`
      for (const name of ['openedMs', 'acceptedMs', 'closedMs'] as const)
        if (again[name] !== null) again[name] = again[name] + shift + draw.whole(-200, 200) * 1000
      for (const step of again.steps) step.atMs += shift
      again.traces = []
      again.ratings = []
      copy.cases.push({ record: again, knownMs: knownMs + shift })
      treated.push(again.id)
    }
  },
  'ghost-cases': ({ copy, draw, order, wanted, treated }) => {
    for (const i of order.slice(0, wanted)) {
      const { record, knownMs } = copy.cases[i]!
      const ghost = structuredClone(record)
      ghost.id = `${record.id}g`
      ghost.applicant = `person-${Math.floor(draw.next() * 4_000_000)}`
      const openedMs = officeInstant(draw, (record.openedMs ?? 0) + draw.whole(-20, 20) * msPerDay)
      const closedMs = openedMs + draw.whole(10, 2000) * msPerMinute + draw.whole(0, 59) * 1000
      Object.assign(ghost, {
        openedMs,
        acceptedMs: openedMs + 5 * msPerMinute,
        closedMs,
        outcome: 'granted',
        channel: 'web',
      })
      ghost.steps = ghost.steps.map((step, at) => ({
        ...step,
        atMs: at === 0 ? openedMs : openedMs + Math.floor(draw.next() * (closedMs - openedMs)),
      }))
      Object.assign(ghost, { traces: [], ratings: [], stops: [], returnedByPost: false, certificates: [] })
      copy.cases.push({ record: ghost, knownMs: Math.max(knownMs, closedMs) })
      treated.push(ghost.id)
    }
  },
  'batch-closing': (work) => {
    const { draw } = work
    let left = 0
    let atMs = 0
    let handler = ''
    each(work, (one) => {
      const { record } = one
      if (record.closedMs === null || record.openedMs === null || record.handler === '') return undefined
      const day = Math.floor((record.closedMs + demoZoneMs) / msPerDay)
      if (left === 0 || Math.abs(atMs - record.closedMs) > 10 * msPerDay) {
        // Before a reporting day somebody takes what is open and closes it in one go.
        left = draw.whole(5, 25)
        atMs = day * msPerDay - demoZoneMs + draw.whole(15 * 60, 19 * 60) * msPerMinute
        handler = record.handler
      }
      left--
      if (atMs <= record.openedMs) return undefined
      atMs += draw.is(0.6) ? 0 : draw.whole(1, 3) * 1000
      record.closedMs = atMs
      record.handler = handler
      for (const step of record.steps) if (step.name === '决定') step.atMs = Math.min(step.atMs, atMs)
      return one
    })
  },
  rounding: (work) =>
    each(work, (one) => {
      const { record } = one
      if (record.closedMs === null || record.openedMs === null) return undefined
      const at = work.style.typed
        ? typedTime(record.closedMs)
        : record.openedMs + Math.max(1, Math.round((record.closedMs - record.openedMs) / msPerDay)) * msPerDay
      if (at <= record.openedMs) return undefined
      record.closedMs = at
      return one
    }),
  'flat-lining': (work) => {
    // Last period's sheet again: each item's cases take as long as one of them took.
    const patterns = new Map<string, number>()
    each(work, (one) => {
      const { record } = one
      if (record.closedMs === null || record.openedMs === null) return undefined
      const took = record.closedMs - record.openedMs
      const before = patterns.get(record.item)
      if (before === undefined || work.draw.is(0.05)) {
        patterns.set(record.item, Math.floor(took / 1000) * 1000 + (took % msPerMinute === 0 ? 37_000 : 0))
        return undefined
      }
      record.closedMs = record.openedMs + before
      return one
    })
  },
  denominator: (work) =>
    each(work, (one) => {
      const { record } = one
      if (record.closedMs === null || record.outcome === null) return undefined
      record.outcome = work.draw.pick(['withdrawn', 'not-accepted', 'query'] as const)
      return one
    }),
  'relabelled-channel': (work) =>
    each(work, (one) => {
      const { record } = one
      if (!isCounter(record.channel)) return undefined
      const before = structuredClone(record)
      record.channel = 'web'
      record.version = before.version + 1
      const lag = work.style.afterReport ? { before, knownMs: one.knownMs + 10 * msPerDay } : {}
      return { ...one, ...lag }
    }),
  'late-deleted': (work) => {
    const { copy, draw, style, order, wanted, treated } = work
    const gone = new Set<number>()
    for (const i of order) {
      if (treated.length >= wanted) break
      const { record, knownMs } = copy.cases[i]!
      if (record.withdrawnRecord) continue
      treated.push(record.id)
      if (style.afterReport)
        copy.cases[i] = {
          record: { ...record, version: record.version + 1, withdrawnRecord: true },
          ...{ before: record, knownMs: Math.max(knownMs, (record.dueMs ?? 0) + draw.whole(2, 20) * msPerDay) },
        }
      else {
        gone.add(i)
        // What others saw of it stays with them.
        for (const { kind, atMs } of record.traces)
          copy.orphans.push({ kind, reference: record.id, atMs } satisfies Orphan)
      }
    }
    copy.cases = copy.cases.filter((_, i) => !gone.has(i))
  },
}

/** Whoever wants to look punctual begins with what was late. */
function orderFor(way: FabricationWay, cases: readonly ObservedCase[], draw: Draws): number[] {
  const order = cases.map((_, i) => i)
  for (let i = order.length - 1; i > 0; i--) {
    const j = draw.whole(0, i)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  const lateBy = (i: number): number => {
    const { closedMs, dueMs } = cases[i]!.record
    return dueMs === null ? -1 : (closedMs ?? Number.MAX_SAFE_INTEGER) > dueMs ? 1 : 0
  }
  if (['back-dating', 'clock-stops', 'denominator', 'late-deleted'].includes(way))
    order.sort((a, b) => lateBy(b) - lateBy(a))
  if (way === 'batch-closing')
    // Those that were closed about the same time go together.
    order.splice(0, order.length, ...clustered(order, cases, draw))
  return order
}

function clustered(order: readonly number[], cases: readonly ObservedCase[], draw: Draws): number[] {
  const byTime = [...order].sort((a, b) => (cases[a]!.record.closedMs ?? 0) - (cases[b]!.record.closedMs ?? 0))
  const blocks: number[][] = []
  for (let at = 0; at < byTime.length; at += 20) blocks.push(byTime.slice(at, at + 20))
  for (let i = blocks.length - 1; i > 0; i--) {
    const j = draw.whole(0, i)
    ;[blocks[i], blocks[j]] = [blocks[j]!, blocks[i]!]
  }
  return blocks.flat()
}
