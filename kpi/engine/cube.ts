// What was counted of all cases for one definition, by month and dimensions: kept up to date by adding what is new and
// taking back what it replaces, and asked by every page. The cases themselves are not looked at again.
//
// Three grains, from coarse to fine: cities; everything but the item; the items. The coarsest stays in memory. Of the
// others only what was counted since the last sealing does; the rest lies in files of one month, and of one year.
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { type CaseContext, caseField, caseFields } from '../cases/case-fields.ts'
import type { CaseRecord, Fact, StoredCase } from '../contract.ts'
import type { Cohort } from '../definitions/definition.ts'
import type { Plan } from '../definitions/plan.ts'
import { periodOfDay } from '../time/period.ts'
import { Cells, Names } from './cells.ts'
import { cohortOf } from './compute.ts'
import { signatureOf } from './signature.ts'

export interface CubeQuery {
  cohort: Cohort
  /** Months; undefined: all of them. */
  months?: ReadonlySet<string>
  by: readonly string[]
  only: Record<string, string>
  matches(value: string, wanted: string, name: string): boolean
}

/** What is in files. */
export interface SealedCells {
  months(cohort: Cohort): readonly string[]
  /** @param mayHold whether a block with these lowest and highest codes is asked for */
  blocks(
    at: { cohort: Cohort; month: string; grain: number },
    mayHold: (min: readonly number[], max: readonly number[]) => boolean,
  ): Iterable<Cells>
}

/** One month, or the sum of a year's, to be written: everything that is known of it, by grain. */
export interface MonthToSeal {
  cohort: Cohort
  /** `2026-10`, or `2026` for the sum. */
  month: string
  grains: Cells[]
}

export interface Cube {
  readonly dimensions: readonly string[]
  add(record: CaseRecord, times: 1 | -1): void
  addFact(fields: Fact['fields'], times: 1 | -1): void
  /** The highest of the versions replaces the one before it. */
  apply(fresh: readonly StoredCase[], history: ReadonlyMap<string, readonly StoredCase[]>): void
  /** Time goes on: to be called back with everything that may have changed by itself since. */
  advance(context: CaseContext): (open: CaseRecord) => void
  cells(query: CubeQuery): Promise<Cells>
  /** Months that were counted into since they were sealed last, each with what its file is to hold. */
  toSeal(): AsyncIterable<MonthToSeal>
  /** Its file is written: memory lets go of it. */
  sealed(cohort: Cohort, month: string): void
  /** What stays in memory, at the start. @throws Error when a file is damaged */
  load(): void
  /** Rows in memory. */
  readonly size: number
}

const noFiles: SealedCells = { months: () => [], blocks: () => [] }
/** Of facts that have no month. */
const allMonths = 'all'

