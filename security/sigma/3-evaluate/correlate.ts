// Correlations (sigma-correlation-rules-specification 2.1.0): windows slide with event time, are not cut at clock
// boundaries, and take events that come late as long as the window is kept. Groups do not see one another.
import type { SigmaCorrelation, SigmaRule } from '../1-parse/ast.ts'
import { compare } from '../2-compile/atoms.ts'
import { Groups } from './groups.ts'
import { Items, none } from './items.ts'
import { type Aggregate, aggregateOf } from './window.ts'

export interface CorrelationLimits {
  /** Of all correlations together; of the one that has most, the group that was silent longest is dropped and counted. */
  groupsMax: number
  /** Of all groups together; made room for in the same way. */
  itemsMax: number
  /** Of one group; the oldest is dropped and counted. */
  groupItemsMax: number
}

export const correlationLimits: CorrelationLimits = {
  groupsMax: 1_000_000,
  itemsMax: 2_000_000,
  groupItemsMax: 20_000,
}

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

const idsMax = 20
/** Kept over a restart: some tens of MB. */
const savedItemsMax = 500_000
/** Windows of so few items are counted anew each time; what keeps a larger one counted is larger than they are. */
const anewMax = 16

export class Correlator {
  /** Since the start, whatever rules were in force. */
  readonly counts = { late: 0, groupsDropped: 0, itemsDropped: 0, ungrouped: 0 }
  readonly #byRule = new Map<string, { state: CorrelationState; rule: number }[]>()
  readonly #suppressed = new Set<string>()
  readonly #room: Room

