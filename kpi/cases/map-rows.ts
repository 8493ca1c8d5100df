// Rows of a file as facts and cases. A row that cannot be read is set aside with row, cause and what to do.
import { canonicalJson } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { createPace } from '#core/pace.ts'
import { suggest } from '#core/yaml-source.ts'
import { channels } from '#stores/cases/case.ts'
import { type CaseRecord, type CaseStep, type Channel, type Fact, type FactScalar, timeUnits } from '../contract.ts'
import { type Zone, zoneOf } from '../time/zone.ts'
import { takeParts } from './case-parts.ts'
import { emptyCase, setCaseField } from './case-record.ts'
import type { FieldMapping, Mapping } from './mapping.ts'
import { columnsOf, FieldProblem, type FieldValue, fill, matchOf, numberText, readField } from './read-field.ts'
import { readTime } from './read-time.ts'
import { formatOf, normaliseHeader, type Row } from './rows.ts'

export interface SetAside {
  file: string
  row: number
  cause: string
  hint: string
}

export interface MappedRows {
  cases: CaseRecord[]
  facts: Fact[]
  setAside: SetAside[]
  rows: number
  /** Rows that the mapping leaves out. */
  skipped: number
}

const setAsideMax = 10_000
/** Of one file; a case and its steps take about a kibibyte. */
const rowsMax = 3_000_000
const always = { validFromMs: -8.64e15, validToMs: null }

/** @throws CodedError `kpi.input` when the file has not the columns that the mapping names */
export async function mapRows(
  rows: AsyncIterable<Row>,
  mapping: Mapping,
  file: string,
  knownMs: number,
): Promise<MappedRows> {
  const result: MappedRows = { cases: [], facts: [], setAside: [], rows: 0, skipped: 0 }
  const groups = new Map<string, Group>()
  const refused = new Set<string>()
  let checked = false
  const pace = createPace()
  for await (const row of rows) {
    await pace(true)
    if (!checked) checkColumns(row, mapping, file)
    checked = true
    if (row.header) continue
    if (isSkipped(row, mapping.skip)) {
      result.skipped++
      continue
    }
    if (++result.rows > rowsMax)
      throw new CodedError('kpi.input', {
        file,
        row: `, row ${row.line}`,
        cause: `more than ${rowsMax} rows, which are held at once`,
        hint: 'Split the file, by months for example, or send the cases over the API.',
      })
    const key = mapping.group === undefined ? undefined : (row.get(mapping.group) ?? '')
    try {
      if (row.problem) throw new FieldProblem(row.problem.cause, row.problem.hint)
      if (mapping.fact === 'case') takeCase(row, key, mapping, groups, refused, result.cases)
      else
        for (const fact of factsOf(row, mapping, knownMs)) {
          firstRows.set(fact, row.line)
          result.facts.push(fact)
        }
    } catch (error) {
      if (!(error instanceof FieldProblem)) throw error
      // A case of which one row is wrong is not taken by halves.
      if (key !== undefined) refused.add(key)
      if (result.setAside.length < setAsideMax)
        result.setAside.push({ file, row: row.line, cause: error.message, hint: error.hint })
      else
        throw new CodedError('kpi.input', {
          file,
          row: `, row ${row.line}`,
          cause: `more than ${setAsideMax} rows cannot be read`,
          hint: `The first: ${result.setAside[0]!.cause}`,
        })
    }
  }
  for (const key of refused) groups.delete(key)
  if (refused.size > 0) {
    const whole = new Set([...groups.values()].map(({ record }) => record))
    result.cases = result.cases.filter((record) => whole.has(record))
  }
  checkCases(result, file)
  return result
}

function isSkipped(row: Row, skip: Mapping['skip']): boolean {
  return Object.entries(skip).some(([column, texts]) => [texts].flat().includes(row.get(column)?.trim() ?? ''))
}

/** A case of which several rows speak, and what its first row said. */
interface Group {
  record: CaseRecord
  values: Map<string, FieldValue>
}

