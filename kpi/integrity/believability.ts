// The grade of any cell: facts of its units and months together. Kept ready by place, since a scorecard asks hundreds of times.
import type { KpiValue } from '../contract.ts'
import { monthsOf } from '../time/period.ts'
import type { Flag } from './finding.ts'
import { type GradedFacts, type GradeGiven, type GradeRules, gradeOf } from './grade.ts'
import { cityOf } from './outages.ts'
import { addFacts, emptyFacts, type UnitFacts } from './unit-facts.ts'

export interface UnitMonth {
  unit: string
  region: string
  month: string
  facts: UnitFacts
}

export interface Believability {
  /** @param only as in a question to the board: names of dimensions with values, `|` between several */
  of(value: Pick<KpiValue, 'period' | 'dimensions'>, only: Record<string, string>): GradeGiven | undefined
  /** What that grade stands on. */
  factsOf(value: Pick<KpiValue, 'period' | 'dimensions'>, only: Record<string, string>): GradedFacts
  unit(unit: string): GradeGiven | undefined
  facts(unit: string): GradedFacts | undefined
  units(): string[]
}

/** What of a flag a grade stands on. */
export type AskedAbout = Pick<Flag, 'unit' | 'state' | 'level' | 'resolution' | 'seen' | 'expected'>

type Months = Map<string, GradedFacts>

export function createBelievability(
  rules: GradeRules,
  rows: readonly UnitMonth[],
  flags: readonly AskedAbout[],
): Believability {
  const asked = questionsByUnit(flags)
  const byPlace = new Map<string, Months>()
  const units = new Map<string, GradedFacts>()
  const cases = new Map<string, number>()
  for (const { unit, facts } of rows) cases.set(unit, (cases.get(unit) ?? 0) + facts.cases)
  for (const { unit, region, month, facts } of rows) {
    const questions = asked.get(unit)
    // Flags are of the whole period: each month has its part of them.
    const part = facts.cases / (cases.get(unit) || 1)
    const graded: GradedFacts = {
      ...facts,
      questioned: (questions?.questioned ?? 0) * part,
      confirmed: (questions?.confirmed ?? 0) * part,
    }
    for (const place of [
      '',
      `department=${unit}`,
      `region=${region}`,
      `city=${cityOf(region)}`,
      `province=${region.slice(0, 2)}`,
    ])
      for (const time of [month, 'all']) add(byPlace, place, time, graded)
    const own = units.get(unit)
    if (own) addGraded(own, graded)
    else units.set(unit, { ...graded })
  }
  const factsOf: Believability['factsOf'] = ({ period, dimensions }, only) => {
    const sum = emptyGraded()
    const months = period.label === 'all' ? ['all'] : [...monthsOf(period.label)]
    for (const place of placesOf({ ...only, ...dimensions }))
      for (const month of months) {
        const facts = byPlace.get(place)?.get(month)
        if (facts) addGraded(sum, facts)
      }
    return sum
  }
  return {
    factsOf,
    of: (value, only) => gradeOf(rules, factsOf(value, only)),
    unit: (unit) => {
      const facts = units.get(unit)
      return facts && gradeOf(rules, facts)
    },
    facts: (unit) => units.get(unit),
    units: () => [...units.keys()],
  }
}

/** The narrowest place that is named. */
function placesOf(named: Record<string, string>): string[] {
  for (const name of ['department', 'region', 'city', 'province'] as const) {
    const value = named[name]
    if (value === undefined || value === '') continue
    return value.split('|').map((one) => {
      if (name !== 'region') return `${name}=${one}`
      return one.length === 2 ? `province=${one}` : one.length === 4 ? `city=${one}` : `region=${one}`
    })
  }
  return ['']
}

function questionsByUnit(flags: readonly AskedAbout[]): Map<string, { questioned: number; confirmed: number }> {
  const found = new Map<string, { questioned: number; confirmed: number }>()
  for (const { unit, state, level, resolution, seen, expected } of flags) {
    const excess = Math.max(0, (seen ?? 0) - (expected ?? 0))
    const one = found.get(unit) ?? { questioned: 0, confirmed: 0 }
    // Several rules see the same cases: the largest stands for them.
    if (level === 'question' && state === 'open' && resolution !== 'explained' && resolution !== 'corrected')
      one.questioned = Math.max(one.questioned, excess)
    if (resolution === 'confirmed') one.confirmed = Math.max(one.confirmed, excess)
    found.set(unit, one)
  }
  return found
}

function add(byPlace: Map<string, Months>, place: string, month: string, facts: GradedFacts): void {
  const months = byPlace.get(place) ?? new Map<string, GradedFacts>()
  byPlace.set(place, months)
  const sum = months.get(month)
  if (sum) addGraded(sum, facts)
  else months.set(month, { ...facts })
}

function emptyGraded(): GradedFacts {
  return { ...emptyFacts(), questioned: 0, confirmed: 0 }
}

function addGraded(to: GradedFacts, from: GradedFacts): void {
  addFacts(to, from)
}