/** @param namesOf texts of a dimension, shared by all cubes that have it */
export function createCube(
  plan: Plan,
  dimensions: readonly string[],
  context: CaseContext,
  { namesOf = ownNames(), files = noFiles }: { namesOf?: (dimension: string) => Names; files?: SealedCells } = {},
): Cube {
  const names = dimensions.map(namesOf)
  const monthNames = namesOf('period')
  const grains = grainsOf(dimensions)
  const top = 0
  const newCells = (grain: number): Cells =>
    new Cells(
      grains[grain]!.map((place) => names[place]!),
      plan.measures.length,
    )
  /** By grain and month. */
  const live = new Map<Cohort, Map<string, Cells>[]>(
    plan.cohorts.map((cohort) => [cohort, grains.map(() => new Map<string, Cells>())]),
  )
  const touched = new Map<Cohort, Set<string>>(plan.cohorts.map((cohort) => [cohort, new Set()]))
  let now = context

  const codes = new Int32Array(dimensions.length)
  const scratch = new Int32Array(dimensions.length)
  const count = (
    cohort: Cohort,
    month: string,
    bits: number,
    amounts: Parameters<Cells['tally']>[2],
    times: 1 | -1,
  ): void => {
    touched.get(cohort)!.add(month)
    const all = live.get(cohort)!
    for (let grain = 0; grain < grains.length; grain++) {
      const places = grains[grain]!
      for (let i = 0; i < places.length; i++) scratch[i] = codes[places[i]!]!
      cellsOf(all, grain, month).tally(scratch, bits, amounts, times)
    }
  }
  const cellsOf = (all: Map<string, Cells>[], grain: number, month: string): Cells => {
    let found = all[grain]!.get(month)
    if (!found) {
      found = newCells(grain)
      all[grain]!.set(month, found)
    }
    return found
  }
  const addAt = (record: CaseRecord, times: 1 | -1, at: CaseContext): void => {
    if (record.withdrawnRecord) return
    const { bits, amounts } = signatureOf(plan, caseFields(record, plan.fields, at))
    for (let i = 0; i < dimensions.length; i++)
      codes[i] = names[i]!.code(String(caseField(record, dimensions[i]!, at) ?? ''))
    for (const cohort of plan.cohorts) {
      const ms = cohortOf(record, cohort)
      if (ms === undefined || ms > at.validMs) continue
      count(cohort, periodOfDay(at.zone.dayOf(ms), 'month'), bits, amounts, times)
    }
  }

  const addFiles = async (into: Cells, cohort: Cohort, labels: readonly string[], grain: number): Promise<void> => {
    for (const month of labels.filter((label) => files.months(cohort).includes(label)))
      for (const block of files.blocks({ cohort, month, grain }, () => true)) {
        copyRows(into, block)
        await yieldToOthers()
      }
  }
  const copyRows = (into: Cells, from: Cells): void => {
    for (let row = 0; row < from.size; row++) {
      for (let i = 0; i < into.names.length; i++) scratch[i] = from.code(row, i)
      into.merge(scratch, from, row)
    }
  }

  return {
    dimensions,
    add: (record, times) => addAt(record, times, now),
    addFact: (fields, times) => {
      const { bits, amounts } = signatureOf(plan, fields)
      for (let i = 0; i < dimensions.length; i++) codes[i] = names[i]!.code(String(fields[dimensions[i]!] ?? ''))
      for (const cohort of plan.cohorts) count(cohort, allMonths, bits, amounts, times)
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
    advance: (next) => {
      const before = now
      now = next
      return (record) => {
        addAt(record, -1, before)
        addAt(record, 1, next)
      }
    },
    cells: async ({ cohort, months, by, only, matches }) => {
      const wanted = Object.entries(only).map(([name, value]) => {
        const place = dimensions.indexOf(name)
        return { place, holds: lazily((code) => matches(names[place]!.texts[code]!, value, name)) }
      })
      const places = by.map((name) => (name === 'period' ? -1 : dimensions.indexOf(name)))
      const found = new Cells(
        places.map((place) => (place < 0 ? monthNames : names[place]!)),
        plan.measures.length,
      )
      const target = new Int32Array(places.length)
      const asked = (month: string): boolean => !months || months.has(month)
      const grain = grains.findIndex((own) =>
        [...places, ...wanted.map(({ place }) => place)].every((place) => place < 0 || own.includes(place)),
      )
      const columns = places.map((place) => (place < 0 ? -1 : grains[grain]!.indexOf(place)))
      const tests = wanted.map(({ place, holds }) => ({ column: grains[grain]!.indexOf(place), holds }))
      const take = (cells: Cells, month: number): void => {
        rows: for (let row = 0; row < cells.size; row++) {
          for (const { column, holds } of tests) if (!holds(cells.code(row, column))) continue rows
          for (let i = 0; i < columns.length; i++) target[i] = columns[i]! < 0 ? month : cells.code(row, columns[i]!)
          found.merge(target, cells, row)
        }
      }
      for (const [month, fresh] of live.get(cohort)?.[grain] ?? [])
        if (asked(month)) take(fresh, monthNames.code(month))
      if (grain === top) return found
      const mayHold = (min: readonly number[], max: readonly number[]): boolean =>
        tests.every(({ column, holds }) => {
          for (let code = min[column]!; code <= max[column]!; code++) if (holds(code)) return true
          return false
        })
      for (const label of filesFor(files.months(cohort), months, places.includes(-1)))
        for (const block of files.blocks({ cohort, month: label, grain }, mayHold)) {
          // Of a year's sum nobody asks the month.
          take(block, monthNames.code(label))
          await yieldToOthers()
        }
      return found
    },
    async *toSeal() {
      for (const cohort of plan.cohorts) {
        const all = live.get(cohort)!
        const months = [...touched.get(cohort)!]
        for (const month of months) {
          const whole = grains.map((_, grain) => (grain === top ? cellsOf(all, top, month) : newCells(grain)))
          for (let grain = 1; grain < grains.length; grain++) {
            await addFiles(whole[grain]!, cohort, [month], grain)
            copyRows(whole[grain]!, cellsOf(all, grain, month))
          }
          yield { cohort, month, grains: whole }
        }
        for (const year of new Set(months.filter((month) => month !== allMonths).map((month) => month.slice(0, 4)))) {
          const ofYear = files.months(cohort).filter((label) => label.startsWith(`${year}-`))
          const whole = grains.map((_, grain) => newCells(grain))
          for (let grain = 1; grain < grains.length; grain++) await addFiles(whole[grain]!, cohort, ofYear, grain)
          yield { cohort, month: year, grains: whole }
        }
      }
    },
    sealed: (cohort, month) => {
      touched.get(cohort)?.delete(month)
      live.get(cohort)?.forEach((months, grain) => {
        if (grain !== top) months.delete(month)
      })
    },
    load: () => {
      for (const [cohort, all] of live)
        for (const month of files.months(cohort))
          if (!isYear(month))
            for (const block of files.blocks({ cohort, month, grain: top }, () => true))
              copyRows(cellsOf(all, top, month), block)
    },
    get size() {
      let size = 0
      for (const all of live.values()) for (const months of all) for (const cells of months.values()) size += cells.size
      return size
    },
  }
}

/** Places of the dimensions of each grain; a grain that would hold no less than the next is left out. */
function grainsOf(dimensions: readonly string[]): number[][] {
  const places = dimensions.map((_, place) => place)
  const withoutItem = places.filter((place) => dimensions[place] !== 'item')
  const cities = places.filter((place) => dimensions[place] === 'city')
  return [cities, withoutItem, places].filter((own, i, all) => i === 0 || own.length > all[i - 1]!.length)
}

function isYear(label: string): boolean {
  return label.length === 4
}

/** Files that hold the months asked for, years at once where all of a year counts and months are not told apart. */
function filesFor(labels: readonly string[], months: ReadonlySet<string> | undefined, byMonth: boolean): string[] {
  const ofMonths = labels.filter((label) => !isYear(label))
  const asked = ofMonths.filter((label) => !months || months.has(label))
  if (byMonth) return asked
  const whole = new Set(
    labels.filter(
      (label) =>
        isYear(label) &&
        ofMonths.filter((month) => month.startsWith(`${label}-`)).every((month) => !months || months.has(month)),
    ),
  )
  return [...asked.filter((month) => !whole.has(month.slice(0, 4))), ...whole]
}

function ownNames(): (dimension: string) => Names {
  const all = new Map<string, Names>()
  return (dimension) => {
    let found = all.get(dimension)
    if (!found) {
      found = new Names()
      all.set(dimension, found)
    }
    return found
  }
}

/** A test of codes whose answer is looked up the second time. */
function lazily(test: (code: number) => boolean): (code: number) => boolean {
  let known = new Uint8Array(1024)
  return (code) => {
    if (code >= known.length) {
      const wider = new Uint8Array(Math.max(code + 1, known.length * 2))
      wider.set(known)
      known = wider
    }
    if (known[code] === 0) known[code] = test(code) ? 2 : 1
    return known[code] === 2
  }
}

/** What is current of a case. */
export function highest(versions: readonly StoredCase[]): StoredCase | undefined {
  return versions.reduce<StoredCase | undefined>(
    (best, one) => (!best || one.record.version >= best.record.version ? one : best),
    undefined,
  )
}
