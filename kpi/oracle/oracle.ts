// The second opinion: the same definition, files and times, worked out fact by fact without aggregates, plans or stores.
// It shares no code with the engine, only the words of the contract, so that one mistake cannot hide in both.
import { join } from 'node:path'
import type { KpiValue } from '../contract.ts'
import { type Days, instant, localDate, nextDate, readDays } from './days.ts'
import { evaluate, type Fraction, fraction, minus, over, plus, simple, times, written } from './fractions.ts'
import { type Granted, isGranted, readGranted } from './granted.ts'
import { matches } from './question.ts'
import { type OracleFact, type OracleRow, readFacts } from './reading.ts'
import { type Sight, seen } from './seen.ts'
import { inForce, readDefinitions } from './versions.ts'

interface GivenFile {
  file: string
  mapping: string
  knownMs: number
  /** Rows of a workbook, already opened: sheets.ts. */
  sheet?: Iterable<OracleRow>
}

export interface OracleInput {
  files: GivenFile[]
  /** Items of the catalogue, whose limits cases are measured by. */
  items?: GivenFile[]
  /** A file of what was adjudicated. */
  adjudications?: string
  /** Directory of the definitions; the calendars are in `calendars` below it. */
  rules: string
  definition: string
  switches: Record<string, string>
  only: Record<string, string>
  by: string[]
  period: string
  validMs: number
  knownMs: number
}

export type OracleValue = Pick<
  KpiValue,
  | 'kpi'
  | 'dimensions'
  | 'switches'
  | 'state'
  | 'ratio'
  | 'numerator'
  | 'denominator'
  | 'count'
  | 'groups'
  | 'exclusions'
  | 'definitionVersion'
  | 'definitionSpan'
> & { calendarVersion: string }

// The definition as plain data.
// biome-ignore lint/suspicious/noExplicitAny: it is read as the file has it
type Data = any

export function consultOracle(input: OracleInput): OracleValue[] {
  const definitions = readDefinitions(input.rules, input.definition)
  const facts = read(input.files, definitions[0].fact)
  const items = new Map<string, OracleFact[]>()
  for (const one of read(input.items ?? [], 'item')) {
    if (one.knownMs > input.knownMs || one.gone) continue
    const code = String(one.fields['code'] ?? one.id)
    items.set(code, [...(items.get(code) ?? []), one])
  }
  return answer(
    input,
    definitions,
    facts,
    (code, atMs) => {
      const begun = (items.get(code) ?? []).filter(({ fromMs }) => fromMs <= atMs).at(-1)
      return begun && (begun.toMs === null || begun.toMs > atMs) ? begun.fields : undefined
    },
    readGranted(input.adjudications),
  )
}

/** Each cell by the version that its period is counted by. */
export function answer(
  input: Omit<OracleInput, 'files' | 'items' | 'adjudications' | 'definition'>,
  definitions: Data[],
  facts: OracleFact[],
  item?: Sight['item'],
  grants: readonly Granted[] = [],
): OracleValue[] {
  const zone: string = definitions[0].zone ?? 'Asia/Shanghai'
  const chosenFor = (label: string) => inForce(definitions, span(label, zone), input)
  const rows = definitions.flatMap((definition) => {
    if (!input.by.includes('period') && chosenFor(input.period).definition !== definition) return []
    return answerBy(definition, input, facts, item, grants).flatMap((row) => {
      const chosen = chosenFor(row.dimensions['period'] || input.period)
      if (chosen.definition !== definition) return []
      return [{ ...row, ...(chosen.span ? { definitionSpan: chosen.span } : {}) }]
    })
  })
  return rows.sort((a, b) => (cellName(a, input.by) < cellName(b, input.by) ? -1 : 1))
}

function cellName({ dimensions }: OracleValue, by: string[]): string {
  return by.map((name) => dimensions[name]).join('\u001f')
}

