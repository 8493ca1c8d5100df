// The figures of now, kept ready: one cube per definition, fed from the case store and the catalogue. Figures of another
// pair of times are worked out from the evidence itself.
import type { CaseContext } from '../cases/case-fields.ts'
import { withLimits } from '../cases/item-fields.ts'
import type { CaseRecord, CaseStore, Catalogue, Fact, KpiValue, StoredCase, Switches } from '../contract.ts'
import type { LoadedDefinitions } from '../definitions/load.ts'
import { formulaOf, type Plan } from '../definitions/plan.ts'
import { type Cells, keyOf, valuesOf } from '../engine/cells.ts'
import { computeKpi, currentFacts, kpiValueOf, within } from '../engine/compute.ts'
import { type Cube, createCube } from '../engine/cube.ts'
import { evaluateCells } from '../engine/evaluate.ts'
import { type Calendar, calendarAt } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'

export interface BoardDeps {
  definitions: LoadedDefinitions
  calendars: readonly Calendar[]
  cases: CaseStore
  /** Facts of the catalogue, every version. */
  facts(): readonly Fact[]
  catalogueVersion(): Catalogue['version'] | null
  nowMs(): number
}

export interface Question {
  kpi: string
  switches: Switches
  /** `2026-10`, `2026-Q3`, `2026` or `all`. */
  period: string
  by: readonly string[]
  only: Record<string, string>
  /** Both undefined: now. */
  validMs?: number
  knownMs?: number
}

export interface Board {
  /** Takes in what arrived, and lets time go on. */
  refresh(): Promise<void>
  values(question: Question): Promise<KpiValue[]>
  plans(): Plan[]
  /** @returns undefined when there is no such definition */
  plan(id: string): Plan | undefined
  readonly sequence: number
}

const batch = 20_000

export function createBoard({ definitions, calendars, cases, facts, catalogueVersion, nowMs }: BoardDeps): Board {
  const plans = [...definitions.byId.values()].map(({ plan }) => plan)
  const cubes = new Map<string, { cube: Cube; validMs: number }>()
  let sequence = 0
  let version: number | null = -1
  let validMs = 0
  let running: Promise<void> = Promise.resolve()

  const contextOf = (plan: Plan, atMs: number): CaseContext => {
    const zone = zoneOf(plan.definition.zone)
    const calendar = calendarAt(calendars, plan.definition.calendar, atMs)!
    const year = new Date(zone.dayOf(atMs) * 86_400_000).getUTCFullYear()
    const items = itemsOf(facts(), atMs)
    return {
      validMs: atMs,
      zone,
      calendar,
      item: (code, at) => {
        const fields = items(code, at)
        return fields && withLimits(fields, calendar, year)
      },
    }
  }
  const dimensionsOf = ({ definition }: Plan): string[] => [
    ...new Set([
      'region',
      'city',
      ...definition.dimensions,
      ...(definition.over ? [definition.over] : []),
      ...Object.values(definition.switches).flatMap(({ options }) =>
        Object.values(options).flatMap(({ over }) => (over ? [over] : [])),
      ),
    ]),
  ]

  const rebuild = (atMs: number): void => {
    cubes.clear()
    sequence = 0
    for (const plan of plans) {
      const context = contextOf(plan, atMs)
      const cube = createCube(plan, dimensionsOf(plan), context)
      cubes.set(plan.definition.id, { cube, validMs: atMs })
      if (plan.definition.fact === 'case') continue
      const year = new Date(context.zone.dayOf(atMs) * 86_400_000).getUTCFullYear()
      for (const fact of currentFacts(facts(), plan.definition.fact, atMs)) {
        if (fact.validFromMs > atMs || (fact.validToMs !== null && fact.validToMs <= atMs)) continue
        const { fields } = withCity(fact)
        cube.addFact(plan.definition.fact === 'item' ? withLimits(fields, context.calendar, year) : fields)
      }
    }
    version = catalogueVersion()
    validMs = atMs
  }

  const refresh = async (): Promise<void> => {
    const atMs = nowMs()
    const anew = version !== catalogueVersion() || cubes.size === 0
    if (anew) rebuild(atMs)
    for (;;) {
      const fresh = await cases.since(sequence, batch)
      if (fresh.length === 0) break
      // Only a corrected or a late record has others before it.
      const history =
        sequence === 0
          ? new Map<string, StoredCase[]>()
          : await cases.history([...new Set(fresh.map(({ record }) => record.id))])
      for (const plan of plans)
        if (plan.definition.fact === 'case') cubes.get(plan.definition.id)!.cube.apply(fresh, history)
      sequence = fresh.at(-1)!.sequence
      if (fresh.length < batch) break
    }
    // What is new was counted as of the time before, like what it replaces; only now time goes on for both.
    if (!anew) await advance(atMs)
  }
  /** What was open may be late now. */
  const advance = async (atMs: number): Promise<void> => {
    const open: CaseRecord[] = []
    for await (const part of cases.scan({ openAtMs: validMs }))
      open.push(...part.filter((one) => one.sequence <= sequence).map(({ record }) => record))
    for (const plan of plans)
      if (plan.definition.fact === 'case') cubes.get(plan.definition.id)!.cube.advance(contextOf(plan, atMs), open)
    validMs = atMs
  }

  return {
    refresh: () => {
      running = running.then(refresh, refresh)
      return running
    },
    values: async (question) => {
      const plan = definitions.byId.get(question.kpi)?.plan
      if (!plan) return []
      // Asked before the first figures were ready.
      if (cubes.size === 0) await running
      const isNow = question.validMs === undefined && question.knownMs === undefined
      const known =
        isNow &&
        [...question.by, ...Object.keys(question.only)].every(
          (name) => name === 'period' || cubes.get(question.kpi)?.cube.dimensions.includes(name),
        )
      return known && cubes.has(question.kpi) && isWholeMonths(question.period)
        ? fromCube(plan, question)
        : fromEvidence(plan, question)
    },
    plans: () => plans,
    plan: (id) => definitions.byId.get(id)?.plan,
    get sequence() {
      return sequence
    },
  }

  function fromCube(plan: Plan, { switches, period: label, by, only }: Question): KpiValue[] {
    const { cube } = cubes.get(plan.definition.id)!
    const formula = formulaOf(plan, switches)
    const zone = zoneOf(plan.definition.zone)
    const period = parsePeriod(label, zone)
    const months = label === 'all' || plan.definition.fact !== 'case' ? {} : { months: monthsOf(label) }
    const over = formula.aggregation === 'mean' ? [formula.over] : []
    const cells = cube.cells({ cohort: formula.cohort, ...months, by: [...by, ...over], only, matches: within })
    const request = {
      period,
      validMs,
      knownMs: validMs,
      calendar: calendarAt(calendars, plan.definition.calendar, validMs)!,
      catalogueVersion: catalogueVersion(),
    }
    return grouped(cells, by).map(([values, inside]) =>
      kpiValueOf(plan, formula, evaluateCells(plan, formula, inside, by.length), dimensionsFrom(by, values), request),
    )
  }

  async function fromEvidence(plan: Plan, question: Question): Promise<KpiValue[]> {
    const zone = zoneOf(plan.definition.zone)
    const at = question.validMs ?? nowMs()
    const knownMs = question.knownMs ?? nowMs()
    const found: { record: CaseRecord; knownMs: number }[] = []
    if (plan.definition.fact === 'case') for await (const part of cases.scan({ knownMs })) found.push(...part)
    const items = itemsOf(facts(), knownMs)
    return computeKpi(
      plan,
      { cases: found, facts: facts().map(withCity) },
      {
        ...{
          switches: question.switches,
          period: parsePeriod(question.period, zone),
          by: question.by,
          only: question.only,
        },
        ...{ validMs: at, knownMs, calendar: calendarAt(calendars, plan.definition.calendar, knownMs)! },
        ...{ catalogueVersion: catalogueVersion(), item: items },
      },
    )
  }
}

