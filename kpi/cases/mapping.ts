// How a file of somebody else's becomes our records, as data: which column is which field, and how it is read.
import { z } from 'zod'

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
  time: z.string().optional().describe('`iso`, `ms`, or a form such as `MM/DD/YYYY hh:mm:ss A`'),
  type: z.enum(['text', 'number', 'boolean', 'list']).optional(),
  missing: z.array(z.string()).default(['']).describe('Texts that mean: not known'),
  trues: z.array(z.string()).default(['true', 'yes', '1', '是', 'Y']),
  separator: z.string().default(';'),
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
  measures: z.record(z.string(), z.string()).default({}).describe('What a measure is called here'),
  set: z.record(z.string(), z.string()).default({}).describe('Fields set from the match'),
  time: z.strictObject({ field: z.string(), text: z.string(), form: z.string() }).optional(),
})

export const mappingSchema = z.strictObject({
  fact: z.enum(['case', 'item', 'system', 'resource', 'certificate', 'business', 'figure', 'cost', 'security']),
  format: z.enum(['csv', 'json', 'xlsx']).optional().describe('Without it the name of the file decides'),
  encoding: z.enum(['auto', 'utf-8', 'gb18030']).default('auto'),
  separator: z.string().length(1).default(','),
  sheet: z.string().optional(),
  headerRow: z.int().min(1).max(100).default(1),
  zone: z.string().default('Asia/Shanghai').describe('Of times that carry no offset'),
  rows: z.string().default('$[*]').describe('JSON: where the rows are, `$[*].items[*]`'),
  group: z.string().optional().describe('Rows with the same value of this column are one case; each is a step'),
  known: z.string().optional().describe('A field that says when we came to know a row; without it the time of import'),
  /** A later file stands for the whole: what it does not name any more is gone. */
  snapshot: z.boolean().default(false),
  fields: fieldsSchema,
  step: fieldsSchema.optional(),
  unpivot: z.array(unpivotSchema).default([]),
})
export type Mapping = z.output<typeof mappingSchema>