/** What the files say of one kind of fact, oldest first. */
function read(files: OracleInput['files'], kind: string): OracleFact[] {
  const facts: OracleFact[] = []
  for (const { file, mapping, knownMs, sheet } of [...files].sort((a, b) => a.knownMs - b.knownMs)) {
    const found = readFacts(file, mapping, knownMs, sheet)
    if (found.kind !== kind) continue
    if (found.snapshot)
      for (const before of latest(facts, knownMs))
        if (!found.facts.some(({ id }) => id === before.id)) facts.push({ ...before, knownMs, gone: true })
    facts.push(...found.facts)
  }
  return facts
}

function answerBy(
  definition: Data,
  input: Omit<OracleInput, 'files' | 'items' | 'adjudications' | 'definition'>,
  facts: OracleFact[],
  item: Sight['item'],
  grants: readonly Granted[],
): OracleValue[] {
  const zone: string = definition.zone ?? 'Asia/Shanghai'
  const days = readDays(join(input.rules, 'calendars'), definition.calendar ?? 'cn', input.knownMs)
  const switches: Record<string, string> = {}
  const choices: Data[] = []
  for (const [name, one] of Object.entries<Data>(definition.switches ?? {})) {
    switches[name] = input.switches[name] ?? one.default
    if (!one.options[switches[name]!]) throw new Error(`${definition.id} has no choice ${name}=${switches[name]}`)
  }
  for (const [name, one] of Object.entries<Data>(definition.switches ?? {})) {
    const option = one.options[switches[name]!]
    choices.push(option)
    for (const [other, patches] of Object.entries<Data>(option.with ?? {}))
      if (patches[switches[other]!]) choices.push(patches[switches[other]!])
  }
  const chosen = (key: string, otherwise: Data): Data =>
    choices.reduce((value, choice) => choice[key] ?? value, otherwise)
  for (const name of Object.keys(input.switches))
    if (!(name in switches)) throw new Error(`${definition.id} has no choice ${name}`)
  const cohort: string = chosen('cohort', definition.cohort)
  const aggregation: string = chosen('aggregation', definition.aggregation ?? 'ratio')
  const group: string = chosen('over', definition.over ?? 'item')
  const line = (name: 'numerator' | 'denominator'): { where: string; sum: string } => ({
    where: choices.reduce((value, choice) => choice[name]?.where ?? value, definition[name]?.where ?? '*'),
    sum: choices.reduce((value, choice) => choice[name]?.sum ?? value, definition[name]?.sum ?? '1'),
  })
  const listed = (key: string): string[] => choices.map((choice) => choice[key]).filter((one) => one !== undefined)
  const above = line('numerator')
  const below = line('denominator')
  const excluded: Data[] = [...(definition.exclude ?? []), ...choices.flatMap((choice) => choice.exclude ?? [])]
  const credits: Data[] = [...(definition.credit ?? []), ...choices.flatMap((choice) => choice.credit ?? [])]
  const period = span(input.period, zone)
  const year = localDate(input.validMs, zone).slice(0, 4)
  const limited = (fields: Record<string, unknown>): Record<string, unknown> => withDays(fields, year, days)
  const sight: Sight = {
    validMs: input.validMs,
    zone,
    days,
    ...(item ? { item: (code, atMs) => limited(item(code, atMs) ?? {}) } : {}),
  }

  interface Sheet {
    count: number
    counted: number
    above: Fraction
    below: Fraction
    hasAbove: boolean
    hasBelow: boolean
    exclusions: Record<string, number>
    groups: Map<string, { above: Fraction; below: Fraction }>
  }
  const sheets = new Map<string, Sheet>()
  const sheetOf = (key: string): Sheet => {
    let sheet = sheets.get(key)
    if (!sheet) {
      sheet = {
        count: 0,
        counted: 0,
        above: [0n, 1n],
        below: [0n, 1n],
        hasAbove: false,
        hasBelow: false,
        exclusions: {},
        groups: new Map(),
      }
      sheets.set(key, sheet)
    }
    return sheet
  }
  const isCase = definition.fact === 'case'
  for (const fact of latest(facts, input.knownMs, isCase ? undefined : input.validMs)) {
    if (fact.gone) continue
    const fields = definition.fact === 'item' ? limited(fact.fields) : fact.fields
    const field = (name: string): unknown =>
      !isCase
        ? (fields[name] ?? null)
        : name === 'period'
          ? localDate(cohortTime(fact, cohort) ?? 0, zone).slice(0, 7)
          : seen(fact, name, sight)
    if (isCase) {
      const at = cohortTime(fact, cohort)
      if (at === null || at > input.validMs || at < period.fromMs || at >= period.toMs) continue
    } else {
      if (cohort === 'period' && (fact.fromMs < period.fromMs || fact.fromMs >= period.toMs)) continue
    }
    if (!Object.entries(input.only).every(([name, wanted]) => covered(name, String(field(name) ?? ''), wanted)))
      continue
    const sheet = sheetOf(JSON.stringify(input.by.map((name) => String(field(name) ?? ''))))
    const is = (filter: string): boolean => filter === '*' || matches(filter, field)
    if (!(is(definition.population ?? '*') || listed('allow').some(is)) || !listed('require').every(is)) continue
    sheet.count++
    const inBelow = is(below.where) && listed('denominatorAnd').every(is)
    const inAbove = (is(above.where) && listed('numeratorAnd').every(is)) || listed('numeratorOr').some(is)
    const credit = inBelow && !inAbove ? credits.find(({ where }) => is(where)) : undefined
    const addBelow = inBelow ? evaluate(below.sum, field) : ([0n, 1n] as Fraction)
    const addAbove = inAbove || credit ? evaluate(above.sum, field) : ([0n, 1n] as Fraction)
    const reason: string | undefined =
      (isCase && isGranted(grants, definition.id, fact.id, input) ? 'adjudicated' : undefined) ??
      excluded.find(({ where }) => is(where))?.reason ??
      (addBelow === null || addAbove === null ? 'missing-value' : undefined)
    if (reason !== undefined) {
      sheet.exclusions[reason] = (sheet.exclusions[reason] ?? 0) + 1
      continue
    }
    sheet.counted++
    sheet.hasBelow ||= inBelow
    sheet.hasAbove ||= inAbove || credit !== undefined
    const share = credit ? times(addAbove!, fraction(String(credit.value))!) : addAbove!
    sheet.above = plus(sheet.above, share)
    sheet.below = plus(sheet.below, addBelow!)
    const name = aggregation === 'mean' ? String(field(group) ?? '') : ''
    const before = sheet.groups.get(name) ?? { above: [0n, 1n], below: [0n, 1n] }
    sheet.groups.set(name, { above: plus(before.above, share), below: plus(before.below, addBelow!) })
  }
  if (sheets.size === 0 && input.by.length === 0) sheetOf('[]')
  const needsDays =
    JSON.stringify({ ...definition, tests: [] }).match(
      /workingDays|legal\.met|promised\.met|legal\.days|promised\.days/,
    ) !== null
  const unfinished =
    period.label !== 'all' &&
    (period.toMs > input.validMs + 1 || (needsDays && !announced(period, input.validMs, zone, days)))

  return [...sheets].map(([key, sheet]) => {
    const values = JSON.parse(key) as string[]
    const { state, ratio } = conclude(sheet)
    const carries = ratio !== null
    return {
      kpi: definition.id,
      dimensions: Object.fromEntries(input.by.map((name, i) => [name, values[i]!])),
      switches,
      state: carries && unfinished ? ('provisional' as const) : state,
      ratio: ratio && { numerator: `${ratio[0]}`, denominator: `${ratio[1]}` },
      numerator: carries ? written(sheet.above) : null,
      denominator: carries ? (aggregation === 'total' ? '1' : written(sheet.below)) : null,
      count: sheet.count,
      groups:
        aggregation === 'mean'
          ? {
              count: sheet.groups.size,
              counted: [...sheet.groups.values()].filter(({ below: one }) => one[0] !== 0n).length,
            }
          : null,
      exclusions: Object.fromEntries(Object.entries(sheet.exclusions).sort()),
      calendarVersion: days.version,
      definitionVersion: String(definition.version),
    }
  })

  function conclude(sheet: Sheet): { state: KpiValue['state']; ratio: Fraction | null } {
    if (sheet.count === 0) return { state: 'missing', ratio: null }
    if (aggregation === 'difference' && !(sheet.hasAbove && sheet.hasBelow)) return { state: 'missing', ratio: null }
    if (sheet.counted === 0) return { state: 'not-applicable', ratio: null }
    if (sheet.counted < (definition.suppressBelow ?? 0)) return { state: 'suppressed', ratio: null }
    let ratio: Fraction | null
    if (aggregation === 'total') ratio = sheet.above
    else if (aggregation === 'difference') ratio = minus(sheet.above, sheet.below)
    else if (aggregation === 'ratio') ratio = over(sheet.above, sheet.below)
    else {
      const parts = [...sheet.groups.values()].map((one) => over(one.above, one.below)).filter((one) => one !== null)
      ratio = parts.length === 0 ? null : over(added(parts), [BigInt(parts.length), 1n])
    }
    if (ratio === null) return { state: 'not-applicable', ratio: null }
    return { state: ratio[0] === 0n ? 'zero' : 'value', ratio: simple(ratio) }
  }
}

