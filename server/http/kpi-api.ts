// Shapes of the performance platform. Ratios are exact: integers as text. Times are milliseconds since the epoch.
import { z } from '@hono/zod-openapi'

export const Ratio = z.object({ numerator: z.string(), denominator: z.string() }).describe('Reduced; decimal digits')
export const Words = z.object({ en: z.string(), zh: z.string() })
export const ValueState = z.enum([
  'value',
  'zero',
  'missing',
  'not-applicable',
  'suppressed',
  'provisional',
  'disputed',
])

export const KpiValueBody = z.object({
  kpi: z.string(),
  period: z.object({ label: z.string(), fromMs: z.number(), toMs: z.number() }),
  dimensions: z.record(z.string(), z.string()),
  switches: z.record(z.string(), z.string()),
  state: ValueState,
  ratio: Ratio.nullable(),
  numerator: z.string().nullable(),
  denominator: z.string().nullable(),
  count: z.number(),
  groups: z.object({ count: z.number(), counted: z.number() }).nullable(),
  exclusions: z.record(z.string(), z.number()),
  coverage: z.object({ received: z.number(), expected: z.number() }).nullable(),
  target: z.object({
    ratio: Ratio.nullable(),
    source: z.string(),
    status: z.enum(['met', 'near', 'missed', 'no-target', 'exempt', 'unknown']),
    direction: z.enum(['up', 'down']),
  }),
  grade: z.enum(['A', 'B', 'C', 'D', 'E']).nullable(),
  validMs: z.number(),
  knownMs: z.number(),
  definitionVersion: z.string(),
  definitionSpan: z
    .object({ applied: z.enum(['part', 'outside']), others: z.array(z.string()) })
    .optional()
    .describe('The definition was in force for a part of the period, or not at all; which others were'),
  catalogueVersion: z.number().nullable(),
  calendarVersion: z.string(),
  published: z
    .object({
      period: z.string(),
      state: z.enum(['frozen', 'published']),
      hash: z.string().describe('SM3 of all figures of the release: its leaf in the ledger says the same'),
      leafIndex: z.number().nullable(),
      restatement: z.string().nullable().describe('In force; null: it is as it was published'),
      ratio: Ratio.nullable().describe('As it was first published'),
      counted: Ratio.nullable().describe('What the evidence gives now'),
    })
    .optional()
    .describe('Of a cell of a frozen period, whose value is what was published or its restatement in force'),
})

const Switch = z.object({
  id: z.string(),
  name: Words,
  default: z.string(),
  options: z.array(z.object({ id: z.string(), says: Words.nullable() })),
})
const Target = z.object({
  value: z.string().nullable(),
  near: z.string().nullable(),
  source: z.string(),
  where: z.record(z.string(), z.string()),
})
const DefinitionVersion = z.object({
  version: z.string(),
  validFrom: z.string(),
  validTo: z.string().nullable().describe('Exclusive; null: still in force'),
  known: z.string().nullable().describe('The day it was published, where it is applied backwards'),
  switches: z.array(Switch),
  targets: z.array(Target),
  source: z.string().describe('The definition as it is written, YAML'),
})

export const DefinitionRow = z.object({
  id: z.string(),
  name: Words,
  question: Words,
  owner: z.string(),
  group: z.string(),
  version: z.string(),
  fact: z.string(),
  unit: z.string(),
  direction: z.enum(['up', 'down']),
  aggregation: z.string(),
  cohort: z.string(),
  dimensions: z.array(z.string()),
  validFrom: z.string(),
  switches: z.array(Switch),
  targets: z.array(Target),
  source: z.string().describe('The definition as it is written, YAML'),
  versions: z
    .array(DefinitionVersion)
    .describe('All of them, by when they come into force; above is the one in force now'),
})

export const ValueQuery = z.object({
  kpi: z.string().max(64),
  period: z.string().max(10).default('all').describe('2026-10, 2026-Q3, 2026 or all'),
  by: z.string().max(200).default('').describe('Dimensions, comma between them; `period` gives one cell per month'),
  only: z
    .string()
    .max(2000)
    .default('')
    .describe('name=value, comma between them; a code of a region covers what is below'),
  switches: z.string().max(2000).default('').describe('name=option, comma between them'),
  validMs: z.coerce.number().optional().describe('The world as it was then'),
  knownMs: z.coerce.number().optional().describe('… as far as it was known then'),
  version: z.string().max(20).optional().describe('By this version of the definition, whatever was in force'),
})

export const WhatIfQuery = ValueQuery.omit({ switches: true, validMs: true, knownMs: true, version: true })
export const WaterfallQuery = z.object({
  kpi: z.string().max(64),
  from: z.string().max(10),
  to: z.string().max(10),
  by: z.string().max(64).default('department'),
  only: z.string().max(2000).default(''),
  switches: z.string().max(2000).default(''),
  switchesBefore: z.string().max(2000).optional().describe('Choices in force before, when they differ'),
  knownMsBefore: z.coerce.number().optional().describe('What was said then of `from`'),
})

export const CasesQuery = z.object({
  region: z.string().max(32).optional(),
  department: z.string().max(200).optional(),
  item: z.string().max(200).optional(),
  category: z.string().max(200).optional(),
  period: z.string().max(10).optional(),
  cohort: z.enum(['opened', 'closed']).optional().describe('Which of them falls into the period; either when absent'),
  knownMs: z.coerce.number().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
})

