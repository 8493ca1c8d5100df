// A parser file made ready to run.
import { CodedError } from '#core/errors.ts'
import type { FieldValue } from '#core/event.ts'
import { compileRegex, type LinearRegex } from '#core/regex.ts'
import { readWindowsEventXml } from '#core/windows-event-xml.ts'
import { boundText, type Flat, flatten, isFieldName, type OnAdjusted, toScalar } from '../normalise/flatten.ts'
import { toTimestampMs } from '../normalise/timestamp.ts'
import { readAuditRecord } from './audit-record.ts'
import { type Case, type Condition, type Convert, type ParserSource, type Step, stepKinds } from './contract.ts'
import { compileDate } from './dates.ts'
import { typed } from './field-types.ts'
import { readCef, readCsvLine, readLeef, readPairs } from './formats.ts'
import { vendorFields } from './vendor-fields.ts'

/** One run of a parser over one line. Results are kept apart until all steps agreed. */
export interface Run {
  fields: Flat
  text: string
  out: Flat
  adjusted: OnAdjusted
}

/** False: the text is not what this step reads. */
type RunStep = (run: Run) => boolean

export interface CompiledParser {
  source: ParserSource
  /** @returns the fields it read, or undefined when the text is not for it. */
  run(fields: Flat, text: string, adjusted: OnAdjusted): Flat | undefined
}

/** A cause and where: the path inside the file, from which the line is found. */
export class ParserFault extends Error {
  readonly path: readonly PropertyKey[]

  constructor(message: string, path: readonly PropertyKey[]) {
    super(message)
    this.path = path
  }
}

/** @throws ParserFault */
export function compileParser(source: ParserSource): CompiledParser {
  const steps = source.steps.map((step, i) => compileStep(step, ['steps', i]))
  return {
    source,
    run: (fields, text, adjusted) => {
      const run: Run = { fields, text, out: {}, adjusted }
      for (let i = 0; i < steps.length; i++) if (!steps[i]!(run)) return undefined
      return run.out
    },
  }
}

function compileStep(step: Step, path: PropertyKey[]): RunStep {
  const kinds = stepKinds.filter((kind) => step[kind] !== undefined)
  if (kinds.length === 0) throw new ParserFault(`a step needs one of ${stepKinds.join(', ')}`, path)
  const conditions = Object.entries(step.when ?? {}).map(([field, condition]) =>
    compileCondition(field, condition, [...path, 'when', field]),
  )
  const actions: RunStep[] = []
  const add = (action: RunStep): void => void actions.push(action)
  if (step.cases) add(compileCases(step.cases, step.field, [...path, 'cases']))
  if (step.json) add(jsonStep(step.field, step.json.prefix))
  if (step.kv) add(pairsStep(step.field, step.kv))
  if (step.csv) add(csvStep(step.field, step.csv))
  if (step.cef) add(vendorStep(step.field, 'cef'))
  if (step.leef) add(vendorStep(step.field, 'leef'))
  if (step.audit) add(auditStep(step.field))
  if (step.windowsXml) add(windowsXmlStep(step.field))
  if (step.rename) add(moveStep(step.rename, true))
  if (step.copy) add(moveStep(step.copy, false))
  if (step.convert) add(convertStep(step.convert))
  if (step.lookup) add(lookupStep(step.lookup))
  if (step.date) add(dateStep(step.date, [...path, 'date']))
  if (step.set) add(setStep(step.set, [...path, 'set']))
  if (step.remove) add(removeStep(step.remove))
  return (run) => {
    for (const holds of conditions) if (!holds(run)) return true
    for (const action of actions) if (!action(run)) return step.optional
    return true
  }
}

function read(run: Run, field: string): FieldValue | undefined {
  if (Object.hasOwn(run.out, field)) return run.out[field]
  if (field === 'message') return run.text
  return run.fields[field]
}

/** Of a list, the first. */
function readText(run: Run, field: string): string | undefined {
  const found = read(run, field)
  const value = Array.isArray(found) ? found[0] : found
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
}

function compileCondition(field: string, condition: Condition, path: PropertyKey[]): (run: Run) => boolean {
  if (Array.isArray(condition)) {
    const values = new Set<unknown>(condition)
    return (run) => values.has(read(run, field))
  }
  if (typeof condition !== 'object') return (run) => read(run, field) === condition
  const matches = condition.matches === undefined ? undefined : regexAt(condition.matches, path)
  return (run) => {
    const value = read(run, field)
    if (condition.exists !== undefined && (value !== undefined) !== condition.exists) return false
    if (condition.gte !== undefined && !(typeof value === 'number' && value >= condition.gte)) return false
    if (condition.lt !== undefined && !(typeof value === 'number' && value < condition.lt)) return false
    const text = typeof value === 'string' ? value : ''
    if (condition.startsWith !== undefined && !text.startsWith(condition.startsWith)) return false
    if (condition.contains !== undefined && !text.includes(condition.contains)) return false
    return !matches || matches.test(text)
  }
}

