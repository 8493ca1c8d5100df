// How a file of somebody else's becomes our records, as data: which column is which field, and how it is read.
import { z } from 'zod'
import { compileRegex } from '#core/regex.ts'
import { suggest } from '#core/yaml-source.ts'
import { channels, outcomes } from '#stores/cases/case.ts'
import { zoneOf } from '../time/zone.ts'
import { obtainedWays, partFields, stopKinds, traceKinds } from './case-parts.ts'
import { mappableCaseFields } from './case-record.ts'
import { problemOfForm, problemOfForms } from './read-time.ts'
import { encodings } from './text-encoding.ts'

const decimalSigns = ['.', ','] as const
export type DecimalSign = (typeof decimalSigns)[number]
const decimal = z.enum(decimalSigns).default('.').describe('What stands before the fraction of a number')
/** Columns, and one or more texts for each. */
const texts = z.record(z.string().min(1), z.union([z.string(), z.array(z.string()).min(1).max(1000)]))
const form = z.string().min(1).max(100)

const fieldObject = z.strictObject({
  column: z.string().optional().describe('Header of the column, white space normalised; or a path in JSON: a.b'),
  value: z.string().optional().describe('The same for every row'),
  join: z.array(z.string()).optional().describe('Columns joined by `/`'),
  up: z.int().min(0).max(5).default(0).describe('JSON: taken from so many levels above the row'),
  query: z.string().optional().describe('The text is an address: this parameter of its query'),
  pick: z.string().max(500).optional().describe('A regular expression …'),
  as: z.string().max(200).optional().describe('… and what becomes of a match: `{year} {month}`, its named groups'),
  map: z.record(z.string(), z.string()).optional(),
  otherwise: z.string().optional().describe('For what `map` does not name'),
  when: texts
    .optional()
    .describe('Only rows that say one of these in that column tell of the field: `{ activity: [A_Accepted] }`'),
  time: z
    .union([form, z.array(form).min(1).max(10)])
    .optional()
    .describe(
      '`iso`, `ms`, `s`, `excel` or `excel1904` (the number behind a date), `roc`, or a form such as `MM/DD/YYYY hh:mm:ss A`; several are tried in turn',
    ),
  yearsFrom: z.int().min(1800).max(2100).optional().describe('YY counts from here: 1950 for 1950 to 2049'),
  decimal,
  type: z.enum(['text', 'number', 'boolean', 'list']).optional(),
  missing: z.array(z.string()).default(['']).describe('Texts that mean: not known'),
  trues: z.array(z.string()).optional().describe('Texts that mean yes; without `falses` all others mean no'),
  falses: z.array(z.string()).optional().describe('Texts that mean no; what is neither is refused'),
  separator: z.string().default(';'),
  from: z
    .enum(['first', 'last', 'earliest', 'latest'])
    .optional()
    .describe('Rows of one case that differ here: which of them counts; without it they must agree'),
})
/** A text alone is the name of a column. */
const fieldSchema = z.preprocess((value) => (typeof value === 'string' ? { column: value } : value), fieldObject)
export type FieldMapping = z.output<typeof fieldSchema>

const fieldsSchema = z.record(z.string().min(1), fieldSchema)

const unpivotSchema = z.strictObject({
  header: z
    .string()
    .max(500)
    .describe('Columns whose normalised header matches; in JSON: keys of the object at `path`'),
  path: z.string().optional(),
  missing: z.array(z.string()).default(['']),
  /** Texts with `{name}` for a named group of the match, `{column}` for the header. Columns with the same key are one row. */
  key: z.string().default('{column}'),
  measure: z.string().default('value'),
  decimal,
  measures: z.record(z.string(), z.string()).default({}).describe('What a measure is called here'),
  set: z.record(z.string(), z.string()).default({}).describe('Fields set from the match'),
  time: z.strictObject({ field: z.string(), text: z.string(), form: z.string() }).optional(),
})

const mappingObject = z.strictObject({
  fact: z.enum(['case', 'item', 'system', 'resource', 'certificate', 'business', 'figure', 'cost', 'security']),
  format: z.enum(['csv', 'json', 'xlsx']).optional().describe('Without it the name of the file decides'),
  encoding: z.enum(['auto', ...encodings]).default('auto'),
  separator: z.string().length(1).default(','),
  sheet: z.string().optional(),
  headerRow: z.int().min(1).max(100).default(1),
  headerRows: z.int().min(1).max(10).default(1).describe('A column is called by all of them: `Limit Amount`'),
  zone: z.string().default('Asia/Shanghai').describe('Of times that carry no offset'),
  rows: z.string().default('$[*]').describe('JSON: where the rows are, `$[*].items[*]`'),
  group: z.string().optional().describe('Rows with the same value of this column are one case; each is a step'),
  skip: texts
    .default({})
    .describe('Rows that say one of these in that column are left out and counted: `{ 编号: [合计] }`'),
  known: z.string().optional().describe('A field that says when we came to know a row; without it the time of import'),
  /** A later file stands for the whole: what it does not name any more is gone. */
  snapshot: z.boolean().default(false),
  fields: fieldsSchema,
  step: fieldsSchema.optional(),
  stops: z
    .array(fieldsSchema)
    .max(20)
    .default([])
    .describe('Clock stops: fromMs, toMs, kind; without fromMs there is none'),
  certificates: z
    .array(fieldsSchema)
    .max(50)
    .default([])
    .describe('obtained, exists, type; without obtained there is none'),
  ratings: z
    .array(fieldsSchema)
    .max(20)
    .default([])
    .describe('grade, atMs, channel, isDefault; without grade there is none'),
  traces: z
    .array(fieldsSchema)
    .max(50)
    .default([])
    .describe('Traces of others: atMs, kind, reference; without atMs there is none'),
  unpivot: z.array(unpivotSchema).default([]),
})
export type Mapping = z.output<typeof mappingObject>

