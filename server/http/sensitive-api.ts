// The shapes of what is known of sensitive data.
import { z } from '@hono/zod-openapi'
import { AuditRow } from './api.ts'

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

const Allowance = z.object({
  kinds: z.array(z.string()),
  collectors: z.array(z.string()).optional(),
  datasets: z.array(z.string()).optional(),
  hosts: z.array(z.string()).optional(),
  services: z.array(z.string()).optional(),
  fields: z.array(z.string()).optional(),
  reason: z.string(),
  until: z.string().describe('The last day, in UTC'),
  isOver: z.boolean(),
})

export const LogLeak = z.object({
  id: z.string(),
  collector: z.string(),
  dataset: z.string(),
  host: z.string(),
  service: z.string(),
  region: z.string(),
  department: z.string(),
  kind: z.string(),
  level: z.number(),
  firstMs: z.number().describe('By receipt, as `lastMs`'),
  lastMs: z.number(),
  events: z.number(),
  values: z.number().describe('Different values of an event, added up over events'),
  fields: z.array(
    z.object({
      name: z.string(),
      values: z.number(),
      misses: z.number().describe('Right but for their check digit'),
      isByChance: z.boolean().describe('As many pass their check digit as of any numbers: not counted'),
      allowed: z.object({ reason: z.string(), until: z.string() }).nullable(),
    }),
  ),
  trend: z.array(z.number()).describe('Events, oldest first'),
  eventIds: z.array(z.string()).describe('Of the latest'),
  lastEventMs: z.number().describe('Of the latest, by its own time'),
  query: z.string().describe('KQL for the lines of this source'),
  toldMs: z.number().nullable().describe('When it was last a finding'),
})

// GET /api/security/sensitive/logs → which sources write what into their logs; no value of it
export const SensitiveLogs = z.object({
  kinds: z.array(SensitiveKind),
  isScanning: z.boolean(),
  sinceMs: z.number().describe('0 before the first event'),
  events: z.number().describe('Looked at'),
  cut: z.number().describe('Of these only the head'),
  forgotten: z.number().describe('Sources dropped for newer ones'),
  bucketMs: z.number().describe('Of a trend'),
  leaks: z.array(LogLeak).describe('The gravest first, then the latest'),
  more: z.number().describe('Beyond `leaks`'),
  allowed: z.array(Allowance),
})

export const ExportEntry = z.object({
  id: z.string().describe('Also in the name of the file'),
  atMs: z.number(),
  actor: z.string(),
  role: z.string(),
  address: z.string(),
  subject: z.string(),
  format: z.string(),
  query: z.string(),
  fromMs: z.number(),
  toMs: z.number(),
  columns: z.array(z.string()),
  regions: z.array(z.string()),
  departments: z.array(z.string()),
  isMarked: z.boolean(),
  isMasked: z.boolean(),
  endedMs: z.number().nullable().describe('Null while it runs, or when the process ended first'),
  isComplete: z.boolean(),
  rows: z.number(),
  markedCells: z.number(),
  kinds: z.record(z.string(), z.number()).describe('Sensitive values in it, by kind'),
  sha256: z.string().nullable().describe('Of a file that left as it is: a brief, a report, a feed'),
  bytes: z.number(),
})

// GET /api/security/sensitive/exports → the ledger, newest first
export const ExportList = z.object({ exports: z.array(ExportEntry) })

// POST /api/security/sensitive/trace → which exports a file fits
export const TracedFile = z.object({
  lines: z.number(),
  markedRows: z.number().describe('Different rows that carry a mark'),
  tellingRows: z.number().describe('Different rows that hold something to go by'),
  exportsCompared: z.number(),
  found: z.array(
    z.object({
      id: z.string(),
      by: z.enum(['mark', 'rows', 'hash']).describe('`hash`: the same bytes'),
      marks: z.object({ read: z.number(), agree: z.number() }),
      rows: z.object({ read: z.number(), held: z.number() }),
      log10Chance: z.number().describe('log10 of the chance that a file of other origin looks so, over all exports'),
      isOutmarked: z.boolean().describe('It held these rows, but the marks are of another'),
      entry: ExportEntry,
    }),
  ),
})

// POST /api/security/sensitive/who → who was shown a value; asked by value, compared by keyed hash
export const WhoSaw = z.object({
  hash: z.string(),
  reads: z.array(AuditRow),
  exports: z.array(ExportEntry),
  finds: z.array(SensitiveFind).describe('Mirrored bodies, newest first'),
})