/** Halves first: adding one by one would carry ever longer numbers. */
function added(parts: Fraction[]): Fraction {
  if (parts.length === 1) return parts[0]!
  const middle = parts.length >> 1
  return plus(added(parts.slice(0, middle)), added(parts.slice(middle)))
}

/** Both limits in working days: of the year's calendar, a twelfth of it for a month, eight hours for a day. */
function withDays(fields: Record<string, unknown>, year: string, days: Days): Record<string, unknown> {
  if ((fields['legal.amount'] ?? fields['promised.amount'] ?? null) === null) return fields
  const [working, all] = daysOf(year, days)
  const inDays = (which: string): Fraction | null => {
    const amount = fields[`${which}.amount`]
    const value = typeof amount === 'string' || typeof amount === 'number' ? fraction(String(amount)) : null
    const unit = fields[`${which}.unit`]
    const rates: Record<string, Fraction> = {
      'working-day': [1n, 1n],
      'calendar-day': [working, all],
      month: [working, 12n],
      hour: [1n, 8n],
    }
    const rate = rates[String(unit)]
    return value && rate ? times(value, rate) : null
  }
  const legal = inDays('legal')
  const promised = inDays('promised')
  if (!legal && !promised) return fields
  return {
    ...fields,
    'legal.days': legal && written(legal),
    'promised.days': promised && written(promised),
    sameUnit: legal && promised ? fields['legal.unit'] === fields['promised.unit'] : null,
    longer: legal && promised ? minus(promised, legal)[0] > 0n : null,
  }
}