/** Fields and steps alone, for what brings the rest along itself. */
export const mappedFields = mappingObject.pick({
  ...{ fields: true, step: true, stops: true, certificates: true, ratings: true, traces: true },
})

export const mappingSchema = mappingObject.superRefine((mapping, context) => {
  const say: Say = (path, message) => context.addIssue({ code: 'custom', path, message })
  try {
    zoneOf(mapping.zone)
  } catch {
    say(['zone'], `"${mapping.zone.slice(0, 60)}" is no time zone; write Asia/Shanghai`)
  }
  const isCase = mapping.fact === 'case'
  inspectFields(mapping, isCase, say)
  if (mapping.fields['id'] === undefined) say(['fields'], 'the id is missing: say which column tells one from another')
  if (mapping.fields['grade'] && mapping.ratings.length > 0) say(['ratings'], 'give either grade or ratings')
  for (const [name, { from, when }] of Object.entries(mapping.fields)) {
    if (from !== undefined && mapping.group === undefined)
      say(['fields', name], '`from` chooses between rows of a `group`')
    if (when && mapping.group !== undefined && from === undefined)
      say(['fields', name], '`when` leaves the other rows of a case empty: say `from: first`, last, earliest or latest')
  }
  if (!isCase && mapping.group !== undefined) say(['group'], 'only cases have rows that belong together')
  if (isCase && mapping.unpivot.length > 0) say(['unpivot'], 'a case is a row, not a column')
  mapping.unpivot.forEach(({ header, time }, i) => {
    attempt(() => compileRegex(header), ['unpivot', i, 'header'], say)
    const problem = time ? problemOfForm(time.form) : ''
    if (problem !== '') say(['unpivot', i, 'time', 'form'], problem)
  })
})

type Say = (path: PropertyKey[], message: string) => void

/** What can be seen wrong before any row is read, where it is wrong. */
export function inspectFields(mapping: z.output<typeof mappedFields>, isCase: boolean, say: Say): void {
  for (const [name, field] of Object.entries(mapping.fields)) {
    inspectField(field, ['fields', name], say)
    if (!isCase) continue
    if (name === 'channel') inspectWords(field, channels, ['fields', name], say)
    if (name === 'outcome') inspectWords(field, outcomes, ['fields', name], say)
    if (!mappableCaseFields.includes(name) && !/^extra\../.test(name))
      say(
        ['fields', name],
        `a case has no field "${name}". ${suggest(name, mappableCaseFields) || `Write extra.${name}.`}`,
      )
  }
  const list = (fields: Record<string, FieldMapping>, path: PropertyKey[], what: string, known: readonly string[]) => {
    if (!isCase) say(path, 'only cases have them')
    for (const [name, field] of Object.entries(fields)) {
      inspectField(field, [...path, name], say)
      if (!known.includes(name))
        say(
          [...path, name],
          `a ${what} has no field "${name}". ${suggest(name, known) || `There are: ${known.join(', ')}`}`,
        )
    }
    if (what !== 'step' && !fields[known[0]!]) say(path, `a ${what} needs ${known[0]}`)
  }
  if (mapping.step) {
    list(mapping.step, ['step'], 'step', stepFields)
    if (mapping.step['channel']) inspectWords(mapping.step['channel'], channels, ['step', 'channel'], say)
    if (!mapping.step['atMs']) say(['step'], 'a step needs atMs')
  }
  for (const [part, what] of [
    ['stops', 'clock stop'],
    ['certificates', 'certificate'],
    ['ratings', 'rating'],
    ['traces', 'trace'],
  ] as const)
    for (const [i, fields] of mapping[part].entries()) list(fields, [part, i], what, partFields[part])
  for (const [i, { kind }] of mapping.stops.entries())
    if (kind) inspectWords(kind, stopKinds, ['stops', i, 'kind'], say)
  for (const [i, { kind }] of mapping.traces.entries())
    if (kind) inspectWords(kind, traceKinds, ['traces', i, 'kind'], say)
    else say(['traces', i], 'a trace needs kind')
  for (const [i, { obtained }] of mapping.certificates.entries())
    if (obtained) inspectWords(obtained, obtainedWays, ['certificates', i, 'obtained'], say)
}

function inspectField(field: FieldMapping, path: PropertyKey[], say: Say): void {
  const sources = [field.column, field.value, field.join].filter((one) => one !== undefined)
  if (sources.length !== 1) say(path, 'name one of column, value and join')
  const forms = [field.time ?? []].flat()
  const problem = problemOfForms(forms, field.yearsFrom !== undefined)
  if (problem !== '') say([...path, 'time'], problem)
  if (field.pick !== undefined) attempt(() => compileRegex(field.pick!), [...path, 'pick'], say)
}

/** What a field may become is known beforehand, so that a misspelt word is found before the first row. */
function inspectWords(field: FieldMapping, known: readonly string[], path: PropertyKey[], say: Say): void {
  const given = [
    ...Object.values(field.map ?? {}),
    ...[field.otherwise, field.value].filter((one) => one !== undefined),
  ]
  for (const value of given)
    if (!known.includes(value))
      say([...path, 'map'], `"${value}" is none of ${known.join(', ')}. ${suggest(value, known)}`.trim())
}

function attempt(work: () => unknown, path: PropertyKey[], say: Say): void {
  try {
    work()
  } catch (error) {
    say(path, (error as Error).message)
  }
}

const stepFields = ['name', 'channel', 'channelRaw', 'atMs', 'actor']
