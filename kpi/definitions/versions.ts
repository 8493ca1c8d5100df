// Several versions of one definition, each in force for a span of days: which one a period is counted by. It is the one in
// force when the period ends (or at the time it is looked at from, if that is earlier), and it counts all of the period; a
// figure whose period another version had a part in says so. What was not known yet is not applied.
import { CodedError } from '#core/errors.ts'
import type { DefinitionSpan, KpiValue } from '../contract.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import type { Plan } from './plan.ts'

export interface VersionQuestion {
  /** `2026-10`, `2026-Q3`, `2026` or `all`. */
  period: string
  by: readonly string[]
  validMs: number
  knownMs: number
  /** This version, whatever was in force. */
  version?: string
}

export interface ChosenVersion {
  plan: Plan
  /** Of the values that it gives, those that are its to give, with what else held in their time. */
  keep(values: readonly KpiValue[]): KpiValue[]
}

interface Span {
  plan: Plan
  fromMs: number
  toMs: number
}

/** One, or, where months are told apart, each that some month is counted by. @throws CodedError `not-found` */
export function chooseVersions(plans: readonly Plan[], question: VersionQuestion): ChosenVersion[] {
  const { period, by, version } = question
  const known = knownSpans(plans, question.knownMs)
  const of = (label: string): { plan: Plan; span: DefinitionSpan | undefined } => {
    const pinned = version === undefined ? undefined : spansOf(plans).find((one) => versionOf(one.plan) === version)
    if (version !== undefined && !pinned) throw unknownVersion(plans, version)
    return applied(known, label, question.validMs, pinned)
  }
  if (!by.includes('period')) {
    const { plan, span } = of(period)
    return [{ plan, keep: (values) => values.map((value) => withSpan(value, span)) }]
  }
  const months = new Map<string, ReturnType<typeof of>>()
  const ofMonth = (month: string): ReturnType<typeof of> => {
    let found = months.get(month)
    if (!found) {
      found = of(month === '' ? period : month)
      months.set(month, found)
    }
    return found
  }
  return plans
    .filter((plan) => version === undefined || versionOf(plan) === version)
    .map((plan) => ({
      plan,
      keep: (values) =>
        values.flatMap((value) => {
          const found = ofMonth(value.dimensions['period'] ?? '')
          return found.plan === plan ? [withSpan(value, found.span)] : []
        }),
    }))
}

/** In force at a time, by what was known then. */
export function versionAt(plans: readonly Plan[], atMs: number): Plan {
  const [chosen] = chooseVersions(plans, { period: 'all', by: [], validMs: atMs, knownMs: atMs })
  return chosen!.plan
}

/** What several versions gave as one answer: in the order of their dimensions, as each of them is already. */
export function inOrder(parts: readonly KpiValue[][], by: readonly string[]): KpiValue[] {
  if (parts.length === 1) return parts[0]!
  const key = ({ dimensions }: KpiValue): string => by.map((name) => dimensions[name]).join('\u001f')
  return parts.flat().sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function applied(
  spans: readonly Span[],
  label: string,
  validMs: number,
  pinned: Span | undefined,
): { plan: Plan; span: DefinitionSpan | undefined } {
  const { fact, cohort, zone } = spans[0]!.plan.definition
  const { fromMs, toMs } = parsePeriod(label, zoneOf(zone))
  const endMs = Math.min(toMs - 1, validMs)
  const chosen = pinned ?? spans.findLast((one) => one.fromMs <= endMs) ?? spans[0]!
  // A state has no time before the one it is looked at from; a whole begins where its first version does.
  const isState = label === 'all' && fact !== 'case' && cohort !== 'period'
  const beginMs = isState ? endMs : label === 'all' ? Math.min(spans[0]!.fromMs, endMs) : Math.min(fromMs, endMs)
  const held = (one: Span): boolean => one.fromMs <= endMs && one.toMs > beginMs
  const others = spans.filter((one) => one.plan !== chosen.plan && held(one)).map(({ plan }) => versionOf(plan))
  const covers = chosen.fromMs <= beginMs && chosen.toMs > endMs
  if (covers) return { plan: chosen.plan, span: undefined }
  return { plan: chosen.plan, span: { applied: held(chosen) ? 'part' : 'outside', others } }
}

/** By their beginning. Where all of them are yet to be known, the first counts. */
function knownSpans(plans: readonly Plan[], knownMs: number): Span[] {
  const all = spansOf(plans)
  const known = all.filter(({ plan }) => knownFromMs(plan) <= knownMs)
  if (known.length === 0) return [{ ...all[0]!, toMs: Number.POSITIVE_INFINITY }]
  // Where one ends and another begins, the end is known with the beginning.
  return known.map((one) => {
    const next = all.find(({ fromMs }) => fromMs === one.toMs)
    return next && !known.includes(next) ? { ...one, toMs: nextFrom(known, one) } : one
  })
}

function nextFrom(known: readonly Span[], { fromMs }: Span): number {
  return known.find((one) => one.fromMs > fromMs)?.fromMs ?? Number.POSITIVE_INFINITY
}

function spansOf(plans: readonly Plan[]): Span[] {
  return plans
    .map((plan) => ({
      plan,
      fromMs: instantOf(plan, plan.definition.valid.from),
      toMs:
        plan.definition.valid.to === undefined ? Number.POSITIVE_INFINITY : instantOf(plan, plan.definition.valid.to),
    }))
    .sort((a, b) => a.fromMs - b.fromMs)
}

function knownFromMs(plan: Plan): number {
  return plan.definition.known === undefined ? Number.NEGATIVE_INFINITY : instantOf(plan, plan.definition.known)
}

function instantOf({ definition }: Plan, day: string): number {
  return zoneOf(definition.zone).instantOf(Date.parse(day))
}

function versionOf({ definition }: Plan): string {
  return definition.version
}

function withSpan(value: KpiValue, span: DefinitionSpan | undefined): KpiValue {
  return span ? { ...value, definitionSpan: span } : value
}

function unknownVersion(plans: readonly Plan[], version: string): CodedError {
  const { id } = plans[0]!.definition
  const there = plans.map(versionOf).join(', ')
  return new CodedError('not-found', { what: `Version ${version.slice(0, 20)} of the KPI ${id} (there are ${there})` })
}
