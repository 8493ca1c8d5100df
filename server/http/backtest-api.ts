// POST /api/rules/backtest
import { z } from '@hono/zod-openapi'
import { parseDuration } from '#core/duration.ts'

const duration = z
  .string()
  .max(20)
  .refine((text) => parseDuration(text) !== undefined, 'a duration such as 30s or 5m')

export const BacktestBody = z.object({
  rule: z.string().max(300).optional().describe('The name of an alerting rule in force; or give `expr`'),
  expr: z.string().max(20_000).optional(),
  for: duration.optional(),
  keepFiringFor: duration.optional(),
  labels: z.record(z.string(), z.string()).optional(),
  fromMs: z.number(),
  toMs: z.number(),
  step: duration.default('1m').describe('How often it is evaluated'),
})

const time = z.number()
export const BacktestAnswer = z.object({
  fromMs: time,
  toMs: time,
  stepMs: z.number(),
  evaluations: z.int(),
  fired: z.int().describe('How often it would have fired'),
  firingMs: z.number().describe('Of all alerts together'),
  anyFiringMs: z.number().describe('During which at least one fired'),
  pendingOnly: z.int().describe('Held, but not for long enough'),
  episodes: z.array(
    z.object({
      labels: z.record(z.string(), z.string()),
      activeAtMs: time,
      firedAtMs: time.nullable(),
      endedAtMs: time.nullable().describe('null: still so at the end of the range'),
      firstValue: z.number().nullable(),
      lastValue: z.number().nullable(),
    }),
  ),
})
