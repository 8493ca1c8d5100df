// What a brief says, gathered from the board: figures, the period before, cities in order, and why a figure moved.

import type { NoteOfCell } from '../annotations/annotations.ts'
import type { Board, Question } from '../board/board.ts'
import { type Ranked, rankValues } from '../board/ranking.ts'
import { decompose, difference, type Step } from '../board/waterfall.ts'
import type { KpiValue, Period } from '../contract.ts'
import type { Definition } from '../definitions/definition.ts'
import { compare, fromText, subtract, sum } from '../rational.ts'
import type { StoredRestatement } from '../restatements.ts'
import { firstDayOfWeek, parsePeriod, weekOfDay } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import type { BriefLanguage } from './language.ts'

export interface BriefRow {
  definition: Definition
  value: KpiValue
  before: KpiValue | null
  cities: KpiValue[]
  ranking: Ranked[]
  /** By city and department, when they were asked for. */
  departments: KpiValue[]
  /** Parts that add up to the change exactly; empty where there is no change or it cannot be taken apart. */
  steps: Step[]
}

/** The head of a document of this kind (简报): who gives it out, under which number, for whose eyes. */
export interface Masthead {
  title: string
  /** Who compiles it (编印单位); empty: nobody is named. */
  issuer: string
  /** As the organisation marks it (密级), e.g. 内部; empty: not marked. */
  classification: string
  /** The number within its year and of all; null for one that is not kept. */
  number: { issue: number; total: number } | null
  /** The day that is printed on it; null: none. */
  dateMs: number | null
}

export interface Brief {
  masthead: Masthead
  language: BriefLanguage
  period: Period
  /** Label of the period before. */
  previous: string
  asOfMs: number
  knownMs: number
  catalogueVersion: number | null
  /** Some of the cases are examples. */
  synthetic: boolean
  /** What it covers, in words. */
  scope: string
  /** `note`: as it was signed. */
  checkpoint: { origin: string; size: number; root: string; note: string } | null
  cityNames: ReadonlyMap<string, string>
  departmentNames: ReadonlyMap<string, string>
  /** What was said otherwise since, and what people wrote beside figures of the period. */
  restated: readonly StoredRestatement[]
  notes: readonly NoteOfCell[]
  /** The run of the checks that the grades are by, where it came after what was known; null: they are of that time. */
  gradedMs: number | null
  /** Names and units of every indicator, of which the rows are the six. */
  definitions: ReadonlyMap<string, Pick<Definition, 'name' | 'unit'>>
  rows: BriefRow[]
}

export interface BriefRequest {
  period: string
  /** Undefined: now. Both given: the same brief again. */
  asOfMs?: number
  knownMs?: number
  only: Record<string, string>
  nowMs: number
  /** Departments as well: one question more for each indicator. */
  departments?: boolean
}

export type BriefSurroundings = Pick<
  Brief,
  | 'masthead'
  | 'language'
  | 'synthetic'
  | 'scope'
  | 'checkpoint'
  | 'cityNames'
  | 'departmentNames'
  | 'restated'
  | 'notes'
  | 'gradedMs'
>

/** @throws CodedError `body.invalid` for what is no period */
export async function gatherBrief(board: Board, request: BriefRequest, around: BriefSurroundings): Promise<Brief> {
  const period = briefPeriod(request.period)
  const previous = periodBefore(period.label)
  const rowOf = async (definition: Definition): Promise<BriefRow[]> => {
    const question = (label: string, by: string[]): Question => questionOf(definition, label, by, request)
    // Both by the definition of this period; what another one did before is a step of its own.
    const version = board.planFor(question(period.label, []))?.definition.version
    if (version === undefined) return []
    const ask = (label: string, by: string[], more: { version?: string } = { version }): Promise<KpiValue[]> =>
      board.values({ ...question(label, by), ...more })
    const hasDepartments = request.departments === true && definition.dimensions.includes('department')
    // All at once: of a moment that is over, the cases are looked at once for all of them.
    const [[whole], [before = null], [sameWay = null], cities, citiesBefore, departments] = await Promise.all([
      ask(period.label, [], {}),
      ask(previous, [], {}),
      ask(previous, []),
      ask(period.label, ['city']),
      ask(previous, ['city']),
      hasDepartments ? ask(period.label, ['city', 'department']) : [],
    ])
    if (!whole) return []
    const named = cities.filter(({ dimensions }) => dimensions['city'] !== '')
    const steps =
      before && sameWay
        ? exactSteps(whole, before, [
            ...(before.definitionVersion === version ? [] : [difference('definition', before, sameWay)]),
            ...decompose({ whole: sameWay, groups: citiesBefore }, { whole, groups: cities }),
          ])
        : []
    return [
      {
        ...{ definition, value: whole, before, cities, departments, steps },
        ranking: rankValues(named, definition.direction),
      },
    ]
  }
  const six = board.plans().filter(({ definition }) => definition.group === 'six')
  const rows = (await Promise.all(six.map(({ definition }) => rowOf(definition)))).flat()
  rows.sort((a, b) => (a.definition.id < b.definition.id ? -1 : 1))
  return {
    ...{ period, previous, rows },
    asOfMs: request.asOfMs ?? request.nowMs,
    knownMs: request.knownMs ?? request.nowMs,
    catalogueVersion: rows[0]?.value.catalogueVersion ?? null,
    definitions: new Map(board.plans().map(({ definition }) => [definition.id, definition])),
    ...around,
  }
}

export function briefPeriod(label: string): Period {
  // `all` has no end, and so no date and nothing before it.
  return parsePeriod(label === 'all' ? '' : label, zoneOf('Asia/Shanghai'))
}

/** `2026-09` of `2026-10`, `2026-W40` of `2026-W41`, `2026-Q2` of `2026-Q3`. */
export function periodBefore(label: string): string {
  const monday = firstDayOfWeek(label)
  if (monday !== undefined) return weekOfDay(monday - 7)
  const [year = '', part = '', day] = label.split('-')
  if (part === '') return String(Number(year) - 1)
  if (day !== undefined) return new Date(Date.parse(label) - 86_400_000).toISOString().slice(0, 10)
  if (part.startsWith('Q')) return part === 'Q1' ? `${Number(year) - 1}-Q4` : `${year}-Q${Number(part[1]) - 1}`
  return part === '01' ? `${Number(year) - 1}-12` : `${year}-${String(Number(part) - 1).padStart(2, '0')}`
}

function questionOf({ id, fact }: Definition, label: string, by: string[], request: BriefRequest): Question {
  const { asOfMs, knownMs, only, nowMs } = request
  const question = { kpi: id, switches: {}, period: label, by, only, gradedSince: true }
  if (fact === 'case')
    return {
      ...question,
      ...(asOfMs === undefined ? {} : { validMs: asOfMs }),
      ...(knownMs === undefined ? {} : { knownMs }),
    }
  // A state of the catalogue has no cases to date it: it is taken at the end of the period, as known then as now.
  const { toMs } = briefPeriod(label)
  return { ...question, validMs: Math.min(toMs - 1, asOfMs ?? nowMs), knownMs: knownMs ?? nowMs }
}

/** Means over items are no sum over cities: steps that do not give the change are not shown. */
function exactSteps(after: KpiValue, before: KpiValue, steps: Step[]): Step[] {
  if (!after.ratio || !before.ratio) return []
  const change = subtract(fromText(after.ratio), fromText(before.ratio))
  return change.n !== 0n && compare(sum(steps.map((one) => fromText(one.change))), change) === 0 ? steps : []
}
