// Shapes of the visits, and of the three who judge a unit.
import { z } from '@hono/zod-openapi'

export const VisitRow = z.object({
  visit: z.string().describe("The visitors' own number"),
  atMs: z.number(),
  region: z.string(),
  department: z.string(),
  item: z.string(),
  kpi: z.string().describe('Empty: the service as a whole'),
  asReported: z.boolean(),
  visitor: z.string(),
  note: z.string(),
})
export const VisitQuery = z.object({
  period: z.string().max(10).default('all'),
  kpi: z.string().max(64).optional(),
  department: z.string().max(200).optional(),
  region: z.string().max(32).optional().describe('Its code covers what is below it'),
  limit: z.coerce.number().int().min(1).max(5000).default(200),
})
export const VisitPage = z.object({ total: z.number(), visits: z.array(VisitRow) })

export const VisitImport = z.object({
  content: z.string().describe('The file: CSV or JSON as text, Excel as Base64'),
  base64: z.boolean().optional().describe('CSV and JSON are Base64 too: for GB18030, Big5, UTF-16'),
  format: z.enum(['csv', 'json', 'xlsx']),
  dryRun: z.boolean().default(true),
})
export const VisitImportResult = z.object({
  dryRun: z.boolean(),
  added: z.number(),
  changed: z.number(),
  unchanged: z.number(),
  problems: z.array(z.object({ row: z.number(), cause: z.string(), hint: z.string() })),
})

export const SourcesQuery = z.object({
  kpi: z.string().max(64),
  period: z.string().max(10),
  by: z.enum(['city', 'department']).default('city'),
  only: z.string().max(2000).default(''),
})
const Source = z.object({
  share: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  count: z.number().describe('Cases, ratings or visits'),
})
export const ThreeSourcesRow = z.object({
  dimensions: z.record(z.string(), z.string()),
  reported: Source.nullable().describe('The indicator, as the unit reports it'),
  telemetry: Source.nullable().describe('Cases that somebody else saw, of those that could be seen'),
  citizens: Source.nullable().describe('Satisfied, of the ratings that citizens gave'),
  visits: Source.nullable().describe('Visits that found it as reported'),
  disagree: z
    .array(z.enum(['telemetry', 'citizens', 'visits']))
    .describe(
      'Who says otherwise: ahead of its peers by its own report and behind them here, or contradicted by visits',
    ),
})
