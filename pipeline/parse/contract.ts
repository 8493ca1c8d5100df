// What a parser file may say. A parser is data: `rules/parsers/<id>.yml`.
import { z } from 'zod'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const listOf = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item)]).transform((value) => (Array.isArray(value) ? value : [value]) as z.output<T>[])

const condition = z
  .union([
    scalar,
    z.array(scalar),
    z.strictObject({
      exists: z.boolean().optional(),
      startsWith: z.string().optional(),
      contains: z.string().optional(),
      matches: z.string().optional().describe('RE2 regular expression'),
      gte: z.number().optional(),
      lt: z.number().optional(),
    }),
  ])
  .describe('A value, a list of values of which one must be equal, or tests that must all hold')
export type Condition = z.output<typeof condition>

const when = z.record(z.string(), condition).optional().describe('Field conditions; all must hold')
const set = z.record(z.string(), z.union([scalar, z.array(scalar)])).describe('Field: value')

export const converts = ['int', 'float', 'boolean', 'lowercase', 'uppercase', 'string', 'list'] as const
export type Convert = (typeof converts)[number]

const caseSchema = z.strictObject({
  startsWith: z.string().optional().describe('Literal the text must start with; saves trying the pattern'),
  contains: z.string().optional().describe('Literal the text must contain; saves trying the pattern'),
  pattern: z.string().optional().describe('RE2 regular expression; named groups are fields: (?<source.address>…)'),
  set: set.optional(),
})

const step = z.strictObject({
  when,
  optional: z.boolean().default(false).describe('Go on when this step does not apply to the text'),
  field: z.string().default('message').describe('Field to read; `message` is the text without transport headers'),
  cases: z.array(caseSchema).min(1).optional().describe('The first case that matches sets its fields'),
  kv: z
    .strictObject({
      pairs: z.string().min(1).max(4).default(' ').describe('Between pairs'),
      assign: z.string().min(1).max(2).default('=').describe('Between key and value'),
      prefix: z.string().default('').describe('Put before each key'),
      min: z.int().min(1).default(1).describe('Fewer pairs mean that the text is something else'),
    })
    .optional(),
  json: z.strictObject({ prefix: z.string().default('') }).optional(),
  csv: z.strictObject({ columns: z.array(z.string()).min(1), delimiter: z.string().length(1).default(',') }).optional(),
  cef: z.strictObject({}).optional(),
  leef: z.strictObject({}).optional(),
  audit: z.strictObject({}).optional().describe('A record of the Linux audit system'),
  windowsXml: z.strictObject({}).optional().describe('A Windows event as XML, or its EventData alone'),
  date: z
    .strictObject({
      field: z.string(),
      formats: z.array(z.string()).min(1),
      zone: z.string().default('local').describe('Zone of texts without one: `local`, `UTC` or an offset like +08:00'),
    })
    .optional()
    .describe('Sets @timestamp; formats: iso, unix, unix_ms, or made of yyyy MM dd MMM d HH mm ss SSS ZZ'),
  rename: z.record(z.string(), z.string()).optional().describe('From: to'),
  copy: z.record(z.string(), z.string()).optional().describe('From: to, keeping both'),
  remove: z.array(z.string()).optional(),
  convert: z.record(z.string(), z.enum(converts)).optional(),
  lookup: z
    .strictObject({
      field: z.string(),
      to: z.string(),
      table: z.record(z.string(), scalar),
      otherwise: scalar.optional(),
    })
    .optional(),
  set: set.optional(),
})
export type Step = z.output<typeof step>
export type Case = z.output<typeof caseSchema>

export const stepKinds = [
  'cases',
  'kv',
  'json',
  'csv',
  'cef',
  'leef',
  'audit',
  'windowsXml',
  'date',
  'rename',
  'copy',
  'remove',
  'convert',
  'lookup',
  'set',
] as const

export const parserSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, 'use lower-case letters, digits, dots and dashes'),
  title: z.string(),
  dataset: z.string().max(128).describe('event.dataset of what it parsed'),
  priority: z.int().default(50).describe('Among parsers that match, lower is tried first'),
  match: z
    .strictObject({
      datasets: listOf(z.string()).default([]).describe('Dataset hints of the source'),
      process: listOf(z.string()).default([]).describe('process.name, exactly'),
      paths: listOf(z.string()).default([]).describe('log.file.path globs'),
      contains: listOf(z.string()).default([]).describe('Literals: any line that contains one is tried'),
      startsWith: listOf(z.string()).default([]).describe('Literals: any line that starts with one is tried'),
      fields: listOf(z.string())
        .default([])
        .describe('For events that come as fields and not as text: those that have all of these are tried'),
    })
    .describe('Any of these makes the parser a candidate'),
  envelope: z
    .boolean()
    .default(false)
    .describe('What it read carries a line of somebody else: its `message` is parsed again'),
  steps: z.array(step).min(1),
  samples: z
    .array(
      z.strictObject({
        line: z.string().default('').describe('The line as received; none when the event comes as fields'),
        fields: z.record(z.string(), z.unknown()).default({}).describe('What the transport knows of it'),
        dataset: z.string().optional().describe('Dataset hint'),
        expect: z.record(z.string(), z.unknown()).describe('Fields of the event; null: must not be there'),
      }),
    )
    .min(1),
})
export type ParserSource = z.output<typeof parserSchema>
