// Correlations (sigma-correlation-rules-specification 2.1.0): windows slide with event time, are not cut at clock
// boundaries, and take events that come late as long as the window is kept. Groups do not see one another.
import type { SigmaCorrelation, SigmaRule } from '../1-parse/ast.ts'
import { compare } from '../2-compile/atoms.ts'
import { type Aggregate, aggregateOf, type WindowItem } from './window.ts'

export const correlationLimits = {
  /** Per correlation; the group that was silent longest is dropped and counted. */
  groupsMax: 100_000,
  /** Per group; the oldest is dropped and counted. */
  itemsMax: 20_000,
} as const

/** Reads a field of the event that matched. */
export type ReadField = (field: string) => unknown

export interface CorrelationMatch {
  correlation: SigmaCorrelation
  /** By the names in `group-by`. */
  group: Record<string, string>
  /** What was counted, and the time of the event that completed it. */
  value: number
  atMs: number
  firstMs: number
  eventIds: string[]
}

interface Group {
  values: Record<string, string>
  /** By time. */
  items: WindowItem[]
  /** Items before it have left the window of the newest. */
  head: number
  /** Items before it are out of reach of the latest that an event may come; head and it differ by one window. */
  reach: number
  aggregate: Aggregate
  /** Latest beginning of a chain through the first n rules, for ordered ones. */
  chains: number[]
  holds: boolean
  toldMs: number
  eventIds: string[]
}

const idsMax = 20

export class Correlator {
  readonly counts = { late: 0, groupsDropped: 0, itemsDropped: 0, ungrouped: 0 }
  readonly #byRule = new Map<string, { state: CorrelationState; rule: number }[]>()
  readonly #suppressed = new Set<string>()

  constructor(correlations: readonly SigmaCorrelation[], rules: readonly Pick<SigmaRule, 'meta'>[]) {
    const known = [...rules.map(({ meta }) => meta), ...correlations.map(({ meta }) => meta)]
    for (const correlation of correlations) {
      const state = new CorrelationState(correlation, this.counts)
      for (const [index, name] of correlation.rules.entries()) {
        for (const meta of known.filter((one) => one.id === name || (one.name !== '' && one.name === name))) {
          const key = keyOf(meta)
          const list = this.#byRule.get(key) ?? []
          list.push({ state, rule: index })
          this.#byRule.set(key, list)
          // A part of a correlation is not told by itself unless it says so.
          if (!correlation.generate) this.#suppressed.add(key)
        }
      }
    }
  }

  get isIdle(): boolean {
    return this.#byRule.size === 0
  }

  /** Whether a match of this rule is only a part of a correlation. */
  isPart(meta: SigmaRule['meta']): boolean {
    return this.#suppressed.has(keyOf(meta))
  }

  /** @returns correlations that now hold and did not before; chains of correlations included */
  apply(meta: SigmaRule['meta'], atMs: number, eventId: string, read: ReadField): CorrelationMatch[] {
    const list = this.#byRule.get(keyOf(meta))
    if (!list) return []
    const matches: CorrelationMatch[] = []
    for (const { state, rule } of list) {
      const match = state.add(rule, meta, atMs, eventId, read)
      if (!match) continue
      matches.push(match)
      const readGroup: ReadField = (field) => match.group[field] ?? read(field)
      matches.push(...this.apply(match.correlation.meta, match.atMs, eventId, readGroup))
    }
    return matches
  }
}

function keyOf(meta: SigmaRule['meta']): string {
  return meta.id || meta.name || `${meta.file}:${meta.line}`
}

class CorrelationState {
  readonly #correlation: SigmaCorrelation
  readonly #counts: Correlator['counts']
  readonly #groups = new Map<string, Group>()
  /** Goes through the map once, ahead of what was dropped: asking anew each time walks over all that is deleted. */
  readonly #longestSilent = this.#groups.keys()

  constructor(correlation: SigmaCorrelation, counts: Correlator['counts']) {
    this.#correlation = correlation
    this.#counts = counts
  }

