// A KPI over given evidence at one pair of times: the world as it was at `validMs`, as far as it was known at `knownMs`.

import { CodedError } from '#core/errors.ts'
import { createPace } from '#core/pace.ts'
import { suggest } from '#core/yaml-source.ts'
import {
  type CaseContext,
  calendarFields,
  caseField,
  caseFieldNames,
  caseFields,
  isCaseField,
} from '../cases/case-fields.ts'
import { withLimits } from '../cases/item-fields.ts'
import type { CaseRecord, Fact, KpiValue, Period, Switches } from '../contract.ts'
import { type Formula, formulaOf, type Plan } from '../definitions/plan.ts'
import { textOf } from '../rational.ts'
import type { Calendar } from '../time/calendar.ts'
import { periodOfDay } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import { Cells, Names } from './cells.ts'
import { evaluate, type Outcome } from './evaluate.ts'
import { signatureOf } from './signature.ts'
import { targetOf } from './target.ts'

export interface Evidence {
  cases: readonly { record: CaseRecord; knownMs: number }[]
  facts: readonly Fact[]
}

export interface ComputeRequest {
  switches: Switches
  period: Period
  /** Fields that make one cell per combination of their values; empty: one cell. */
  by: readonly string[]
  /** Only facts with these values. */
  only?: Record<string, string>
  validMs: number
  knownMs: number
  calendar: Calendar
  catalogueVersion: number | null
  item?: CaseContext['item']
  adjudicated?: CaseContext['adjudicated']
}

export function computeKpi(plan: Plan, evidence: Evidence, request: ComputeRequest): KpiValue[] {
  const count = createCount(plan, request)
  if (plan.definition.fact === 'case')
    for (const record of currentCases(evidence.cases, request.knownMs)) count.take(record)
  else
    for (const fact of currentFacts(evidence.facts, plan.definition.fact, request.knownMs, request.validMs))
      count.takeFact(fact)
  return count.values()
}

/** A KPI counted piece by piece: what was counted is kept, not what it was counted from. */
export interface Count {
  /** A case as it was current at the time that is asked for. */
  take(record: CaseRecord): void
  /** A fact that was in force then. */
  takeFact(fact: Fact): void
  values(): KpiValue[]
}

export function kpiValueOf(
  plan: Plan,
  formula: Formula,
  outcome: Outcome,
  dimensions: Record<string, string>,
  request: Pick<ComputeRequest, 'period' | 'validMs' | 'knownMs' | 'calendar' | 'catalogueVersion'>,
): KpiValue {
  const { definition } = plan
  const carries = outcome.state === 'value' || outcome.state === 'zero'
  const ratio = outcome.ratio ? textOf(outcome.ratio) : null
  return {
    kpi: definition.id,
    period: request.period,
    dimensions,
    switches: formula.switches,
    state: carries && isProvisional(plan, request) ? 'provisional' : outcome.state,
    ratio,
    numerator: outcome.numerator,
    denominator: outcome.denominator,
    count: outcome.count,
    groups: outcome.groups,
    exclusions: outcome.exclusions,
    coverage: null,
    target: targetOf(definition, dimensions, request.validMs, outcome.ratio),
    grade: null,
    validMs: request.validMs,
    knownMs: request.knownMs,
    definitionVersion: definition.version,
    catalogueVersion: request.catalogueVersion,
    calendarVersion: request.calendar.version,
  }
}

/** The period is not over, or the days it needs are not announced yet. */
function isProvisional(
  { definition, fields }: Plan,
  request: Pick<ComputeRequest, 'period' | 'validMs' | 'calendar'>,
): boolean {
  const { period, validMs, calendar } = request
  if (period.label === 'all') return false
  if (period.toMs > validMs + 1) return true
  if (!fields.some((name) => calendarFields.has(name))) return false
  const zone = zoneOf(definition.zone)
  return calendar.isProvisional(zone.dayOf(period.fromMs), zone.dayOf(Math.min(period.toMs, validMs)))
}

