// Checks A to F, H, I and J on figures that somebody publishes: which field is what is data (docs/kpi/integrity.md), so that
// any table of figures can be asked.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { formatProblem, readYaml } from '#core/yaml-source.ts'
import type { Fact, FactScalar } from '../contract.ts'
import { digitHeaping } from './case-patterns.ts'
import type { IntegrityFinding } from './finding.ts'
import {
  defaultValue,
  denominatorJump,
  linkedCounts,
  massBalance,
  partExceedsWhole,
  partsMustSum,
} from './published-figures.ts'
import { flatLining, type Publication, type Restatements, restatedCells, type Series, tenfoldJumps } from './series.ts'

const names = z.array(z.string()).min(1)
export const figureChecksSchema = z.strictObject({
  item: z.string().optional().describe('Field that names the thing of which figures are published; none: one thing'),
  period: z.string().describe('Field with the period: a date, 2020-01, 2020-Q1 or 2020'),
  step: z.enum(['month', 'quarter', 'year']).describe('How far apart periods that follow one another are'),
  measures: names.optional().describe('Fields that are figures: one row has several'),
  name: names.optional().describe('Fields that together name a figure, with `/` between: one row has one …'),
  value: z.string().optional().describe('… and this field is its value'),
  sums: z
    .array(z.strictObject({ total: z.string(), parts: z.string().describe('A name; `*` stands for the rest of it') }))
    .default([])
    .describe('A'),
  parts: z
    .array(z.strictObject({ part: z.string(), whole: z.string() }))
    .default([])
    .describe('B'),
  balances: z
    .array(z.strictObject({ opened: z.string(), closed: z.string(), stock: z.string().optional() }))
    .default([])
    .describe('C; with `stock` at the end of each period, the one before is its beginning'),
  links: z
    .array(z.strictObject({ one: names, other: names }))
    .default([])
    .describe('D: two counts of one thing, each a sum'),
  answers: z.array(z.string()).default([]).describe('E: names with `*` whose shares should not be one answer'),
  denominators: z.array(z.string()).default([]).describe('F, from each period to the next that has one'),
  digits: z.array(z.string()).default([]).describe('H: all values of the name together'),
  series: z.array(z.string()).default([]).describe('I'),
})
export type FigureChecks = z.output<typeof figureChecksSchema>

/** @throws CodedError `kpi.input` */
export function readFigureChecks(file: string): FigureChecks {
  const { value, problems } = readYaml(file, readFileSync(file, 'utf8'), figureChecksSchema)
  if (value && (value.measures !== undefined) !== (value.name !== undefined && value.value !== undefined)) return value
  const cause = problems[0] ? formatProblem(problems[0]) : 'give `measures`, or `name` and `value`'
  throw new CodedError('kpi.input', { file, row: '', cause, hint: problems[0]?.hint || 'See docs/kpi/integrity.md.' })
}

export interface FiguresChecked {
  findings: IntegrityFinding[]
  /** Between the first and the last publication; undefined when there is one only. */
  restatements: Restatements | undefined
  cells: number
}

/** Item → period → name → value; null: the cell is there and empty. */
type Table = Map<string, Map<string, Map<string, number | null>>>

export function checkFigures(facts: readonly Fact[], checks: FigureChecks): FiguresChecked {
  const publications = [...new Set(facts.map(({ knownMs }) => knownMs))].sort((a, b) => a - b)
  const [first, last] = [publications[0], publications.at(-1)]
  if (last === undefined) return { findings: [], restatements: undefined, cells: 0 }
  const now = tableOf(facts, checks, last, publications.length > 1)
  const findings: IntegrityFinding[] = []
  let cells = 0
  for (const [item, periods] of now) {
    for (const [period, figures] of periods) {
      cells += figures.size
      findings.push(...ofPeriod(item, period, figures, checks))
    }
    findings.push(...ofSeries(item, periods, checks))
  }
  for (const name of checks.digits) {
    const values = [...now.values()].flatMap((periods) =>
      [...periods.values()].flatMap((figures) => figures.get(name) ?? []),
    )
    const finding = digitHeaping(name, values)
    if (finding) findings.push(finding)
  }
  const restatements = first === last ? undefined : restatedCells(flat(tableOf(facts, checks, first!, true)), flat(now))
  return { findings: [...findings, ...(restatements?.findings ?? [])], restatements, cells }
}

function tableOf(facts: readonly Fact[], checks: FigureChecks, knownMs: number, onlyThen: boolean): Table {
  const table: Table = new Map()
  for (const { fields, removed, knownMs: at } of facts) {
    if (removed || (onlyThen && at !== knownMs)) continue
    const item = textOf(checks.item === undefined ? '' : fields[checks.item])
    const period = periodOf(textOf(fields[checks.period]), checks.step)
    const periods = table.get(item) ?? new Map<string, Map<string, number | null>>()
    table.set(item, periods)
    const figures = periods.get(period) ?? new Map<string, number | null>()
    periods.set(period, figures)
    if (checks.measures) for (const name of checks.measures) figures.set(name, numberOf(fields[name]))
    else figures.set(checks.name!.map((name) => textOf(fields[name])).join('/'), numberOf(fields[checks.value!]))
  }
  return table
}