const counted = new WeakMap<Days, Map<string, [bigint, bigint]>>()

/** Working days and days of a year, counted once. */
function daysOf(year: string, days: Days): [bigint, bigint] {
  const known = counted.get(days) ?? new Map<string, [bigint, bigint]>()
  counted.set(days, known)
  let found = known.get(year)
  if (!found) {
    found = [0n, 0n]
    for (let date = `${year}-01-01`; date.startsWith(year); date = nextDate(date)) {
      found[1]++
      if (days.working(date)) found[0]++
    }
    known.set(year, found)
  }
  return found
}

/** The last word on each id by then; of facts with a span, the last of those that had begun, if that one had not ended. */
function latest(facts: OracleFact[], knownMs: number, validMs?: number): OracleFact[] {
  const best = new Map<string, OracleFact>()
  for (const fact of facts) {
    if (fact.knownMs > knownMs) continue
    const isLater = validMs !== undefined && fact.fromMs > validMs
    if (isLater && !fact.gone) continue
    const before = best.get(fact.id)
    const newer =
      !before || fact.version > before.version || (fact.version === before.version && fact.knownMs >= before.knownMs)
    if (newer) best.set(fact.id, fact)
  }
  return [...best.values()].filter(
    ({ gone, toMs }) => !gone && (validMs === undefined || toMs === null || toMs > validMs),
  )
}