export function createCount(plan: Plan, request: ComputeRequest): Count {
  const { definition } = plan
  const { validMs, calendar, period } = request
  const formula = formulaOf(plan, request.switches)
  const zone = zoneOf(definition.zone)
  const year = new Date(zone.dayOf(validMs) * 86_400_000).getUTCFullYear()
  const { adjudicated } = request
  const context: CaseContext = {
    ...{ validMs, zone, calendar },
    ...withItems(request, year),
    ...(adjudicated ? { adjudicated } : {}),
  }
  const over = formula.aggregation === 'mean' ? [formula.over] : []
  const dimensions = [...request.by, ...over]
  const cells = new Cells(
    dimensions.map(() => new Names()),
    plan.measures.length,
  )
  const only = Object.entries(request.only ?? {})
  if (definition.fact === 'case')
    for (const name of [...request.by, ...only.map(([one]) => one)])
      if (name !== 'period' && !isCaseField(name))
        throw new CodedError('kpi.field', {
          name: name.slice(0, 64),
          hint: suggest(name, caseFieldNames) || 'See docs/kpi/fields.md; what a mapping adds is extra.<name>.',
        })
  const tally = (fields: () => Fact['fields'], field: (name: string) => unknown): void => {
    if (!only.every(([name, value]) => within(String(field(name) ?? ''), value, name))) return
    const { bits, amounts } = signatureOf(plan, fields())
    const codes = dimensions.map((name, i) => cells.names[i]!.code(String(field(name) ?? '')))
    cells.tally(codes, bits, amounts, 1)
  }
  return {
    take: (record) => {
      const at = cohortOf(record, formula.cohort)
      if (at === undefined || at > validMs || at < period.fromMs || at >= period.toMs) return
      tally(
        () => caseFields(record, plan.fields, context),
        (name) => (name === 'period' ? periodOfDay(zone.dayOf(at), 'month') : caseField(record, name, context)),
      )
    },
    takeFact: ({ fields: given, validFromMs }) => {
      if (formula.cohort === 'period' && (validFromMs < period.fromMs || validFromMs >= period.toMs)) return
      const fields = definition.fact === 'item' ? withLimits(given, calendar, year) : given
      tally(
        () => fields,
        (name) => fields[name],
      )
    },
    values: () =>
      evaluate(plan, formula, cells, request.by.length).map(({ values, outcome }) => {
        const named = Object.fromEntries(request.by.map((field, i) => [field, values[i]!]))
        return kpiValueOf(plan, formula, outcome, named, request)
      }),
  }
}

function withItems({ item, calendar }: ComputeRequest, year: number): Pick<CaseContext, 'item'> {
  if (!item) return {}
  return {
    item: (code, atMs) => {
      const fields = item(code, atMs)
      return fields && withLimits(fields, calendar, year)
    },
  }
}

/** Their codes cover what is below them: 4401 covers 440106. Of anything else `12` is 12 and not 123. */
const placeNames: ReadonlySet<string> = new Set(['region', 'province', 'city', 'county'])

/** `a|b` is either. */
export function within(value: string, wanted: string, name: string): boolean {
  if (wanted.includes('|')) return wanted.split('|').some((one) => within(value, one, name))
  if (value === wanted) return true
  return placeNames.has(name) && /^\d{2,9}$/.test(wanted) && /^\d+$/.test(value) && value.startsWith(wanted)
}

/** When a case falls into a period; undefined: it does not (yet). `none`: it is there from its opening on. */
export function cohortOf(record: CaseRecord, cohort: Formula['cohort']): number | undefined {
  const { openedMs, acceptedMs, closedMs, dueMs } = record
  switch (cohort) {
    case 'opened':
    case 'none':
    case 'period':
      return openedMs ?? acceptedMs ?? undefined
    case 'accepted':
      return acceptedMs ?? openedMs ?? undefined
    case 'closed':
      return closedMs ?? undefined
    case 'due':
      return dueMs ?? undefined
  }
}

/** The highest version of each case known by then; what its sender removed is gone. */
export function currentCases(cases: Evidence['cases'], knownMs: number): CaseRecord[] {
  const latest = new Map<string, { record: CaseRecord; knownMs: number }>()
  for (const one of cases) {
    if (one.knownMs > knownMs) continue
    const before = latest.get(one.record.id)
    if (!before || follows(one.record.version, one.knownMs, before.record.version, before.knownMs))
      latest.set(one.record.id, one)
  }
  return [...latest.values()].map(({ record }) => record).filter(({ withdrawnRecord }) => !withdrawnRecord)
}

/** @param validMs those in force then; what is said of a later span does not undo what held before */
export function currentFacts(facts: readonly Fact[], kind: Fact['kind'], knownMs: number, validMs?: number): Fact[] {
  const latest = createLatest(kind, knownMs, validMs)
  for (const fact of facts) latest.take(fact)
  return latest.inForce()
}

/** The same of a province's catalogue, while others have their turn. */
export async function currentFactsInTurns(
  facts: readonly Fact[],
  kind: Fact['kind'],
  knownMs: number,
  validMs: number,
): Promise<Fact[]> {
  const latest = createLatest(kind, knownMs, validMs)
  const pace = createPace()
  for (const fact of facts) {
    latest.take(fact)
    await pace(true)
  }
  return latest.inForce()
}

function createLatest(kind: Fact['kind'], knownMs: number, validMs: number | undefined) {
  const latest = new Map<string, Fact>()
  const isInForce = ({ validToMs }: Fact): boolean => validMs === undefined || validToMs === null || validMs < validToMs
  return {
    take: (fact: Fact): void => {
      if (fact.kind !== kind || fact.knownMs > knownMs) return
      if (validMs !== undefined && fact.validFromMs > validMs && !fact.removed) return
      const before = latest.get(fact.id)
      if (!before || follows(fact.version, fact.knownMs, before.version, before.knownMs)) latest.set(fact.id, fact)
    },
    inForce: (): Fact[] => [...latest.values()].filter((fact) => !fact.removed && isInForce(fact)),
  }
}

function follows(version: number, knownMs: number, versionBefore: number, knownBefore: number): boolean {
  return version > versionBefore || (version === versionBefore && knownMs >= knownBefore)
}
