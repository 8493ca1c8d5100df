// What was counted of all cases for one definition, by month and dimensions: kept up to date by adding what is new and
// taking back what it replaces, and asked by every page. The cases themselves are not looked at again.
import { type CaseContext, caseField, caseFields } from '../cases/case-fields.ts'
import type { CaseRecord, Fact, StoredCase } from '../contract.ts'
import type { Cohort } from '../definitions/definition.ts'
import type { Plan } from '../definitions/plan.ts'
import { periodOfDay } from '../time/period.ts'
import { type Cell, type Cells, keyOf, mergeCell, tally, valuesOf } from './cells.ts'
import { cohortOf } from './compute.ts'
import { signatureOf } from './signature.ts'

export interface CubeQuery {
  cohort: Cohort
  /** Months; undefined: all of them. */
  months?: ReadonlySet<string>
  by: readonly string[]
  only: Record<string, string>
  matches(value: string, wanted: string): boolean
}

export interface Cube {
  readonly dimensions: readonly string[]
  add(record: CaseRecord, times: 1 | -1): void
  addFact(fields: Fact['fields']): void
  /** The highest of the versions replaces the one before it. */
  apply(fresh: readonly StoredCase[], history: ReadonlyMap<string, readonly StoredCase[]>): void
  /** Time goes on: `open` is everything that may have changed by itself since. */
  advance(context: CaseContext, open: Iterable<CaseRecord>): void
  cells(query: CubeQuery): Cells
  readonly size: number
}

export function createCube(plan: Plan, dimensions: readonly string[], context: CaseContext): Cube {
  const byCohort = new Map<Cohort, Cells>(plan.cohorts.map((cohort) => [cohort, new Map()]))
  let now = context

  const addAt = (record: CaseRecord, times: 1 | -1, at: CaseContext): void => {
    if (record.withdrawnRecord) return
    const { bits, amounts } = signatureOf(plan, caseFields(record, plan.fields, at))
    const values = dimensions.map((name) => String(caseField(record, name, at) ?? ''))
    for (const [cohort, cells] of byCohort) {
      const ms = cohortOf(record, cohort)
      if (ms === undefined || ms > at.validMs) continue
      tally(cells, keyOf([periodOfDay(at.zone.dayOf(ms), 'month'), ...values]), bits, amounts, times)
    }
  }
  return {
    dimensions,
    add: (record, times) => addAt(record, times, now),
    addFact: (fields) => {
      const { bits, amounts } = signatureOf(plan, fields)
      for (const cells of byCohort.values())
        tally(cells, keyOf(['all', ...dimensions.map((name) => String(fields[name] ?? ''))]), bits, amounts)
    },
    apply: (fresh, history) => {
      const byId = new Map<string, StoredCase[]>()
      for (const one of fresh) {
        const versions = byId.get(one.record.id)
        if (versions) versions.push(one)
        else byId.set(one.record.id, [one])
      }
      for (const [id, versions] of byId) {
        const before = highest((history.get(id) ?? []).filter(({ sequence }) => sequence < versions[0]!.sequence))
        const after = highest([...(before ? [before] : []), ...versions])!
        if (before === after) continue
        if (before) addAt(before.record, -1, now)
        addAt(after.record, 1, now)
      }
    },
    advance: (next, open) => {
      for (const record of open) {
        addAt(record, -1, now)
        addAt(record, 1, next)
      }
      now = next
    },
    cells: ({ cohort, months, by, only, matches }) => {
      const found: Cells = new Map()
      const places = by.map((name) => (name === 'period' ? 0 : dimensions.indexOf(name) + 1))
      const wanted = Object.entries(only).map(([name, value]) => [dimensions.indexOf(name) + 1, value] as const)
      for (const [key, cell] of byCohort.get(cohort) ?? []) {
        const values = valuesOf(key)
        if (months && !months.has(values[0]!)) continue
        if (!wanted.every(([place, value]) => matches(values[place] ?? '', value))) continue
        const name = keyOf(places.map((place) => values[place] ?? ''))
        let into: Cell | undefined = found.get(name)
        if (!into) {
          into = new Map()
          found.set(name, into)
        }
        mergeCell(into, cell)
      }
      return found
    },
    get size() {
      return [...byCohort.values()].reduce((sum, cells) => sum + cells.size, 0)
    },
  }
}

function highest(versions: readonly StoredCase[]): StoredCase | undefined {
  return versions.reduce<StoredCase | undefined>(
    (best, one) => (!best || one.record.version >= best.record.version ? one : best),
    undefined,
  )
}