function takeCase(
  row: Row,
  key: string | undefined,
  mapping: Mapping,
  groups: Map<string, Group>,
  refused: Set<string>,
  cases: CaseRecord[],
): void {
  if (key !== undefined && refused.has(key)) return
  const zone = zoneOf(mapping.zone)
  const known = key === undefined ? undefined : groups.get(key)
  const record = known?.record ?? emptyCase()
  if (known) joinRow(known, row, mapping, zone)
  else {
    const values = new Map<string, FieldValue>()
    for (const name of fieldNames(mapping)) {
      const value = readField(row, name, mapping.fields[name]!, zone)
      values.set(name, value)
      setCaseField(record, name, value)
    }
    const told = mapping.known === undefined ? undefined : values.get(mapping.known)
    if (typeof told === 'number') knownTimes.set(record, told)
    if (record.id === '') throw new FieldProblem('id: there is none', 'Every case needs an id.')
    refuseTotal(record.id, mapping)
    firstRows.set(record, row.line)
    cases.push(record)
    if (key !== undefined) groups.set(key, { record, values })
  }
  if (mapping.step) record.steps.push(stepOf(row, mapping.step, mapping, record))
  takeParts(record, row, mapping, zone)
}

const total = /^(合计|总计|小计|合計|總計|小計|(sub ?|grand )?totals?|sum|totaal|gesamt|summe)[:：]?$/i

/** Below a table stands what its rows amount to: that is no row of it. */
function refuseTotal(id: string, { fields }: Mapping): void {
  const column = fields['id']?.column
  if (column !== undefined && total.test(id.replace(/\s+/g, ' ')))
    throw new FieldProblem(
      `"${id}" is a sum of the rows above, not one of them`,
      `Delete the row, or leave it out in the mapping: \`skip: { "${column}": ["${id}"] }\`.`,
    )
}

/** A grade is given when a case ends, so that comes before it. */
function fieldNames(mapping: Mapping): string[] {
  return Object.keys(mapping.fields).sort((a, b) => Number(a === 'grade') - Number(b === 'grade'))
}

/** What another row says of the same case: the same, or what its mapping chooses between. */
function joinRow({ record, values }: Group, row: Row, mapping: Mapping, zone: Zone): void {
  let changed = false
  for (const name of fieldNames(mapping)) {
    const field = mapping.fields[name]!
    const value = readField(row, name, field, zone)
    const before = values.get(name) ?? null
    if (field.from === undefined) {
      if (String(value) !== String(before))
        throw new FieldProblem(
          `${name}: here it is "${String(value).slice(0, 40)}", in row ${rowOf(record)} of the same case "${String(before).slice(0, 40)}"`,
          'Say which row counts: `from: first`, last, earliest or latest.',
        )
      continue
    }
    if (value === null || (before !== null && !replaces(field.from, value, before))) continue
    values.set(name, value)
    changed = true
  }
  if (!changed) return
  if (mapping.fields['grade']) record.ratings = []
  for (const name of fieldNames(mapping)) setCaseField(record, name, values.get(name) ?? null)
}

function replaces(from: NonNullable<FieldMapping['from']>, value: FieldValue, before: FieldValue): boolean {
  if (from === 'last') return true
  if (from === 'first') return false
  const isLater =
    typeof value === 'number' && typeof before === 'number' ? value > before : String(value) > String(before)
  return value !== before && isLater === (from === 'latest')
}

/** Where a case or fact began in its file, for what is wrong with it as a whole. */
const firstRows = new WeakMap<CaseRecord | Fact, number>()

export function rowOf(one: CaseRecord | Fact): number {
  return firstRows.get(one) ?? 0
}

/** When a case was reported, where `known` of the mapping says so. */
const knownTimes = new WeakMap<CaseRecord, number>()

export function knownMsOf(record: CaseRecord): number | undefined {
  return knownTimes.get(record)
}

function stepOf(row: Row, fields: Record<string, FieldMapping>, mapping: Mapping, record: CaseRecord): CaseStep {
  const zone = zoneOf(mapping.zone)
  const read = (name: string): FactScalar | FactScalar[] =>
    fields[name] ? readField(row, `step.${name}`, fields[name], zone) : null
  const atMs = read('atMs')
  if (typeof atMs !== 'number')
    throw new FieldProblem('step.atMs: a step needs a time', 'Map the column of its time with `time`.')
  const channel = String(read('channel') ?? record.channel)
  if (!(channels as readonly string[]).includes(channel))
    throw new FieldProblem(
      `step.channel: "${channel.slice(0, 40)}" is none of ${channels.join(', ')}`,
      'Translate it with `map`.',
    )
  return {
    name: String(read('name') ?? ''),
    channel: channel as Channel,
    channelRaw: String(read('channelRaw') ?? ''),
    atMs,
    actor: String(read('actor') ?? ''),
  }
}

