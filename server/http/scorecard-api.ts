// Shapes of the scorecard.
import { z } from '@hono/zod-openapi'
import { KpiValueBody, Ratio, ValueState, Words } from './kpi-api.ts'

export const ScorecardQuery = z.object({
  period: z.string().max(10).default('').describe('2026-10, 2026-Q3 or 2026; the last whole month when absent'),
  only: z.string().max(2000).default('').describe('name=value, comma between them'),
})
export const ShortValue = z.object({
  period: z.string(),
  dimensions: z.record(z.string(), z.string()),
  state: ValueState,
  ratio: Ratio.nullable(),
  status: z.enum(['met', 'near', 'missed', 'no-target', 'exempt', 'unknown']),
  count: z.number(),
  grade: KpiValueBody.shape.grade,
  coverage: KpiValueBody.shape.coverage,
})
const Change = z
  .object({
    by: z.number().describe('Positive is more, whether that is better or not'),
    means: z
      .enum(['better', 'worse', 'same'])
      .describe('By the direction of the indicator; same: cannot be told from chance at 95 %'),
  })
  .nullable()
const Unknown = z.object({
  count: z.number(),
  ratio: Ratio.nullable(),
  switches: z.string().describe('name=option that leaves them out'),
})
export const ScorecardRow = z.object({
  id: z.string(),
  name: Words,
  group: z.string(),
  unit: z.string(),
  direction: z.enum(['up', 'down']),
  isOfCases: z.boolean().describe('A flow of cases, by period; else a state of the catalogue'),
  value: KpiValueBody.nullable(),
  unknown: Unknown.nullable().describe('Of which nothing is known, and what the figure is without them'),
  near: z.string().nullable().describe('Decimal digits: from here on it is near the target'),
  due: z.string().nullable().describe('The day by which the target is to be reached'),
  exemptUntil: z.string().nullable(),
  before: KpiValueBody.nullable(),
  yearAgo: KpiValueBody.nullable(),
  since: z.object({ before: Change, yearAgo: Change }),
  months: z.array(ShortValue),
  cities: z.array(ShortValue),
})
export const Scorecard = z.object({ period: z.string(), rows: z.array(ScorecardRow) })
export const HeatQuery = z.object({
  by: z.enum(['city', 'region', 'department']).default('city'),
  group: z.string().max(32).default('six'),
  period: z.string().max(10).default(''),
  only: z.string().max(2000).default(''),
  sort: z.string().max(64).default('').describe('An indicator, the worst first; -indicator: the best first'),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
})
export const Heat = z.object({
  period: z.string(),
  kpis: z.array(
    z.object({
      ...{ id: z.string(), name: Words, unit: z.string(), direction: z.enum(['up', 'down']) },
      period: z.string().describe('`all` for a state of the catalogue'),
      low: z.number().nullable().describe('Smallest and largest of all units, for one scale'),
      high: z.number().nullable(),
    }),
  ),
  total: z.number().describe('Units, of which `limit` are in rows'),
  rows: z.array(
    z.object({
      unit: z.string(),
      city: z.string(),
      cells: z.array(ShortValue.nullable()).describe('In the order of kpis'),
    }),
  ),
})
export const BurnUpQuery = z.object({
  kpi: z.string().max(64),
  only: z.string().max(2000).default(''),
  switches: z.string().max(2000).default(''),
})
const Point = z.object({ month: z.string(), value: z.number().nullable() })
export const BurnUp = z.object({
  target: z.number().nullable(),
  near: z.number().nullable(),
  due: z.string().nullable(),
  points: z
    .array(Point)
    .describe('Whole months; of a state of the catalogue as it was known at their ends, and last as it is now'),
  forecast: z.array(z.object({ month: z.string(), value: z.number(), low: z.number(), high: z.number() })),
  pace: z.number().nullable().describe('Change per month of the trend'),
  required: z.number().nullable().describe('Change per month that reaches the target on its day'),
  reaches: z.string().nullable().describe('The month in which the trend is at the target'),
  plan: z
    .array(z.object({ month: z.string(), value: z.number() }))
    .nullable()
    .describe('From the first figure to the target on its day; null when that was before the first figure'),
  trendOf: z
    .object({ months: z.number(), needed: z.number() })
    .describe('Months with a figure, and how many a trend needs'),
  since: z.string().nullable().describe('The month from which on anything is known'),
  running: z.string().nullable().describe('The month of the last point, when it is not over: a state as it is now'),
})
export const Names = z.object({
  regions: z.record(z.string(), z.string()),
  groups: z.record(z.string(), z.string()).describe('Cities by code: those that are compared with one another'),
  peers: z.record(z.string(), z.array(z.string())).describe('Several groups under one name, e.g. 粤东西北'),
  tiles: z.record(z.string(), z.tuple([z.number(), z.number()])).describe('Cities by code: column and row on a map'),
  departments: z.record(z.string(), z.string()),
  items: z.record(z.string(), z.string()),
})
