// What the checks keep of a unit while its cases pass by: counts per rule and stratum, a few examples, facts per month, and
// numbers of each case for the statements that need the others.
import { apart, caseRules, type RuleWords, suspect } from './case-rules.ts'
import type { Counted } from './change-point.ts'
import { evidenceMax } from './finding.ts'
import { groupRules } from './group-rules.ts'
import { type CheckContext, type ObservedCase, stratumOf } from './observed-case.ts'
import { cityOf, dayIsOut, type OutageFinder, traceDay } from './outages.ts'
import { type Outage, type TraceKind, traceKinds } from './traces.ts'
import { addFacts, emptyFacts, type UnitFacts } from './unit-facts.ts'
import { RowKeeper } from './unit-rows.ts'

/** Traces that name a case which nobody reported. */
const orphanRule: RuleWords = {
  ...{ id: 'traces-without-case', check: 'N' },
  measure: { en: 'seen by others, and never reported as a case', zh: '有外部痕迹而未报送案件' },
  question: {
    en: 'Others saw applications of which no case was ever reported. What became of them?',
    zh: '外部系统有申请痕迹，却从未报送案件，这些申请去向如何？',
  },
}
const missingRule: RuleWords = {
  ...{ id: 'number-seen-and-missing', check: 'J' },
  measure: { en: 'numbers that others saw and that are missing among the cases', zh: '外部系统见过而案件中缺失的编号' },
  question: {
    en: 'Others saw case numbers that are missing among those reported. Where are these cases?',
    zh: '外部系统有记录的案件编号在报送案件中缺失，这些案件去向如何？',
  },
}
export const shareRules: readonly (RuleWords & { clump?: number })[] = [
  ...caseRules,
  ...groupRules,
  orphanRule,
  missingRule,
]
const orphanAt = shareRules.length - 2
const missingAt = shareRules.length - 1
const orphanStratum = 'traces'
const usualLagMs = 2 * 86_400_000
/** Below this share of what was expected, a kind of telemetry is not connected. */
const connectedMin = 0.05
/** Numbers run on when so many of them are there. */
const denseMin = 0.6

export interface StratumCounts {
  judged: Uint32Array
  suspects: Uint32Array
}

export class UnitSigns {
  readonly unit: string
  readonly strata = new Map<string, StratumCounts>()
  readonly evidence: string[][] = shareRules.map(() => [])
  readonly regions = new Map<string, number>()
  /** By the month of closing, or of opening while it is open. */
  readonly months = new Map<string, UnitFacts>()
  /** Kinds of telemetry that hardly ever see the unit. */
  readonly unconnected: TraceKind[] = []
  /** Closed in time of closed with a deadline, by week from the first; filled at the end. */
  readonly weeks: Counted[] = []
  weeksFrom = 0
  #keeper = new RowKeeper()
  #ids: string[] = []
  #strata: StratumCounts[] = []
  #facts: UnitFacts[] = []
  #orphans: string[] = []

  constructor(unit: string) {
    this.unit = unit
  }

  add(one: ObservedCase, context: CheckContext): void {
    const { record } = one
    const counts = this.#countsOf(stratumOf(record))
    for (let rule = 0; rule < caseRules.length; rule++) {
      // Of a removed case only its removal is a question.
      if (record.withdrawnRecord && caseRules[rule]!.check !== 'J') continue
      this.#count(counts, rule, caseRules[rule]!.of(one, context), record.id)
    }
    if (record.withdrawnRecord) return
    this.regions.set(record.region, (this.regions.get(record.region) ?? 0) + 1)
    this.#keeper.add(one, context)
    this.#ids.push(record.id)
    this.#strata.push(counts)
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
  addOrphan(reference: string): void {
    this.#orphans.push(reference)
    const list = this.evidence[orphanAt]!
    if (list.length < evidenceMax) list.push(reference)
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
    groupRules.forEach((rule, at) => {
      const verdicts = rule.of(rows)
      for (let i = 0; i < verdicts.length; i++)
        this.#count(this.#strata[i]!, caseRules.length + at, verdicts[i]!, this.#ids[i]!)
    })
    const { judged: seen, suspects } = this.#countsOf(orphanStratum)
    const { cases } = this.facts
    seen[orphanAt] = cases + this.#orphans.length
    suspects[orphanAt] = this.#orphans.length
    const missing = this.#missingNumbers()
    if (missing) {
      seen[missingAt] = cases + missing.length
      suspects[missingAt] = missing.length
      this.evidence[missingAt] = missing.slice(0, evidenceMax)
    }
    this.#countWeeks()
    this.#orphans = []
    this.#keeper = new RowKeeper()
    this.#ids = []
    this.#strata = []
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

  /** Orphans whose number lies between those of the unit's own cases; undefined when its numbers do not run on. */
  #missingNumbers(): string[] | undefined {
    const { serial, serialPrefix } = this.#keeper.rows
    const spans = new Map<number, { low: number; high: number; count: number }>()
    for (let i = 0; i < serial.length; i++) {
      if (!Number.isFinite(serial[i]!)) continue
      const span = spans.get(serialPrefix[i]!)
      if (!span) spans.set(serialPrefix[i]!, { low: serial[i]!, high: serial[i]!, count: 1 })
      else {
        span.low = Math.min(span.low, serial[i]!)
        span.high = Math.max(span.high, serial[i]!)
        span.count++
      }
    }
    const dense = new Map(
      [...spans].filter(([, { low, high, count }]) => count >= 30 && count > (high - low) * denseMin),
    )
    if (dense.size === 0) return undefined
    return this.#orphans.filter((reference) => {
      const digits = /\d{1,15}$/.exec(reference)
      const span = digits && dense.get(this.#keeper.known(reference.slice(0, digits.index)))
      return span ? Number(digits[0]) > span.low && Number(digits[0]) < span.high : false
    })
  }

  #countWeeks(): void {
    const { length, closedDay, closedMs, dueMs } = this.#keeper.rows
    const weeks = new Map<number, { hits: number; trials: number }>()
    for (let i = 0; i < length; i++) {
      if (!Number.isFinite(closedDay[i]!) || !Number.isFinite(dueMs[i]!)) continue
      const week = Math.floor((closedDay[i]! + 3) / 7)
      const one = weeks.get(week) ?? { hits: 0, trials: 0 }
      one.trials++
      if (closedMs[i]! <= dueMs[i]!) one.hits++
      weeks.set(week, one)
    }
    const order = [...weeks.keys()].sort((a, b) => a - b)
    if (order.length === 0) return
    this.weeksFrom = order[0]!
    for (let week = order[0]!; week <= order.at(-1)!; week++) this.weeks.push(weeks.get(week) ?? { hits: 0, trials: 0 })
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
