// The shapes of what is known of sensitive data.
import { z } from '@hono/zod-openapi'

const Ranked = z.array(z.object({ value: z.string(), count: z.number().describe('Bodies') }))

export const SensitiveKind = z.object({
  kind: z.string(),
  en: z.string(),
  zh: z.string(),
  category: z.string(),
  level: z.number().describe('1 internal, 2 personal, 3 sensitive personal, 4 secret'),
})

// GET /api/security/sensitive → what was found in a stretch of time, masked
export const SensitiveSummary = z.object({
  query: z.string().describe('KQL that finds all of it in Events'),
  kinds: z.array(SensitiveKind),
  total: z.number().describe('Bodies with something sensitive in them'),
  byKind: Ranked,
  bySource: Ranked.describe('Receivers'),
  byServer: Ranked,
  byDepartment: Ranked,
  people: Ranked,
  clients: Ranked,
  urls: Ranked,
  intervalMs: z.number(),
  trend: z.array(z.object({ fromMs: z.number(), count: z.number(), grave: z.number().describe('Of level 3 or 4') })),
})

export const SensitiveFind = z.object({
  id: z.string(),
  atMs: z.number(),
  source: z.string().describe('Receiver'),
  direction: z.string(),
  method: z.string(),
  host: z.string(),
  server: z.string(),
  service: z.string(),
  path: z.string().describe('Masked'),
  query: z.string().describe('Masked'),
  status: z.number().nullable(),
  client: z.string(),
  user: z.string(),
  region: z.string(),
  department: z.string(),
  values: z.array(z.object({ kind: z.string(), count: z.number() })).describe('Different values by kind'),
  count: z.number().describe('Occurrences'),
  level: z.number(),
  isPartial: z.boolean(),
  spots: z.array(z.object({ kind: z.string(), where: z.string(), count: z.number(), sample: z.string() })),
})

// GET /api/security/sensitive/finds → one row per body, newest first
export const SensitiveFinds = z.object({ finds: z.array(SensitiveFind), next: z.string().nullable() })