function cohortTime({ fields }: OracleFact, cohort: string): number | null {
  const [opened, accepted] = [fields['openedMs'], fields['acceptedMs']]
  const found = {
    opened: opened ?? accepted,
    none: opened ?? accepted,
    period: opened ?? accepted,
    accepted: accepted ?? opened,
    closed: fields['closedMs'],
    due: fields['dueMs'],
  }[cohort]
  return typeof found === 'number' ? found : null
}

/** One of several, or, for places, above it. */
function covered(name: string, value: string, wanted: string): boolean {
  const isPlace = ['region', 'province', 'city', 'county'].includes(name)
  return wanted.split('|').some((one) => {
    const isCode = /^\d{2,9}$/.test(one) && /^\d+$/.test(value)
    return value === one || (isPlace && isCode && value.startsWith(one))
  })
}

function span(label: string, zone: string): { label: string; fromMs: number; toMs: number } {
  if (label === 'all') return { label, fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }
  if (/^\d{4}-W\d\d$/.test(label)) return weekSpan(label, zone)
  const [year = '', part = '', day] = label.split('-')
  const isQuarter = /^\d{4}-Q[1-4]$/.test(label)
  const asDate = `${year}-${part || '01'}-${day ?? '01'}`
  if (!isQuarter && !(Date.parse(asDate) > 0 && new Date(asDate).toISOString().startsWith(asDate)))
    throw new Error(`"${label}" is no period: 2026-10, 2026-Q3, 2026`)
  const first = day
    ? label
    : part.startsWith('Q')
      ? `${year}-${String(Number(part[1]) * 3 - 2).padStart(2, '0')}-01`
      : `${year}-${part || '01'}-01`
  const date = new Date(`${first}T00:00:00Z`)
  if (day) date.setUTCDate(date.getUTCDate() + 1)
  else date.setUTCMonth(date.getUTCMonth() + (part.startsWith('Q') ? 3 : part ? 1 : 12))
  const at = (one: string): number => instant(`${one}T00:00:00.000`, zone)
  return { label, fromMs: at(first), toMs: at(date.toISOString().slice(0, 10)) }
}

/** Looked for day by day: the first Monday whose Thursday is in the year, and as many weeks on. */
function weekSpan(label: string, zone: string): { label: string; fromMs: number; toMs: number } {
  const [year, week] = [Number(label.slice(0, 4)), Number(label.slice(6))]
  const dates: Date[] = []
  for (let at = Date.UTC(year - 1, 11, 22); at < Date.UTC(year + 1, 0, 8); at += 86_400_000) {
    const [date, thursday] = [new Date(at), new Date(at + 3 * 86_400_000)]
    if (date.getUTCDay() === 1 && thursday.getUTCFullYear() === year) dates.push(date)
  }
  const monday = dates[week - 1]
  if (!monday) throw new Error(`"${label}" is no period: ${year} has ${dates.length} weeks`)
  const next = new Date(monday.getTime() + 7 * 86_400_000)
  const at = (one: Date): number => instant(`${one.toISOString().slice(0, 10)}T00:00:00.000`, zone)
  return { label, fromMs: at(monday), toMs: at(next) }
}

/** Every day of the period, as far as it is over, is announced in the calendar. */
function announced(period: { fromMs: number; toMs: number }, validMs: number, zone: string, days: Days): boolean {
  const last = localDate(Math.min(period.toMs, validMs), zone)
  for (let date = localDate(period.fromMs, zone); date <= last; date = nextDate(date))
    if (!days.announced(date)) return false
  return true
}