/** Closed before it was opened, or with a version that is none: set aside, each for itself. */
function checkCases(result: MappedRows, file: string): void {
  result.cases = result.cases.filter((record) => {
    const cause = contradiction(record)
    if (cause === '') return true
    result.setAside.push({
      file,
      row: rowOf(record),
      cause: `case ${record.id}: ${cause}`,
      hint: 'Correct it at its source and send it again with a higher version.',
    })
    return false
  })
}

/**
 * One file says everything once. What it says twice in the same words counts once; what it says differently under the same
 * id and version is set aside, for nobody knows which of them is true.
 */
export async function setDuplicatesAside(result: MappedRows, file: string): Promise<void> {
  const pace = createPace()
  const refuse = (id: string, line: number, before: number): void => {
    result.setAside.push({
      file,
      row: line,
      cause: `${id} stands in row ${before} already, and says something else there`,
      hint: 'Give a correction a higher version; if each row is a step, name the column of the case as `group`.',
    })
  }
  const once = async <T extends CaseRecord | Fact>(list: T[], keyOf: (one: T) => string): Promise<T[]> => {
    const first = new Map<string, T>()
    for (const one of list) {
      await pace(true)
      const key = keyOf(one)
      const before = first.get(key)
      if (!before) first.set(key, one)
      else if (canonicalJson(before) !== canonicalJson(one)) refuse(one.id, rowOf(one), rowOf(before))
    }
    return [...first.values()]
  }
  result.cases = await once(result.cases, ({ id, version }) => `${version} ${id}`)
  result.facts = await once(result.facts, ({ id, version, validFromMs, knownMs }) =>
    [version, validFromMs, knownMs, id].join(' '),
  )
}

export function contradiction(record: CaseRecord): string {
  const { openedMs, acceptedMs, closedMs, stops } = record
  const from = openedMs ?? acceptedMs
  if (from !== null && closedMs !== null && closedMs < from) return 'it closes before it opens'
  if (openedMs !== null && acceptedMs !== null && acceptedMs < openedMs) return 'it is accepted before it is opened'
  if (acceptedMs !== null && closedMs !== null && closedMs < acceptedMs) return 'it closes before it is accepted'
  if (stops.some(({ fromMs, toMs }) => toMs !== null && toMs < fromMs)) return 'a clock stop ends before it begins'
  return ''
}

function factsOf(row: Row, mapping: Mapping, knownMs: number): Fact[] {
  const zone = zoneOf(mapping.zone)
  const fields: Fact['fields'] = {}
  for (const [name, field] of Object.entries(mapping.fields)) fields[name] = readField(row, name, field, zone)
  const known = mapping.known ? fields[mapping.known] : undefined
  const base = {
    kind: mapping.fact,
    version: Number(fields['version'] ?? 1),
    ...always,
    ...(typeof fields['validFrom'] === 'number' ? { validFromMs: fields['validFrom'] } : {}),
    ...(typeof fields['validTo'] === 'number' ? { validToMs: fields['validTo'] } : {}),
    knownMs: typeof known === 'number' ? known : knownMs,
  }
  const id = fields['id'] === null || fields['id'] === undefined ? '' : String(fields['id'])
  if (id === '') throw new FieldProblem('id: there is none', 'Every row needs an id.')
  refuseTotal(id, mapping)
  checkVersion(fields)
  checkLimits(fields)
  if (mapping.unpivot.length === 0) return [{ ...base, id, fields }]
  const made = new Map<string, Fact>()
  for (const rule of mapping.unpivot)
    for (const column of row.columns(rule.path)) {
      const groups = matchOf(rule.header, column)
      if (!groups) continue
      const match = { ...groups, column }
      const key = fill(rule.key, match)
      let fact = made.get(key)
      if (!fact) {
        fact = { ...base, id: `${id}/${key}`, fields: { ...fields } }
        for (const [name, form] of Object.entries(rule.set)) fact.fields[name] = fill(form, match)
        if (rule.time) {
          const atMs = readTime(fill(rule.time.text, match), rule.time.form, zone)
          if (atMs === undefined)
            throw new FieldProblem(
              `the header "${column}" is no time of the form ${rule.time.form}`,
              'Correct `unpivot.time`.',
            )
          fact.validFromMs = atMs
          fact.fields[rule.time.field] = new Date(atMs).toISOString()
        }
        made.set(key, fact)
      }
      const measure = fill(rule.measure, match)
      const name = rule.measures[measure] ?? measure
      const text = row.get(rule.path ? `${rule.path}.${column}` : column)?.trim() ?? ''
      fact.fields[name] = rule.missing.includes(text) ? null : numberText(text, column, rule.decimal)
    }
  return [...made.values()]
}