export const StoredCaseBody = z.object({
  record: z.record(z.string(), z.unknown()),
  knownMs: z.number(),
  sequence: z.number(),
  hash: z.string().describe('SM3 of the canonical JSON of `record`: its leaf in the ledger'),
})

export const IngestResult = z.object({
  stored: z.number(),
  duplicates: z.number(),
  late: z.number(),
  conflicts: z.array(z.object({ id: z.string(), version: z.number() })),
  setAside: z.array(z.object({ row: z.number(), cause: z.string(), hint: z.string() })),
  lastSequence: z.number(),
})

export const PublicationBody = z.object({
  version: z.number(),
  state: z.enum(['proposed', 'published', 'refused']),
  note: z.string(),
  proposedBy: z.string(),
  proposedMs: z.number(),
  decidedBy: z.string().nullable(),
  decidedMs: z.number().nullable(),
  counts: z.object({ added: z.number(), changed: z.number(), removed: z.number() }),
  hash: z.string(),
})

export const CatalogueImport = z.object({
  mapping: z.record(z.string(), z.unknown()).describe('See docs/kpi/README.md'),
  content: z.string().describe('The file: CSV or JSON as text, Excel as Base64'),
  base64: z.boolean().optional().describe('CSV and JSON are Base64 too: for GB18030, Big5, UTF-16'),
  format: z.enum(['csv', 'json', 'xlsx']),
  whole: z.boolean().default(false).describe('What it does not name is removed'),
  note: z.string().max(2000).default(''),
  dryRun: z.boolean().default(true),
})

export const CatalogueImportResult = z.object({
  dryRun: z.boolean(),
  added: z.array(z.string()),
  changed: z.array(z.object({ id: z.string(), fields: z.array(z.string()) })),
  removed: z.array(z.string()),
  addedCount: z.number(),
  changedCount: z.number(),
  removedCount: z.number(),
  unchanged: z.number(),
  problems: z.array(z.object({ row: z.number(), cause: z.string(), hint: z.string() })),
  publication: PublicationBody.nullable(),
})

export const CaseImport = z.object({
  mapping: z.record(z.string(), z.unknown()).describe('See docs/kpi/README.md'),
  content: z.string().describe('The file: CSV or JSON as text, Excel as Base64'),
  base64: z.boolean().optional().describe('CSV and JSON are Base64 too: for GB18030, Big5, UTF-16'),
  format: z.enum(['csv', 'json', 'xlsx']),
  source: z.string().min(1).max(200).default('file').describe('Who tells of them, where the mapping does not say'),
  dryRun: z.boolean().default(true),
})
export const CaseImportResult = z.object({
  dryRun: z.boolean(),
  rows: z.number(),
  cases: z.number(),
  fresh: z.number().describe('New, or another version of what is known'),
  duplicates: z.number(),
  stored: z.number(),
  problems: z.array(z.object({ row: z.number(), cause: z.string(), hint: z.string() })),
})

export const GapRow = z.object({ kind: z.string(), id: z.string(), name: z.string(), department: z.string() })

export const RestatementBody = z.object({
  id: z.string(),
  release: z.string().describe('The period whose release holds the cell'),
  state: z.enum(['proposed', 'in-force', 'refused']),
  cause: z.enum(['late-data', 'correction', 'definition', 'catalogue', 'calendar', 'adjudication']),
  reason: z.string(),
  before: KpiValueBody,
  after: KpiValueBody,
  proposedBy: z.string(),
  approvedBy: z.array(z.string()),
  knownMs: z.number(),
  appeal: z.string().describe('That it follows from; empty: none'),
  exempt: z.array(z.string()).describe('Cases that it takes out of the indicator'),
})
export const NewRestatement = z.object({
  kpi: z.string().max(64),
  period: z.string().max(10).describe('Of a release that is frozen or published, or of an appeal that was upheld'),
  dimensions: z.record(z.string().max(64), z.string().max(200)).default({}),
  cause: RestatementBody.shape.cause,
  reason: z.string().min(1).max(4000),
  appeal: z.string().max(64).optional().describe('Upheld: its cell is restated from what was said when it was raised'),
})

export const Refusal = z.object({ reason: z.string().min(1).max(4000) })

export const RankingQuery = ValueQuery.extend({
  before: z.string().max(10).default('').describe('A period to measure improvement from'),
})
export const RankedBody = z.object({
  value: KpiValueBody,
  rank: z.number().nullable(),
  tied: z.boolean().describe('It cannot be told apart from another of the same rank'),
  low: z.number().nullable(),
  high: z.number().nullable(),
  improvement: z
    .object({
      change: z.number().describe('Since `before`; positive is better'),
      low: z.number().nullable(),
      high: z.number().nullable(),
      rank: z.number(),
      tied: z.boolean(),
    })
    .nullable(),
})
export const StepBody = z.object({
  kind: z.enum(['rate', 'mix', 'denominator', 'definition', 'restatement']),
  change: Ratio,
  groups: z.array(z.object({ name: z.string(), change: z.number() })),
})
export const WaterfallBody = z.object({ before: KpiValueBody, after: KpiValueBody, steps: z.array(StepBody) })
export type Body<T extends z.ZodType> = z.output<T>