/** Cities are the first four digits of a region's code, for the catalogue as for cases. */
function withCity(fact: Fact): Fact {
  return { ...fact, fields: { ...fact.fields, city: String(fact.fields['region'] ?? '').slice(0, 4) } }
}

/** The row of an item that was in force at a time, as far as it was known. */
function itemsOf(facts: readonly Fact[], knownMs: number): (code: string, atMs: number) => Fact['fields'] | undefined {
  const byCode = new Map<string, Fact[]>()
  for (const fact of facts) {
    if (fact.kind !== 'item' || fact.knownMs > knownMs || fact.removed) continue
    const code = String(fact.fields['code'] ?? fact.id)
    const list = byCode.get(code)
    if (list) list.push(fact)
    else byCode.set(code, [fact])
  }
  return (code, atMs) =>
    byCode
      .get(code)
      ?.findLast(({ validFromMs, validToMs }) => validFromMs <= atMs && (validToMs === null || atMs < validToMs))
      ?.fields
}

/** Cells by the values of the asked dimensions, in order. */
function grouped(cells: Cells, by: readonly string[]): [string[], Cells][] {
  const found = new Map<string, Cells>()
  for (const [key, cell] of cells) {
    const name = keyOf(valuesOf(key).slice(0, by.length))
    const inside = found.get(name)
    if (inside) inside.set(key, cell)
    else found.set(name, new Map([[key, cell]]))
  }
  if (found.size === 0 && by.length === 0) found.set('', new Map())
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inside]) => [valuesOf(name), inside])
}

function dimensionsFrom(by: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(by.map((name, i) => [name, values[i]!]))
}

function isWholeMonths(label: string): boolean {
  return !/^\d{4}-\d\d-\d\d$/.test(label)
}

export function monthsOf(label: string): Set<string> {
  if (/^\d{4}-\d\d$/.test(label)) return new Set([label])
  const [year, quarter] = label.split('-Q')
  const first = quarter ? Number(quarter) * 3 - 2 : 1
  return new Set(Array.from({ length: quarter ? 3 : 12 }, (_, i) => `${year}-${String(first + i).padStart(2, '0')}`))
}