function ofPeriod(
  item: string,
  period: string,
  figures: ReadonlyMap<string, number | null>,
  checks: FigureChecks,
): IntegrityFinding[] {
  const unit = item || period
  const value = (name: string): number | undefined => figures.get(name) ?? undefined
  const found: (IntegrityFinding | undefined)[] = []
  for (const { total, parts } of checks.sums) {
    const whole = value(total)
    const inside = partsOf(figures, parts).filter(([name]) => name !== total)
    if (whole !== undefined && inside.length > 0)
      found.push(partsMustSum(unit, `${period} ${total}`, whole, Object.fromEntries(inside)))
  }
  for (const { part, whole } of checks.parts) {
    const [a, b] = [value(part), value(whole)]
    if (a !== undefined && b !== undefined) found.push(partExceedsWhole(unit, `${period} ${part}`, a, b))
  }
  for (const { opened, closed, stock } of checks.balances) {
    const [a, b] = [value(opened), value(closed)]
    if (a !== undefined && b !== undefined && stock === undefined)
      found.push(massBalance(unit, { opened: a, closed: b, stockBefore: null, stockAfter: null }))
  }
  for (const { one, other } of checks.links) {
    const [a, b] = [sumOf(one.map(value)), sumOf(other.map(value))]
    if (a !== undefined && b !== undefined)
      found.push(linkedCounts(unit, { name: one.join(' + '), count: a }, { name: other.join(' + '), count: b }))
  }
  return found.filter((one) => one !== undefined)
}

function ofSeries(
  item: string,
  periods: ReadonlyMap<string, ReadonlyMap<string, number | null>>,
  checks: FigureChecks,
): IntegrityFinding[] {
  const inOrder = [...periods].sort(([a], [b]) => (a < b ? -1 : 1))
  const found: (IntegrityFinding | undefined)[] = []
  const seriesOf = (name: string): Series => ({
    ...{ unit: item || name, name },
    points: inOrder.flatMap(([period, figures]) => {
      const value = figures.get(name)
      return value === null || value === undefined ? [] : [{ period, at: ordinalOf(period), value }]
    }),
  })
  for (const name of checks.series) found.push(flatLining(seriesOf(name)), tenfoldJumps(seriesOf(name)))
  for (const name of checks.denominators) {
    const { points } = seriesOf(name)
    points.slice(1).forEach((point, i) => {
      const before = points[i]!
      found.push(
        denominatorJump(item || point.period, `${name} ${before.period} → ${point.period}`, before.value, point.value),
      )
    })
  }
  for (const pattern of checks.answers) found.push(...ofAnswers(item, inOrder, pattern))
  for (const { opened, closed, stock } of checks.balances)
    if (stock !== undefined)
      inOrder.slice(1).forEach(([period, figures], i) => {
        const [a, b, before, after] = [
          figures.get(opened),
          figures.get(closed),
          inOrder[i]![1].get(stock),
          figures.get(stock),
        ]
        if (a === null || a === undefined || b === null || b === undefined) return
        found.push(
          massBalance(item || period, { opened: a, closed: b, stockBefore: before ?? null, stockAfter: after ?? null }),
        )
      })
  return found.filter((one) => one !== undefined)
}

/** Each answer's share in a period, against its share in all the others. */
function ofAnswers(
  item: string,
  periods: readonly (readonly [string, ReadonlyMap<string, number | null>])[],
  pattern: string,
): (IntegrityFinding | undefined)[] {
  const shares = periods.map(([period, figures]) => {
    const parts = partsOf(figures, pattern)
    const total = parts.reduce((sum, [, value]) => sum + value, 0)
    return { period, total, of: new Map(parts.map(([name, value]) => [name, total > 0 ? value / total : 0])) }
  })
  return shares.flatMap(({ period, total, of }) =>
    [...of].map(([name, share]) => {
      const others = shares.filter((one) => one.period !== period && one.of.has(name)).map((one) => one.of.get(name)!)
      if (others.length === 0) return undefined
      const usual = others.reduce((sum, one) => sum + one, 0) / others.length
      return defaultValue(item || period, name, share, usual, total)
    }),
  )
}

function partsOf(figures: ReadonlyMap<string, number | null>, pattern: string): [string, number][] {
  const [start = '', end = ''] = pattern.split('*')
  return [...figures].flatMap(([name, value]): [string, number][] =>
    value !== null && name.startsWith(start) && name.endsWith(end) && (pattern.includes('*') || name === pattern)
      ? [[name, value]]
      : [],
  )
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  return values.some((one) => one === undefined) ? undefined : values.reduce<number>((sum, one) => sum + one!, 0)
}

function flat(table: Table): Publication {
  return new Map(
    [...table].map(([item, periods]) => [
      item,
      new Map(
        [...periods].flatMap(([period, figures]) =>
          [...figures].map(([name, value]): [string, number | null] => [`${period} ${name}`, value]),
        ),
      ),
    ]),
  )
}

function textOf(value: FactScalar | FactScalar[] | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}

function numberOf(value: FactScalar | FactScalar[] | undefined): number | null {
  if (value === null || value === undefined || value === '') return null
  const number = Number(value)
  return Number.isFinite(number) ? number : null
}

/** `2012-07-01T…` → `2012-Q3`. */
function periodOf(text: string, step: FigureChecks['step']): string {
  const match = /^(\d{4})-(\d\d)/.exec(text)
  if (!match) return text
  const [, year, month] = match
  return step === 'year' ? year! : step === 'month' ? `${year}-${month}` : `${year}-Q${Math.ceil(Number(month) / 3)}`
}

function ordinalOf(period: string): number {
  const match = /^(\d{4})(?:-(?:Q(\d)|(\d\d)))?$/.exec(period)
  if (!match) return Number.NaN
  const year = Number(match[1])
  return match[2] ? year * 4 + Number(match[2]) : match[3] ? year * 12 + Number(match[3]) : year
}
