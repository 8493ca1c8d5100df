// What the checks keep of a unit while its cases pass by: counts per rule and stratum, a few examples, facts per month, and
// numbers of each case for the statements that need the others.
import { apart, caseRules, type RuleWords, suspect } from './case-rules.ts'
import type { Counted } from './change-point.ts'
import { evidenceMax } from './finding.ts'
import { groupRules } from './group-rules.ts'
import { HabitCounts, noHabits } from './habits.ts'
import type { Part } from './mix-shift.ts'
import { type CheckContext, type ObservedCase, stratumOf } from './observed-case.ts'
import { cityOf, dayIsOut, type OutageFinder, traceDay } from './outages.ts'
import { type Repeats, repeatsOf } from './repeats.ts'
import { type Outage, type TraceKind, traceKinds } from './traces.ts'
import { addFacts, emptyFacts, type UnitFacts } from './unit-facts.ts'
import { orphanRules, orphansByRule } from './unit-orphans.ts'
import { RowKeeper } from './unit-rows.ts'
import { weeksOf } from './unit-weeks.ts'

export const shareRules: readonly RuleWords[] = [...caseRules, ...groupRules, ...orphanRules]
const orphanStratum = 'traces'
const usualLagMs = 2 * 86_400_000
/** Below this share of what was expected, a kind of telemetry is not connected. */
const connectedMin = 0.05

export interface StratumCounts {
  judged: Uint32Array
  suspects: Uint32Array
}

export type Resolution = 'seconds' | 'minutes' | 'days'

export class UnitSigns {
  readonly unit: string
  readonly strata = new Map<string, StratumCounts>()
  readonly evidence: string[][] = shareRules.map(() => [])
  /** Of each rule how many cases the unit's own habits let expect; filled at the end. */
  readonly byHabit: number[] = shareRules.map(() => 0)
  readonly regions = new Map<string, number>()
  /** By the month of closing, or of opening while it is open. */
  readonly months = new Map<string, UnitFacts>()
  /** Kinds of telemetry that hardly ever see the unit. */
  readonly unconnected: TraceKind[] = []
  /** Closed in time of closed with a deadline, by week from the first; filled at the end. */
  weeks: Counted[] = []
  weeksFrom = 0
  /** The same by kind of item and way, of the last thirteen weeks and the thirteen before. */
  quarters: Part[] = []
  /** Cases that took exactly as long as another; filled at the end. */
  repeats: Repeats = { judged: 0, exact: 0, near: 0, differences: 1, ids: [] }
  /** How exactly it keeps the times of closings. */
  resolution: Resolution = 'seconds'
  #habits = caseRules.map(() => new HabitCounts())
  #keeper = new RowKeeper()
  #ids: string[] = []
  #strata: StratumCounts[] = []
  #stratumNames: string[] = []
  #facts: UnitFacts[] = []
  /** Cases that others saw and nobody reported, with what was seen. */
  #orphans = new Map<string, Set<string>>()

  constructor(unit: string) {
    this.unit = unit
  }

  add(one: ObservedCase, context: CheckContext): void {
    const { record } = one
    const stratum = stratumOf(record)
    const counts = this.#countsOf(stratum)
    for (let rule = 0; rule < caseRules.length; rule++) {
      // Of a removed case only its removal is a question.
      if (record.withdrawnRecord && caseRules[rule]!.check !== 'J') continue
      this.#count(counts, rule, caseRules[rule]!.of(one, context), record.id)
      const habits = caseRules[rule]!.habitsOf?.(one, context)
      if (habits !== undefined) this.#habits[rule]!.add(habits)
    }
    if (record.withdrawnRecord) return
    this.regions.set(record.region, (this.regions.get(record.region) ?? 0) + 1)
    this.#keeper.add(one, context)
    this.#ids.push(record.id)
    this.#strata.push(counts)
    this.#stratumNames.push(stratum)
    const { rows } = this.#keeper
    const closedDay = rows.closedDay.at(-1)!
    const facts = this.#factsOf(Number.isNaN(closedDay) ? rows.openedDay.at(-1)! : closedDay)
    this.#facts.push(facts)
    facts.cases++
    if (record.closedMs === null) return
    facts.closed++
    if (one.knownMs - record.closedMs <= usualLagMs) facts.prompt++
  }

  /** A trace of a case that is not among those reported. */
  addOrphan(reference: string, kind: string): void {
    const kinds = this.#orphans.get(reference)
    if (kinds) kinds.add(kind)
    else this.#orphans.set(reference, new Set([kind]))
  }

