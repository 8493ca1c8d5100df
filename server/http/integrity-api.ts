// Shapes of the integrity checks. A flag is a question, never a verdict.
import { z } from '@hono/zod-openapi'
import { Words } from './kpi-api.ts'

export const Grade = z.enum(['A', 'B', 'C', 'D', 'E'])
export const GradeGiven = z.object({
  grade: Grade,
  says: Words,
  because: z
    .array(z.object({ condition: z.string(), needed: z.number(), is: z.number() }))
    .describe('Conditions of the next better grade that do not hold'),
})

export const FlagBody = z.object({
  id: z.string(),
  check: z.string(),
  rule: z.string(),
  unit: z.string(),
  region: z.string(),
  period: z.string(),
  pValue: z.number().nullable(),
  qValue: z.number().nullable().describe('Smallest rate of false discoveries at which it would still be one'),
  statistic: z.number(),
  measure: Words,
  count: z.number(),
  seen: z.number().nullable(),
  expected: z.number().nullable(),
  evidence: z.array(z.string()).describe('Ids of cases or cells, a few'),
  question: Words,
  level: z
    .enum(['question', 'spot-check'])
    .describe('A spot check: the unit stands out as one in twenty honest ones does'),
  state: z.enum(['open', 'cleared']),
  resolution: z.enum(['explained', 'corrected', 'confirmed']).nullable(),
  firstSeenMs: z.number(),
  lastSeenMs: z.number(),
})

export const RunBody = z.object({
  period: z.string(),
  startedMs: z.number(),
  endedMs: z.number(),
  cases: z.number(),
  units: z.number(),
  tests: z.number(),
  flags: z.number(),
  spotChecks: z.number().optional().describe('Units that stand out as a whole and are not asked'),
  opened: z.number(),
  cleared: z.number(),
  discoveryRate: z.number(),
  outages: z.array(
    z.object({ kind: z.string(), region: z.string(), fromMs: z.number(), toMs: z.number(), source: z.string() }),
  ),
  traceRulesVersion: z.string(),
  gradeRulesVersion: z.string(),
})

export const FlagQuery = z.object({
  unit: z.string().max(200).optional(),
  region: z.string().max(32).optional(),
  check: z.string().max(4).optional(),
  period: z.string().max(10).optional(),
  state: z.enum(['open', 'cleared']).optional(),
  level: z.enum(['question', 'spot-check']).default('question'),
  limit: z.coerce.number().int().min(1).max(5000).default(500),
})

export const UnitRow = z.object({
  unit: z.string(),
  region: z.string(),
  grade: Grade.nullable(),
  because: GradeGiven.shape.because,
  cases: z.number(),
  corroborable: z.number(),
  corroborated: z.number(),
  blind: z.number(),
  prompt: z.number(),
  closed: z.number(),
  unconnected: z.array(z.string()).describe('Kinds of telemetry that hardly ever see the unit'),
  flags: z.number().describe('Open, and not explained or corrected'),
  checks: z.record(z.string(), z.number()).describe('Open flags by check'),
})

export const Summary = z.object({
  run: RunBody.nullable(),
  grades: z.record(z.string(), z.number()).describe('Units by grade'),
  units: z.array(UnitRow).describe('Those with most to ask first'),
  unitCount: z.number(),
  total: z.object({ cases: z.number(), corroborable: z.number(), corroborated: z.number(), blind: z.number() }),
  checks: z.record(z.string(), z.number()).describe('Open flags by check'),
})
export const SummaryQuery = z.object({
  region: z.string().max(32).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(200),
})

export const FunnelBody = z.object({
  rule: z.string(),
  spread: z.number().describe('Squared coefficient of variation of the shares of units'),
  points: z.array(
    z.object({
      unit: z.string(),
      count: z.number(),
      seen: z.number(),
      expected: z.number(),
      pValue: z.number(),
      qValue: z.number(),
    }),
  ),
})

export const FlagDetail = z.object({ flag: FlagBody, funnel: FunnelBody.nullable(), grade: GradeGiven.nullable() })
export const RunQuery = z.object({
  period: z
    .string()
    .regex(/^\d{4}$/)
    .optional()
    .describe('A year; the running one'),
})