function checkVersion(fields: Fact['fields']): void {
  const version = fields['version'] ?? null
  if (version !== null && !/^[1-9]\d{0,14}$/.test(String(version)))
    throw new FieldProblem(`version: "${String(version).slice(0, 40)}" is no number from 1`, 'Count versions from 1.')
  for (const name of ['validFrom', 'validTo'])
    if (typeof (fields[name] ?? 0) !== 'number')
      throw new FieldProblem(`${name}: it was not read as a time`, 'Give `time` in the mapping.')
  const [from, to] = [fields['validFrom'], fields['validTo']]
  if (typeof from === 'number' && typeof to === 'number' && to <= from)
    throw new FieldProblem('validTo: it ends before it begins', 'Correct validFrom or validTo.')
}

/** 0 is a limit (done at once), nothing is no limit, less than nothing is a mistake; so is one without a unit. */
function checkLimits(fields: Fact['fields']): void {
  for (const which of ['legal', 'promised']) {
    const amount = fields[`${which}.amount`] ?? null
    const unit = fields[`${which}.unit`] ?? null
    if (amount !== null) {
      if (/^-/.test(String(amount)))
        throw new FieldProblem(
          `${which}.amount: ${String(amount).slice(0, 40)} is less than 0`,
          'Write 0 for done at once, and nothing where there is no limit.',
        )
      numberText(String(amount), `${which}.amount`)
      if (unit === null)
        throw new FieldProblem(`${which}.amount: ${amount} of what?`, `Map ${which}.unit: ${timeUnits.join(', ')}.`)
    }
    if (unit !== null && !(timeUnits as readonly string[]).includes(String(unit)))
      throw new FieldProblem(
        `${which}.unit: "${String(unit).slice(0, 40)}" is none of ${timeUnits.join(', ')}`,
        suggest(String(unit), timeUnits) || 'Translate it with `map`.',
      )
  }
}

function checkColumns(row: Row, mapping: Mapping, file: string): void {
  // JSON leaves out what it does not know.
  if ((mapping.format ?? formatOf(file)) === 'json') return
  const known = new Set(row.columns())
  const parts = [
    mapping.fields,
    mapping.step ?? {},
    ...mapping.stops,
    ...mapping.certificates,
    ...mapping.ratings,
    ...mapping.traces,
  ]
  const wanted = parts.flatMap((fields) => Object.values(fields)).flatMap(columnsOf)
  const others = [...(mapping.group === undefined ? [] : [mapping.group]), ...Object.keys(mapping.skip)]
  for (const column of [...wanted, ...others])
    if (!known.has(column) && !known.has(normaliseHeader(column)))
      throw new CodedError('kpi.input', {
        file,
        row: '',
        cause: `there is no column "${column}"`,
        hint: suggest(column, known) || `There are: ${[...known].slice(0, 40).join(', ')}`,
      })
  if (
    mapping.unpivot.length > 0 &&
    !mapping.unpivot.some(({ header }) => [...known].some((one) => matchOf(header, one)))
  )
    throw new CodedError('kpi.input', {
      file,
      row: '',
      cause: 'no column is one of those that `unpivot` turns into rows',
      hint: `There are: ${[...known].slice(0, 40).join(', ')}`,
    })
}
