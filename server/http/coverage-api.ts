// Shapes of coverage: received of expected, by unit.
import { z } from '@hono/zod-openapi'

export const Cohort = z.enum(['opened', 'closed'])
const Month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/)

export const CoverageQuery = z.object({
  period: z.string().max(10).default('').describe('2026-10, 2026-Q3, 2026; empty: the running month'),
  cohort: Cohort.default('closed'),
})

export const UnitCoverageRow = z.object({
  region: z.string(),
  department: z.string(),
  received: z.number(),
  expected: z.number().nullable().describe('null: nobody says what to expect'),
  bases: z.array(z.object({ basis: z.enum(['declared', 'catalogue', 'history']), count: z.number() })),
  state: z.enum(['whole', 'short', 'missing', 'none', 'unknown']),
  lastArrivalMs: z.number().nullable(),
  silence: z.object({ quietDays: z.number(), usualDays: z.number(), silent: z.boolean() }).nullable(),
})

export const CoverageBody = z.object({ period: z.string(), units: z.array(UnitCoverageRow) })

export const DeclaredBody = z.object({
  counts: z
    .array(
      z.object({
        region: z.string().regex(/^\d{2,6}$/),
        department: z.string().min(1).max(200),
        month: Month,
        cohort: Cohort,
        count: z.int().min(0).max(1_000_000_000),
        note: z.string().max(2000).default(''),
      }),
    )
    .min(1)
    .max(1000),
})
