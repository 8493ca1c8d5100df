// What the checks keep of a unit while its cases pass by: counts per rule and stratum, a few examples, and numbers of each
// case for the statements that need the others.
import { apart, caseRules, type RuleWords, suspect, toldLongAfter } from './case-rules.ts'
import { evidenceMax } from './finding.ts'
import { groupRules, type UnitRows } from './group-rules.ts'
import { type CheckContext, type ObservedCase, stratumOf } from './observed-case.ts'
import { type TraceKind, traceKinds } from './traces.ts'

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
/** Clocks differ by minutes. */
const lateStepMs = 600_000
/** Below this share of what was expected, a kind of telemetry is not connected. */
const connectedMin = 0.05
/** Numbers run on when so many of them are there. */
const denseMin = 0.6

/** What the grade of a unit stands on. */
export interface UnitFacts {
  cases: number
  /** Cases of which somebody else should have seen something, and could have. */
  corroborable: number
  corroborated: number
  /** Cases whose expected telemetry was out or not connected. */
  blind: number
  unconnected: TraceKind[]
  closed: number
  /** Of these, reported within two days, as machines do. */
  prompt: number
}

export interface StratumCounts {
  judged: Uint32Array
  suspects: Uint32Array
}

export class UnitSigns {
  readonly unit: string
  readonly strata = new Map<string, StratumCounts>()
  readonly evidence: string[][] = shareRules.map(() => [])
  readonly regions = new Map<string, number>()
  readonly facts: UnitFacts = {
    cases: 0,
    corroborable: 0,
    corroborated: 0,
    blind: 0,
    unconnected: [],
    closed: 0,
    prompt: 0,
  }
  #rows: UnitRows = emptyRows()
  #ids: string[] = []
  #strata: StratumCounts[] = []
  #texts = new Map<string, number>()
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
    this.facts.cases++
    if (record.closedMs !== null) {
      this.facts.closed++
      if (one.knownMs - record.closedMs <= usualLagMs) this.facts.prompt++
    }
    this.#addRow(one, counts, context)
  }

  /** A trace of a case that is not among those reported. */
  addOrphan(reference: string): void {
    this.#orphans.push(reference)
    const list = this.evidence[orphanAt]!
    if (list.length < evidenceMax) list.push(reference)
  }

  /** After the last case: the statements about cases among others. */
  finish(): void {
    this.#leaveOutUnconnected()
    groupRules.forEach((rule, at) => {
      const verdicts = rule.of(this.#rows)
      for (let i = 0; i < verdicts.length; i++)
        this.#count(this.#strata[i]!, caseRules.length + at, verdicts[i]!, this.#ids[i]!)
    })
    const { judged: seen, suspects } = this.#countsOf(orphanStratum)
    seen[orphanAt] = this.facts.cases + this.#orphans.length
    suspects[orphanAt] = this.#orphans.length
    const missing = this.#missingNumbers()
    if (missing) {
      seen[missingAt] = this.facts.cases + missing.length
      suspects[missingAt] = missing.length
      this.evidence[missingAt] = missing.slice(0, evidenceMax)
    }
    this.#orphans = []
    this.#rows = emptyRows()
    this.#ids = []
    this.#strata = []
    this.#texts.clear()
  }

  /** Where most of its cases are. */
  get region(): string {
    let [most, found] = [0, '']
    for (const [region, count] of this.regions) if (count > most) [most, found] = [count, region]
    return found
  }

  /**
   * A kind of telemetry that hardly ever sees the unit is not connected to it: an office without a ticket machine. That accuses
   * nobody, and corroborates nothing either.
   */
  #leaveOutUnconnected(): void {
    const { length, expected, seen, blind } = this.#rows
    traceKinds.forEach((kind, at) => {
      const bit = 1 << at
      let [wanted, found] = [0, 0]
      for (let i = 0; i < length; i++) {
        if ((expected[i]! & bit) !== 0) wanted++
        if ((expected[i]! & seen[i]! & bit) !== 0) found++
      }
      if (wanted === 0 || found >= wanted * connectedMin) return
      this.facts.unconnected.push(kind)
      for (let i = 0; i < length; i++) {
        if ((expected[i]! & bit) !== 0) blind[i] = true
        expected[i]! &= ~bit
      }
    })
    for (let i = 0; i < length; i++) {
      if (expected[i]! > 0) {
        this.facts.corroborable++
        if ((expected[i]! & seen[i]!) !== 0) this.facts.corroborated++
      } else if (blind[i]) this.facts.blind++
    }
  }

  /** Orphans whose number lies between those of the unit's own cases; undefined when its numbers do not run on. */
  #missingNumbers(): string[] | undefined {
    const { serial, serialPrefix } = this.#rows
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
      const span = digits && dense.get(this.#texts.get(reference.slice(0, digits.index)) ?? -2)
      return span ? Number(digits[0]) > span.low && Number(digits[0]) < span.high : false
    })
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

  #addRow({ record, knownMs }: ObservedCase, counts: StratumCounts, context: CheckContext): void {
    const { expected, seen, blind } = context.traces.of(record)
    const { id, openedMs, acceptedMs, closedMs, dueMs, item, applicant, handler, channel, steps } = record
    const rows = this.#rows
    const digits = /\d{1,15}$/.exec(id)
    let [lateMs, late] = [closedMs === null ? Number.POSITIVE_INFINITY : closedMs + lateStepMs, '']
    for (const { name, atMs } of steps) if (atMs > lateMs) [lateMs, late] = [atMs, name || '?']
    rows.length++
    rows.openedMs.push(openedMs ?? acceptedMs ?? Number.NaN)
    rows.closedMs.push(closedMs ?? Number.NaN)
    rows.item.push(this.#indexOf(item))
    rows.applicant.push(applicant === '' ? -1 : this.#indexOf(applicant))
    rows.handler.push(handler === '' ? -1 : this.#indexOf(handler))
    rows.lateStep.push(late === '' ? -1 : this.#indexOf(late))
    rows.isToldLate.push(toldLongAfter(record, context) === suspect)
    rows.expected.push(bitsOf(expected))
    rows.seen.push(bitsOf(seen))
    rows.blind.push(blind.length > 0)
    rows.isTraceless.push(record.traces.length === 0 && record.ratings.every(({ isDefault }) => isDefault))
    rows.lagMs.push(closedMs === null ? Number.NaN : knownMs - closedMs)
    rows.dueMs.push(dueMs ?? Number.NaN)
    rows.isSystem.push(channel === 'system')
    rows.serial.push(digits ? Number(digits[0]) : Number.NaN)
    rows.serialPrefix.push(digits ? this.#indexOf(id.slice(0, digits.index)) : -1)
    this.#ids.push(id)
    this.#strata.push(counts)
  }

  #indexOf(text: string): number {
    let at = this.#texts.get(text)
    if (at === undefined) {
      at = this.#texts.size
      this.#texts.set(text, at)
    }
    return at
  }
}

function bitsOf(kinds: readonly TraceKind[]): number {
  let bits = 0
  for (const kind of kinds) bits |= 1 << traceKinds.indexOf(kind)
  return bits
}

function emptyRows(): UnitRows {
  return {
    ...{ length: 0, openedMs: [], closedMs: [], item: [], applicant: [], handler: [], isSystem: [] },
    ...{
      serial: [],
      serialPrefix: [],
      lateStep: [],
      isToldLate: [],
      expected: [],
      seen: [],
      blind: [],
      lagMs: [],
      isTraceless: [],
      dueMs: [],
    },
  }
}