  constructor(
    correlations: readonly SigmaCorrelation[],
    rules: readonly Pick<SigmaRule, 'meta'>[],
    { limits = correlationLimits, before }: { limits?: CorrelationLimits; before?: Correlator } = {},
  ) {
    this.#room = before ? before.#room : { items: new Items(), states: [], groups: 0, limits }
    const earlier = new Set(this.#room.states)
    this.#room.states = []
    if (before) Object.assign(this.counts, before.counts)
    const known = [...rules.map(({ meta }) => meta), ...correlations.map(({ meta }) => meta)]
    for (const correlation of correlations) {
      const meaning = meaningOf(correlation)
      const kept = [...earlier].find((one) => one.meaning === meaning)
      if (kept) earlier.delete(kept)
      const state = new CorrelationState({ correlation, meaning, counts: this.counts, room: this.#room, kept })
      this.#room.states.push(state)
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
    for (const gone of earlier) gone.clear()
  }

  /** Kept now. */
  get kept(): { groups: number; items: number } {
    return { groups: this.#room.groups, items: this.#room.items.size }
  }

  /**
   * What the windows hold, as lines: what they were counting goes on after a restart. Beyond `savedItemsMax` items the
   * groups that were silent longest are left out, of each correlation by its share.
   */
  *snapshot(): Iterable<string> {
    const share = Math.min(1, savedItemsMax / Math.max(1, this.#room.items.size))
    for (const state of this.#room.states) {
      if (state.items === 0) continue
      yield JSON.stringify({ correlation: state.meaning })
      for (const group of state.saved(Math.ceil(state.items * share))) yield JSON.stringify(group)
    }
  }

  /** Of correlations that are not, or read otherwise now, nothing is taken. @throws Error on what is no snapshot */
  restore(lines: Iterable<string>): void {
    const counts = { ...this.counts }
    let state: CorrelationState | undefined
    for (const line of lines) {
      const read = JSON.parse(line) as { correlation: string } | SavedGroup
      if ('correlation' in read) state = this.#room.states.find(({ meaning }) => meaning === read.correlation)
      else state?.restore(read)
    }
    Object.assign(this.counts, counts)
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
      // One that only serves another is not told either.
      if (!this.isPart(match.correlation.meta)) matches.push(match)
      const readGroup: ReadField = (field) => match.group[field] ?? read(field)
      matches.push(...this.apply(match.correlation.meta, match.atMs, eventId, readGroup))
    }
    return matches
  }
}

function keyOf(meta: SigmaRule['meta']): string {
  return meta.id || meta.name || `${meta.file}:${meta.line}`
}

/** One group: its key, whether its condition holds, when that was told, and its items by time. */
interface SavedGroup {
  key: string
  holds: boolean
  toldMs: number | null
  items: [atMs: number, rule: number, value: string, eventId: string][]
}

/** What all correlations share. */
interface Room {
  items: Items
  states: CorrelationState[]
  groups: number
  limits: CorrelationLimits
}

interface StateOptions {
  correlation: SigmaCorrelation
  meaning: string
  counts: Correlator['counts']
  room: Room
  /** What was counted before the rules were read again. */
  kept: CorrelationState | undefined
}

function meaningOf({ meta, ...rest }: SigmaCorrelation): string {
  return JSON.stringify([meta.id || meta.name, rest])
}

class CorrelationState {
  readonly #correlation: SigmaCorrelation
  /** Correlations of one meaning count the same, whatever their title and level. */
  readonly meaning: string
  readonly #counts: Correlator['counts']
  readonly #room: Room
  readonly #groups: Groups
  #items: number

  constructor({ correlation, meaning, counts, room, kept }: StateOptions) {
    this.#correlation = correlation
    this.meaning = meaning
    this.#counts = counts
    this.#room = room
    this.#groups = kept ? kept.#groups : new Groups()
    this.#items = kept ? kept.#items : 0
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
    for (const [i, name] of groupBy.entries()) {
      const source = aliases[name]
      const value = read(source ? (source[meta.name] ?? source[meta.id] ?? name) : name)
      if (value === undefined || value === null) {
        this.#counts.ungrouped++
        return undefined
      }
      values[name] = String(value)
      key = i === 0 ? values[name] : `${key}\u0000${values[name]}`
    }
    const counted = field === null ? '' : read(field)
    if (counted === undefined || counted === null) return undefined
    const groups = this.#groups
    const group = this.#groupOf(key)
    const last = groups.last[group]!
    const newestMs = last === none ? Number.NEGATIVE_INFINITY : this.#room.items.atMs[last]!
    // What the newest window does not reach any more was cut off: nothing can be said of it.
    if (atMs < newestMs - timespanMs) {
      this.#counts.late++
      return undefined
    }
    const item = this.#room.items.add(atMs, rule, String(counted), eventId)
    this.#items++
    const found = atMs >= newestMs ? this.#inOrder(group, item) : this.#outOfOrder(group, item)
    if (Number.isNaN(found)) {
      groups.holds[group] = 0
      return undefined
    }
    const isNew = groups.holds[group] === 0 || atMs - groups.toldMs[group]! > timespanMs
    groups.holds[group] = 1
    if (!isNew) return undefined
    groups.toldMs[group] = atMs
    const firstMs = this.#room.items.atMs[groups.head[group]!]!
    const eventIds = this.#newestIds(group)
    return { correlation: this.#correlation, group: values, value: found, atMs, firstMs, eventIds }
  }

  get items(): number {
    return this.#items
  }

  /** At most so many items, of the groups that were heard of last; in the order in which they were. */
  *saved(itemsMax: number): Iterable<SavedGroup> {
    const { items } = this.#room
    const groups = this.#groups
    let over = this.#items - itemsMax
    for (const { group, key } of groups.byUse()) {
      if (over > 0) {
        over -= groups.before[group]! + groups.inWindow[group]!
        continue
      }
      const kept: SavedGroup['items'] = []
      for (let item = groups.first[group]!; item !== none; item = items.next[item]!)
        kept.push([items.atMs[item]!, items.rule[item]!, items.value[item]!, items.eventId[item]!])
      const toldMs = groups.toldMs[group]!
      yield { key, holds: groups.holds[group] === 1, toldMs: Number.isFinite(toldMs) ? toldMs : null, items: kept }
    }
  }

  /** Counted anew, one item after the other, without a word. */
  restore({ key, holds, toldMs, items }: SavedGroup): void {
    const group = this.#groupOf(key)
    for (const [atMs, rule, value, eventId] of items) {
      this.#items++
      this.#inOrder(group, this.#room.items.add(atMs, rule, value, eventId))
    }
    this.#groups.holds[group] = holds ? 1 : 0
    this.#groups.toldMs[group] = toldMs ?? Number.NEGATIVE_INFINITY
  }

  /** The one that was silent longest. */
  dropGroup(): void {
    this.#removeGroup(this.#groups.longestSilent)
    this.#counts.groupsDropped++
  }

  /** Of a correlation that is no more. */
  clear(): void {
    while (this.#groups.size > 0) this.#removeGroup(this.#groups.longestSilent)
  }

  #removeGroup(group: number): void {
    for (let item = this.#groups.first[group]!; item !== none; ) {
      const next = this.#room.items.next[item]!
      this.#release(item)
      item = next
    }
    this.#groups.remove(group)
    this.#room.groups--
  }

  #groupOf(key: string): number {
    const { items, states, limits } = this.#room
    let group = this.#groups.find(key)
    const isFull = (): boolean =>
      items.size >= limits.itemsMax || (group === none && this.#room.groups >= limits.groupsMax)
    while (isFull()) {
      let largest: CorrelationState = this
      for (const state of states) if (state.items > largest.items) largest = state
      largest.dropGroup()
      // It may have been this one.
      if (largest === this) group = this.#groups.find(key)
    }
    if (group !== none) return group
    this.#room.groups++
    return this.#groups.add(key)
  }

  #release(item: number): void {
    this.#room.items.release(item)
    this.#items--
  }

  /** @returns what was counted when the conditions hold, else NaN */
  #inOrder(group: number, item: number): number {
    const { timespanMs, type } = this.#correlation
    const groups = this.#groups
    const { items } = this.#room
    const last = groups.last[group]!
    if (last === none) groups.first[group] = item
    else {
      items.next[last] = item
      items.previous[item] = last
    }
    groups.last[group] = item
    if (groups.inWindow[group]!++ === 0) groups.head[group] = item
    const atMs = items.atMs[item]!
    const aggregate = groups.aggregates.get(group)
    aggregate?.add(items.read(item))
    while (items.atMs[groups.head[group]!]! < atMs - timespanMs) this.#leave(group, aggregate)
    while (groups.inWindow[group]! > this.#room.limits.groupItemsMax) {
      this.#leave(group, aggregate)
      this.#counts.itemsDropped++
    }
    // The window of an event that comes late ends earlier than the newest, and begins earlier too.
    while (
      groups.before[group]! > 0 &&
      (items.atMs[groups.first[group]!]! < atMs - 2 * timespanMs ||
        groups.before[group]! > this.#room.limits.groupItemsMax)
    ) {
      const gone = groups.first[group]!
      const next = items.next[gone]!
      groups.first[group] = next
      items.previous[next] = none
      groups.before[group]!--
      this.#release(gone)
    }
    const complete = type !== 'temporal_ordered' || this.#chained(this.#chainsOf(group), item)
    const result = this.#count(group)
    if (type === 'temporal_ordered') return complete ? result : Number.NaN
    return this.#judge(result)
  }

  /** The oldest of the newest window is in it no more. */
  #leave(group: number, aggregate: Aggregate | undefined): void {
    const groups = this.#groups
    const head = groups.head[group]!
    aggregate?.remove(this.#room.items.read(head))
    groups.head[group] = this.#room.items.next[head]!
    groups.inWindow[group]!--
    groups.before[group]!++
  }

  /** Of the newest window. */
  #count(group: number): number {
    const groups = this.#groups
    const inWindow = groups.inWindow[group]!
    if (inWindow <= anewMax >> 1) groups.aggregates.delete(group)
    return this.#correlation.type === 'event_count' ? inWindow : this.#aggregateOf(group).result()
  }

  /** Of the newest window: kept, or counted anew. */
  #aggregateOf(group: number): Aggregate {
    const groups = this.#groups
    const kept = groups.aggregates.get(group)
    if (kept) return kept
    const { type, percentile } = this.#correlation
    const aggregate = aggregateOf(type, percentile)
    const { items } = this.#room
    for (let item = groups.head[group]!; item !== none; item = items.next[item]!) aggregate.add(items.read(item))
    if (groups.inWindow[group]! > anewMax) groups.aggregates.set(group, aggregate)
    return aggregate
  }

  /** A late item belongs to every window that ends at or after it: each is looked at again, the latest first. */
  #outOfOrder(group: number, item: number): number {
    const { timespanMs, type, rules } = this.#correlation
    const groups = this.#groups
    const { items } = this.#room
    const atMs = items.atMs[item]!
    const head = groups.head[group]!
    let after = groups.last[group]!
    while (after !== head && items.atMs[items.previous[after]!]! > atMs) after = items.previous[after]!
    const previous = items.previous[after]!
    items.previous[item] = previous
    items.next[item] = after
    items.previous[after] = item
    if (previous === none) groups.first[group] = item
    else items.next[previous] = item
    if (after === head) groups.head[group] = item
    groups.inWindow[group]!++
    const aggregate = groups.aggregates.get(group)
    aggregate?.add(items.read(item))
    if (groups.inWindow[group]! > this.#room.limits.groupItemsMax) {
      this.#leave(group, aggregate)
      this.#counts.itemsDropped++
    }
    if (type === 'temporal_ordered') return this.#chainedAnew(group, item) ? rules.length : Number.NaN

    const window = this.#aggregateOf(group)
    let from = groups.head[group]!
    let best = Number.NaN
    let end = groups.last[group]!
    for (; ; end = items.previous[end]!) {
      const endMs = items.atMs[end]!
      for (let earlier = items.previous[from]!; earlier !== none; earlier = items.previous[earlier]!) {
        if (items.atMs[earlier]! < endMs - timespanMs) break
        window.add(items.read(earlier))
        from = earlier
      }
      // Of items of one time the window holds all.
      const isLastOfTime = end === groups.last[group]! || items.atMs[items.next[end]!]! > endMs
      if (isLastOfTime) best = this.#judge(window.result())
      if (!Number.isNaN(best) || endMs <= atMs) break
      window.remove(items.read(end))
    }
    // Forward again to the newest, for what comes next.
    while (end !== groups.last[group]!) {
      end = items.next[end]!
      window.add(items.read(end))
    }
    for (; from !== groups.head[group]!; from = items.next[from]!) window.remove(items.read(from))
    return best
  }

  #judge(result: number): number {
    const { conditions, type, rules } = this.#correlation
    if (conditions.length === 0 && (type === 'temporal' || type === 'temporal_ordered'))
      return result >= new Set(rules).size ? result : Number.NaN
    return conditions.every(({ comparison, number }) => compare(result, comparison, number)) ? result : Number.NaN
  }

  #chainsOf(group: number): number[] {
    let chains = this.#groups.chains.get(group)
    if (!chains) {
      chains = []
      this.#groups.chains.set(group, chains)
    }
    return chains
  }

  /** The chain that began latest is the one that is complete soonest. */
  #chained(chains: number[], item: number): boolean {
    const { rules, timespanMs } = this.#correlation
    const { items } = this.#room
    const [rule, atMs] = [items.rule[item]!, items.atMs[item]!]
    if (rule === 0) chains[0] = atMs
    else {
      const before = chains[rule - 1]
      if (before === undefined || atMs - before > timespanMs) return false
      chains[rule] = before
    }
    return rule === rules.length - 1 && atMs - chains[rule]! <= timespanMs
  }

  /** All that is kept, with the late item in its place. */
  #chainedAnew(group: number, late: number): boolean {
    const { timespanMs } = this.#correlation
    const { items } = this.#room
    const lateMs = items.atMs[late]!
    const chains: number[] = []
    let complete = false
    for (let item = this.#groups.first[group]!; item !== none; item = items.next[item]!) {
      const atMs = items.atMs[item]!
      if (this.#chained(chains, item) && atMs >= lateMs && atMs - lateMs <= timespanMs) complete = true
    }
    this.#groups.chains.set(group, chains)
    return complete
  }

  #newestIds(group: number): string[] {
    const ids: string[] = []
    const { items } = this.#room
    for (let item = this.#groups.last[group]!; item !== none && ids.length < idsMax; item = items.previous[item]!)
      ids.push(items.eventId[item]!)
    return ids.reverse()
  }
}