  add(
    rule: number,
    meta: SigmaRule['meta'],
    atMs: number,
    eventId: string,
    read: ReadField,
  ): CorrelationMatch | undefined {
    const { groupBy, aliases, field, timespanMs } = this.#correlation
    const values: Record<string, string> = {}
    let key = ''
    for (const name of groupBy) {
      const source = aliases[name]
      const value = read(source ? (source[meta.name] ?? source[meta.id] ?? name) : name)
      if (value === undefined || value === null) {
        this.#counts.ungrouped++
        return undefined
      }
      values[name] = String(value)
      key += `${values[name]}\u0000`
    }
    const counted = field === null ? '' : read(field)
    if (counted === undefined || counted === null) return undefined
    const group = this.#groupOf(key, values)
    const item: WindowItem = { atMs, rule, value: String(counted) }
    const newestMs = group.items.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY
    // What the newest window does not reach any more was cut off: nothing can be said of it.
    if (atMs < newestMs - timespanMs) {
      this.#counts.late++
      return undefined
    }
    group.eventIds.push(eventId)
    if (group.eventIds.length > idsMax) group.eventIds.shift()
    const found = atMs >= newestMs ? this.#inOrder(group, item) : this.#outOfOrder(group, item)
    if (Number.isNaN(found)) {
      group.holds = false
      return undefined
    }
    const isNew = !group.holds || atMs - group.toldMs > timespanMs
    group.holds = true
    if (!isNew) return undefined
    group.toldMs = atMs
    const firstMs = group.items[group.head]?.atMs ?? atMs
    return { correlation: this.#correlation, group: values, value: found, atMs, firstMs, eventIds: [...group.eventIds] }
  }

  #groupOf(key: string, values: Record<string, string>): Group {
    let group = this.#groups.get(key)
    // The order of the map is the order of use.
    if (group) this.#groups.delete(key)
    else {
      if (this.#groups.size >= correlationLimits.groupsMax) {
        this.#groups.delete(this.#longestSilent.next().value!)
        this.#counts.groupsDropped++
      }
      const { type, percentile } = this.#correlation
      group = {
        ...{ values, items: [], head: 0, reach: 0, aggregate: aggregateOf(type, percentile), chains: [], holds: false },
        ...{ toldMs: Number.NEGATIVE_INFINITY, eventIds: [] },
      }
    }
    this.#groups.set(key, group)
    return group
  }

  /** @returns what was counted when the conditions hold, else NaN */
  #inOrder(group: Group, item: WindowItem): number {
    const { timespanMs, type } = this.#correlation
    const { items, aggregate } = group
    items.push(item)
    aggregate.add(item)
    while (items[group.head]!.atMs < item.atMs - timespanMs) aggregate.remove(items[group.head++]!)
    if (items.length - group.head > correlationLimits.itemsMax) {
      aggregate.remove(items[group.head++]!)
      this.#counts.itemsDropped++
    }
    // The window of an event that comes late ends earlier than the newest, and begins earlier too.
    while (
      group.reach < group.head &&
      (items[group.reach]!.atMs < item.atMs - 2 * timespanMs || group.head - group.reach > correlationLimits.itemsMax)
    )
      group.reach++
    // Moved together now and then, so that each item is moved a bounded number of times.
    if (group.reach > 1024 && group.reach * 2 > items.length) {
      items.splice(0, group.reach)
      group.head -= group.reach
      group.reach = 0
    }
    if (type === 'temporal_ordered') return this.#chained(group, item) ? aggregate.result() : Number.NaN
    return this.#judge(aggregate.result())
  }

  /** A late item belongs to every window that ends at or after it: each is looked at again. */
  #outOfOrder(group: Group, item: WindowItem): number {
    const { timespanMs, type, percentile, rules } = this.#correlation
    const { items } = group
    let at = items.length
    while (at > group.head && items[at - 1]!.atMs > item.atMs) at--
    items.splice(at, 0, item)
    group.aggregate = aggregateOf(type, percentile)
    for (let i = group.head; i < items.length; i++) group.aggregate.add(items[i]!)
    const kept = items.slice(group.reach)
    const isTouched = (one: WindowItem): boolean => one.atMs >= item.atMs && one.atMs - item.atMs <= timespanMs
    if (type === 'temporal_ordered') {
      group.chains = []
      let complete = false
      for (const one of kept) complete = (this.#chained(group, one) && isTouched(one)) || complete
      return complete ? rules.length : Number.NaN
    }
    const window = aggregateOf(type, percentile)
    let from = 0
    let best = Number.NaN
    for (const one of kept) {
      window.add(one)
      while (kept[from]!.atMs < one.atMs - timespanMs) window.remove(kept[from++]!)
      if (!isTouched(one)) continue
      const found = this.#judge(window.result())
      if (!Number.isNaN(found)) best = found
    }
    return best
  }

  #judge(result: number): number {
    const { conditions, type, rules } = this.#correlation
    if (conditions.length === 0 && (type === 'temporal' || type === 'temporal_ordered'))
      return result >= new Set(rules).size ? result : Number.NaN
    return conditions.every(({ comparison, number }) => compare(result, comparison, number)) ? result : Number.NaN
  }

  /** The chain that began latest is the one that is complete soonest. */
  #chained({ chains }: Group, { rule, atMs }: WindowItem): boolean {
    const { rules, timespanMs } = this.#correlation
    if (rule === 0) chains[0] = atMs
    else {
      const before = chains[rule - 1]
      if (before === undefined || atMs - before > timespanMs) return false
      chains[rule] = before
    }
    return rule === rules.length - 1 && atMs - chains[rule]! <= timespanMs
  }
}