function compileCases(cases: readonly Case[], field: string, path: PropertyKey[]): RunStep {
  const compiled = cases.map((one, i) => {
    const at = [...path, i]
    if (one.pattern === undefined && one.startsWith === undefined && one.contains === undefined)
      throw new ParserFault('a case needs a pattern, startsWith or contains', at)
    const pattern = one.pattern === undefined ? undefined : compilePattern(one.pattern, [...at, 'pattern'])
    const set = one.set ? setStep(one.set, [...at, 'set']) : undefined
    return { startsWith: one.startsWith, contains: one.contains, pattern, set }
  })
  return (run) => {
    const text = readText(run, field)
    if (text === undefined) return false
    for (let i = 0; i < compiled.length; i++) {
      const one = compiled[i]!
      if (one.startsWith !== undefined && !text.startsWith(one.startsWith)) continue
      if (one.contains !== undefined && !text.includes(one.contains)) continue
      if (one.pattern && !one.pattern(text, run.out)) continue
      one.set?.(run)
      return true
    }
    return false
  }
}

/** Groups are named as fields, `(?<source.port>…)`; engines know no dots in names, so they are `__` inside. */
function compilePattern(pattern: string, path: PropertyKey[]): (text: string, out: Flat) => boolean {
  const fieldOf: Record<string, string> = {}
  const source = pattern.trim().replace(/\(\?<([@A-Za-z_][\w.@]*)>/g, (_, name: string) => {
    if (!isFieldName(name)) throw new ParserFault(`"${name}" cannot be a field name`, path)
    const group = name.replaceAll('.', '__').replaceAll('@', 'at_')
    fieldOf[group] = name
    return `(?<${group}>`
  })
  const regex = regexAt(source, path)
  return (text, out) => {
    const groups = regex.groups(text)
    if (!groups) return false
    for (const group in groups) {
      const value = groups[group]!
      const field = fieldOf[group]!
      // "-" is how access logs write "nothing".
      if (value !== '' && value !== '-') out[field] = typed(field, value)
    }
    return true
  }
}

function regexAt(pattern: string, path: PropertyKey[]): LinearRegex {
  try {
    return compileRegex(pattern)
  } catch (error) {
    throw new ParserFault(error instanceof CodedError ? `${error.message}. ${error.hint}` : String(error), path)
  }
}

function jsonStep(field: string, prefix: string): RunStep {
  return (run) => {
    const text = readText(run, field)
    if (text === undefined) return false
    const trimmed = text.trimStart()
    if (!trimmed.startsWith('{')) return false
    let value: unknown
    try {
      value = JSON.parse(trimmed)
    } catch {
      return false
    }
    const flat: Flat = {}
    flatten(value as Record<string, unknown>, flat, run.adjusted)
    for (const name in flat) run.out[prefix + name] = flat[name]
    return true
  }
}

function pairsStep(field: string, kv: NonNullable<Step['kv']>): RunStep {
  return (run) => {
    const text = readText(run, field)
    if (text === undefined) return false
    const pairs = readPairs(text, kv.pairs, kv.assign)
    if (pairs.size < kv.min) return false
    for (const [key, value] of pairs) put(run, kv.prefix + key, value)
    return true
  }
}

function csvStep(field: string, csv: NonNullable<Step['csv']>): RunStep {
  return (run) => {
    const text = readText(run, field)
    if (text === undefined) return false
    const cells = readCsvLine(text, csv.delimiter)
    if (cells.length < csv.columns.length) return false
    csv.columns.forEach((column, i) => {
      if (column !== '' && cells[i] !== '') put(run, column, cells[i]!)
    })
    return true
  }
}

function vendorStep(field: string, format: 'cef' | 'leef'): RunStep {
  return (run) => {
    const text = readText(run, field)
    const event = text === undefined ? undefined : format === 'cef' ? readCef(text) : readLeef(text)
    if (!event) return false
    vendorFields(event, format, (name, value) => put(run, name, value))
    return true
  }
}

/** @see readAuditRecord; the record's own names stand below `auditd.data.`, as Filebeat and Sigma's taxonomy have them. */
function auditStep(field: string): RunStep {
  return (run) => {
    const text = readText(run, field)
    const record = text === undefined ? undefined : readAuditRecord(text)
    if (!record) return false
    run.out['@timestamp'] = record.timestampMs
    run.out['auditd.message_type'] = record.type
    run.out['auditd.sequence'] = record.sequence
    if (record.node !== undefined) put(run, 'host.name', record.node)
    for (const [key, value] of record.data) put(run, `auditd.data.${key}`, value)
    const args = record.args.filter((one) => one !== undefined)
    if (args.length > 0) {
      run.out['process.args'] = args.slice(0, 256).map((one) => boundText(one, run.adjusted))
      put(run, 'process.command_line', args.join(' '))
    }
    return true
  }
}

function windowsXmlStep(field: string): RunStep {
  return (run) => {
    const text = readText(run, field)
    if (text === undefined || !text.includes('<')) return false
    let found = 0
    readWindowsEventXml(text, (name, value) => {
      found++
      if (value !== '') put(run, name, value)
    })
    return found > 0
  }
}

function put(run: Run, name: string, value: string | number): void {
  if (!isFieldName(name)) {
    run.adjusted('field-name')
    return
  }
  const scalar = toScalar(value, run.adjusted)
  run.out[name] = typeof scalar === 'string' ? typed(name, scalar) : scalar
}

function moveStep(names: Record<string, string>, isRename: boolean): RunStep {
  const moves = Object.entries(names)
  return (run) => {
    for (const [from, to] of moves) {
      const value = read(run, from)
      if (value === undefined) continue
      run.out[to] = typeof value === 'string' ? typed(to, value) : value
      if (isRename) run.out[from] = undefined
    }
    return true
  }
}

function convertStep(converts: Record<string, Convert>): RunStep {
  const entries = Object.entries(converts)
  return (run) => {
    for (const [field, to] of entries) {
      const value = read(run, field)
      if (value === undefined) continue
      const converted = convert(value, to)
      if (converted !== undefined) run.out[field] = converted
    }
    return true
  }
}

function convert(value: FieldValue, to: Convert): FieldValue | undefined {
  switch (to) {
    case 'int':
    case 'float': {
      const number = Number(value)
      if (value === '' || !Number.isFinite(number)) return undefined
      return to === 'int' ? Math.trunc(number) : number
    }
    case 'boolean':
      return /^(?:true|yes|1|on)$/i.test(String(value))
    case 'lowercase':
      return String(value).toLowerCase()
    case 'uppercase':
      return String(value).toUpperCase()
    case 'string':
      return String(value)
    case 'list':
      return Array.isArray(value) ? value : [value]
  }
}

function lookupStep(lookup: NonNullable<Step['lookup']>): RunStep {
  const table = new Map(Object.entries(lookup.table))
  return (run) => {
    const key = read(run, lookup.field)
    if (key === undefined) return true
    const value = table.get(String(key)) ?? table.get(String(key).toLowerCase()) ?? lookup.otherwise
    if (value !== undefined) run.out[lookup.to] = value
    return true
  }
}

function dateStep(date: NonNullable<Step['date']>, path: PropertyKey[]): RunStep {
  const readers = date.formats.map((format, i) => {
    try {
      return compileDate(format, date.zone)
    } catch (error) {
      throw new ParserFault((error as Error).message, [...path, 'formats', i])
    }
  })
  // Lines of one second carry the same text: the last one is remembered.
  let lastText = ''
  let lastMs: number | undefined
  return (run) => {
    const value = read(run, date.field)
    if (value === undefined) return true
    const text = String(value)
    if (text !== lastText) {
      lastText = text
      lastMs = typeof value === 'number' ? toTimestampMs(value) : undefined
      for (let i = 0; lastMs === undefined && i < readers.length; i++) lastMs = readers[i]!(text)
    }
    if (lastMs === undefined) return true
    run.out['@timestamp'] = lastMs
    if (date.field !== '@timestamp') run.out[date.field] = undefined
    return true
  }
}

function setStep(values: Record<string, FieldValue>, path: PropertyKey[]): RunStep {
  const entries = Object.entries(values)
  for (const [field] of entries)
    if (!isFieldName(field)) throw new ParserFault(`"${field}" cannot be a field name`, [...path, field])
  return (run) => {
    for (let i = 0; i < entries.length; i++) run.out[entries[i]![0]] = entries[i]![1]
    return true
  }
}

function removeStep(fields: readonly string[]): RunStep {
  return (run) => {
    for (const field of fields) run.out[field] = undefined
    return true
  }
}
