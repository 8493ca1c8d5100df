// Shapes of the departments' databases that cases are read from. No address and no secret is among them.
import { z } from '@hono/zod-openapi'

const Counts = { rows: z.number(), stored: z.number(), duplicates: z.number(), late: z.number() }

export const PullSourceRow = z.object({
  id: z.string(),
  name: z.object({ en: z.string(), zh: z.string() }),
  ...{ department: z.string(), region: z.string(), engine: z.enum(['postgresql', 'mysql']), everyMs: z.number() },
  enabled: z.boolean(),
  state: z.enum(['new', 'ok', 'failed']),
  running: z.boolean(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
  failures: z.number(),
  failedSinceMs: z.number().nullable(),
  lastRunMs: z.number().nullable(),
  lastOkMs: z.number().nullable(),
  nextMs: z.number(),
  updated: z.string().nullable().describe('The cursor: when the last row that was taken was changed'),
  ...Counts,
  setAside: z.number().describe('Rows that could not be taken and still cannot'),
  remarks: z.array(z.string()),
})

export const PullDetail = z.object({
  source: PullSourceRow,
  runs: z.array(
    z.object({
      id: z.number(),
      startedMs: z.number(),
      endedMs: z.number(),
      ...Counts,
      setAside: z.number(),
      errorCode: z.string().nullable(),
      errorMessage: z.string().nullable(),
    }),
  ),
  setAside: z.array(z.object({ rowKey: z.string(), cause: z.string(), hint: z.string(), lastMs: z.number() })),
})