  /** Before the end: what was expected and seen on which day. */
  tellDays(finder: OutageFinder): void {
    finder.add(this.unit, this.#keeper.rows, this.#keeper.texts)
  }

  /** After the last case: the statements about cases among others. */
  finish(outages: readonly Outage[] = []): void {
    if (outages.length > 0) this.#leaveOutBlind(outages)
    this.#leaveOutUnconnected()
    const { rows } = this.#keeper
    this.#habits.forEach((habits, rule) => {
      this.byHabit[rule] = habits.expected
    })
    groupRules.forEach((rule, at) => {
      const verdicts = rule.of(rows)
      for (let i = 0; i < verdicts.length; i++)
        this.#count(this.#strata[i]!, caseRules.length + at, verdicts[i]!, this.#ids[i]!)
      const habits = new HabitCounts()
      for (const one of rule.habitsOf?.(rows) ?? []) if (one !== noHabits) habits.add(one)
      this.byHabit[caseRules.length + at] = rule.expectedOf?.(rows) ?? habits.expected
    })
    const { judged: all, suspects: unreported } = this.#countsOf(orphanStratum)
    const { cases } = this.facts
    orphansByRule(this.#orphans, this.#keeper).forEach((list, at) => {
      if (!list) return
      const rule = shareRules.length - orphanRules.length + at
      all[rule] = cases + list.length
      unreported[rule] = list.length
      this.evidence[rule] = list.slice(0, evidenceMax)
    })
    this.resolution = resolutionOf(rows.closedMs)
    this.repeats = repeatsOf(rows, this.#ids)
    Object.assign(this, weeksOf(rows, this.#stratumNames))
    this.#orphans = new Map()
    this.#habits = []
    this.#keeper = new RowKeeper()
    this.#ids = []
    this.#strata = []
    this.#stratumNames = []
    this.#facts = []
  }

  /** Of all months. */
  get facts(): UnitFacts {
    const all = emptyFacts()
    for (const one of this.months.values()) addFacts(all, one)
    return all
  }

  /** Where most of its cases are. */
  get region(): string {
    let [most, found] = [0, '']
    for (const [region, count] of this.regions) if (count > most) [most, found] = [count, region]
    return found
  }

  #leaveOutBlind(outages: readonly Outage[]): void {
    const { rows, texts } = this.#keeper
    const isOut = dayIsOut(outages)
    for (let i = 0; i < rows.length; i++)
      for (let at = 0; at < traceKinds.length; at++) {
        const bit = 1 << at
        if ((rows.expected[i]! & bit) === 0 || (rows.seen[i]! & bit) !== 0) continue
        if (!isOut(traceKinds[at]!, cityOf(texts[rows.region[i]!] ?? ''), traceDay(rows, i, traceKinds[at]!))) continue
        rows.expected[i]! &= ~bit
        rows.blind[i] = true
      }
  }

  /**
   * A kind of telemetry that hardly ever sees the unit is not connected to it: an office without a ticket machine. That accuses
   * nobody, and corroborates nothing either.
   */
  #leaveOutUnconnected(): void {
    const { length, expected, seen, blind } = this.#keeper.rows
    traceKinds.forEach((kind, at) => {
      const bit = 1 << at
      let [wanted, found] = [0, 0]
      for (let i = 0; i < length; i++) {
        if ((expected[i]! & bit) !== 0) wanted++
        if ((expected[i]! & seen[i]! & bit) !== 0) found++
      }
      if (wanted === 0 || found >= wanted * connectedMin) return
      this.unconnected.push(kind)
      for (let i = 0; i < length; i++) {
        if ((expected[i]! & bit) !== 0) blind[i] = true
        expected[i]! &= ~bit
      }
    })
    for (let i = 0; i < length; i++) {
      const facts = this.#facts[i]!
      if (expected[i]! > 0) {
        facts.corroborable++
        if ((expected[i]! & seen[i]!) !== 0) facts.corroborated++
      } else if (blind[i]) facts.blind++
    }
  }

  #factsOf(day: number): UnitFacts {
    const month = Number.isFinite(day) ? new Date(day * 86_400_000).toISOString().slice(0, 7) : ''
    let facts = this.months.get(month)
    if (!facts) {
      facts = emptyFacts()
      this.months.set(month, facts)
    }
    return facts
  }

  #countsOf(stratum: string): StratumCounts {
    let counts = this.strata.get(stratum)
    if (!counts) {
      counts = { judged: new Uint32Array(shareRules.length), suspects: new Uint32Array(shareRules.length) }
      this.strata.set(stratum, counts)
    }
    return counts
  }

  #count(counts: StratumCounts, rule: number, verdict: number, id: string): void {
    if (verdict === apart) return
    counts.judged[rule]!++
    if (verdict !== suspect) return
    counts.suspects[rule]!++
    const list = this.evidence[rule]!
    if (list.length < evidenceMax) list.push(id)
  }
}

/** What most closings are multiples of, those at half hours left aside. */
function resolutionOf(closedMs: readonly number[]): Resolution {
  let [all, minutes, halfHours] = [0, 0, 0]
  for (const ms of closedMs) {
    if (!Number.isFinite(ms)) continue
    all++
    if (ms % (30 * 60_000) === 0) halfHours++
    else if (ms % 60_000 === 0) minutes++
  }
  if (halfHours > all * 0.8) return 'days'
  return minutes > (all - halfHours) / 2 ? 'minutes' : 'seconds'
}
