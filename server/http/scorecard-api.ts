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
})
export const ScorecardRow = z.object({
  id: z.string(),
  name: Words,
  group: z.string(),
  unit: z.string(),
  direction: z.enum(['up', 'down']),
  isOfCases: z.boolean().describe('A flow of cases, by period; else a state of the catalogue'),
  value: KpiValueBody.nullable(),
  before: KpiValueBody.nullable(),
  yearAgo: KpiValueBody.nullable(),
  months: z.array(ShortValue),
  cities: z.array(ShortValue),
})
export const Scorecard = z.object({ period: z.string(), rows: z.array(ScorecardRow) })
export const Names = z.object({
  regions: z.record(z.string(), z.string()),
  departments: z.record(z.string(), z.string()),
  items: z.record(z.string(), z.string()),
})
