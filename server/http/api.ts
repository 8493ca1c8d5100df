// The HTTP API's shapes: the server validates with them, the OpenAPI document is made of them, the ops centre's client is
// typed by them. Times are milliseconds since the epoch, numbers plain, lists newest first unless said otherwise.
import { z } from '@hono/zod-openapi'
import { criticalities, entityKinds } from '#core/entity.ts'
import { severities } from '#core/finding.ts'
import { roles } from '#stores/state/state.ts'

export const ErrorBody = z.object({
  error: z.object({
    code: z.string().describe('Stable code from the error catalogue, or `internal`'),
    message: z.string(),
    hint: z.string(),
    id: z.string().optional().describe('For internal errors: find it in the log'),
  }),
})

// ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────
// GET /api/session → Session · POST /api/session (sign in) → Session · DELETE /api/session
// GET /api/setup?token= → { valid } · POST /api/setup { token, name, password } → Session (creates the first admin)
export const RoleName = z.enum(roles)
const place = z.string().min(1).max(200)
export const JurisdictionBody = z
  .object({
    regions: z.array(place).max(100).describe('Codes after GB/T 2260; each covers what is below it'),
    departments: z.array(place).max(100),
  })
  .describe('What they may see; everything when both lists are empty')
// GET /api/places → what the scope can be set to, within the person's own
export const Places = z.object({
  regions: z.array(z.object({ code: z.string(), name: z.string().describe('Empty when it is not known') })),
  departments: z.array(z.string()),
})
export const Session = z.object({
  user: z.object({ id: z.string(), name: z.string(), role: RoleName, jurisdiction: JurisdictionBody }),
  csrfToken: z.string().describe('Send as X-CSRF-Token with every request that changes state'),
  expiresMs: z.number(),
})
export const SignIn = z.object({ name: z.string().min(1).max(128), password: z.string().min(1).max(1024) })
export const Setup = z.object({
  token: z.string(),
  name: z.string().min(1).max(128),
  password: z.string().min(12).max(1024),
})
// GET/POST /api/users · PATCH/DELETE /api/users/:id (admin)
export const User = z.object({
  id: z.string(),
  name: z.string(),
  role: RoleName,
  disabled: z.boolean(),
  jurisdiction: JurisdictionBody,
  createdMs: z.number(),
  lastSeenMs: z.number().nullable(),
})
export const NewUser = z.object({
  name: z.string().min(1).max(128),
  password: z.string().min(12).max(1024),
  role: RoleName,
  jurisdiction: JurisdictionBody.optional(),
})
export const UserChange = z.object({
  role: RoleName.optional(),
  disabled: z.boolean().optional(),
  password: z.string().min(12).max(1024).optional(),
  jurisdiction: JurisdictionBody.optional(),
})
// GET/POST /api/tokens · DELETE /api/tokens/:id (admin); the secret is shown once
export const tokenScopes = ['read', 'ingest', 'write'] as const
export const Token = z.object({
  id: z.string(),
  name: z.string(),
  role: RoleName,
  scopes: z.array(z.enum(tokenScopes)),
  jurisdiction: JurisdictionBody,
  createdMs: z.number(),
  expiresMs: z.number().nullable(),
  lastUsedMs: z.number().nullable(),
})
export const NewToken = z.object({
  name: z.string().min(1).max(128),
  role: RoleName,
  scopes: z.array(z.enum(tokenScopes)).min(1),
  expiresMs: z.number().nullable().default(null),
  jurisdiction: JurisdictionBody.optional(),
})
export const CreatedToken = Token.extend({ secret: z.string() })
// GET /api/audit?before=&limit= (admin, auditor)
export const AuditRow = z.object({
  id: z.string(),
  atMs: z.number(),
  actor: z.string(),
  actorKind: z.enum(['user', 'token', 'system']),
  action: z.string(),
  object: z.string(),
  detail: z.record(z.string(), z.unknown()),
  address: z.string(),
})

// ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────
// Common query parameters: q (KQL), from, to.
// GET /api/events?…&order=newest|oldest&limit=&after= → EventPage
// GET /api/events/histogram?…&interval= (ms; server picks ≈ 60 buckets without) → EventHistogram
// GET /api/events/top?…&field=&limit= → TopValues · GET /api/events/fields → { fields }
// GET /api/events/:id → { event } · GET /api/events/:id/context?fields=a,b&before=&after= → { events }
// GET /api/events/tail?q= → SSE, `event: events`, data = JSON array of events, at most 4 messages/s and 200 events each;
//   `event: dropped` data {count} when more matched than were sent
// GET /api/events/export?…&format=csv|ndjson&fields=a,b → a download of at most 100,000 rows, trailer row counted in header
export const EcsEvent = z.record(z.string(), z.unknown()).describe('Flat ECS fields; @timestamp in ms')
export const EventPage = z.object({ events: z.array(EcsEvent), next: z.string().nullable(), tookMs: z.number() })
export const EventHistogram = z.object({
  intervalMs: z.number(),
  total: z.number(),
  buckets: z.array(z.object({ fromMs: z.number(), count: z.number() })),
})
export const TopValues = z.object({
  field: z.string(),
  total: z.number(),
  values: z.array(z.object({ value: z.string(), count: z.number() })),
})
export const FieldList = z.object({ fields: z.array(z.object({ name: z.string(), type: z.string() })) })

// ── metrics ───────────────────────────────────────────────────────────────────────────────────────────────────────
// The Prometheus API under /api/v1: query, query_range, series, labels, label/:name/values, metadata.

// ── alerts ────────────────────────────────────────────────────────────────────────────────────────────────────────
// GET /api/alerts?state=&severity=&q=&limit=&before= → AlertPage · GET /api/alerts/:id → AlertDetail
// POST /api/alerts/:id/acknowledge { note? } · POST /api/alerts/:id/unacknowledge · POST /api/alerts/:id/notes { text }
// GET /feeds/alerts → SSE with replay from Last-Event-ID: `event: alert`, id = sequence, data = AlertChange
export const alertStates = ['pending', 'firing', 'unknown', 'resolved'] as const
export const Alert = z.object({
  id: z.string(),
  fingerprint: z.string(),
  episode: z.number().int(),
  rule: z.string(),
  title: z.string(),
  description: z.string(),
  severity: z.enum(severities),
  state: z.enum(alertStates),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  entities: z.array(z.string()),
  startedMs: z.number(),
  firedMs: z.number().nullable(),
  resolvedMs: z.number().nullable(),
  lastSeenMs: z.number(),
  findingCount: z.number(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  acknowledged: z.object({ by: z.string(), atMs: z.number() }).nullable(),
})
export const Evidence = z.object({
  query: z.string(),
  language: z.enum(['kql', 'promql', 'none']),
  fromMs: z.number(),
  toMs: z.number(),
  eventIds: z.array(z.string()),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
})
export const AlertHistoryRow = z.object({
  atMs: z.number(),
  kind: z.enum(['state', 'acknowledge', 'unacknowledge', 'note', 'notified', 'notification-failed']),
  actor: z.string(),
  text: z.string(),
})
export const AlertDetail = Alert.extend({
  evidence: Evidence,
  history: z.array(AlertHistoryRow),
  earlierEpisodes: z.array(z.object({ id: z.string(), startedMs: z.number(), resolvedMs: z.number().nullable() })),
})
export const AlertPage = z.object({
  alerts: z.array(Alert),
  next: z.string().nullable(),
  counts: z.object({ firing: z.number(), pending: z.number(), unknown: z.number(), resolved: z.number() }),
})
const routed = { receiver: z.string(), path: z.string() }
const whyRouted = [
  z.object({ kind: z.literal('route'), ...routed, group: z.record(z.string(), z.string()) }),
  z.object({ kind: z.literal('nobody'), ...routed }),
  z.object({
    ...{ kind: z.literal('time-interval'), ...routed, interval: z.string() },
    ...{ mutes: z.boolean(), untilMs: z.number().nullable() },
  }),
  z.object({ kind: z.literal('waiting'), ...routed, untilMs: z.number(), first: z.boolean() }),
  z.object({ kind: z.literal('repeat'), ...routed, untilMs: z.number() }),
] as const
// GET /api/alerts/:id/why → why somebody was, or was not, told
export const AlertWhy = z.object({
  why: z.array(
    z.discriminatedUnion('kind', [
      ...whyRouted,
      z.object({ kind: z.literal('pending'), untilMs: z.number().nullable() }),
      z.object({ kind: z.literal('watchdog') }),
      z.object({ kind: z.literal('no-receivers') }),
      z.object({
        kind: z.literal('silence'),
        id: z.string(),
        by: z.string(),
        comment: z.string(),
        untilMs: z.number(),
      }),
      z.object({ kind: z.literal('inhibited'), by: z.string(), title: z.string(), titleZh: z.string() }),
      z.object({ kind: z.literal('held'), sinceMs: z.number() }),
      z.object({ kind: z.literal('severity'), receiver: z.string(), wanted: z.string() }),
      z.object({ kind: z.literal('matcher'), receiver: z.string(), matcher: z.string() }),
      z.object({
        ...{ kind: z.literal('told'), receiver: z.string(), event: z.string(), atMs: z.number(), error: z.string() },
        state: z.enum(['pending', 'delivered', 'failed']),
      }),
    ]),
  ),
})
export const AlertChange = z.object({
  sequence: z.number(),
  atMs: z.number(),
  change: z.enum(['pending', 'firing', 'resolved', 'unknown', 'updated', 'acknowledged', 'unacknowledged']),
  alert: Alert,
})
export const NoteBody = z.object({ text: z.string().min(1).max(10_000) })
export const AcknowledgeBody = z.object({ note: z.string().max(10_000).optional() })
// GET /api/receivers → deliveries and their health
export const ReceiverStatus = z.object({
  name: z.string(),
  kind: z.enum(['webhook', 'email', 'heartbeat', 'dingtalk', 'feishu', 'wecom', 'wecom-app', 'cef', 'alertmanager']),
  target: z.string().describe('Address with secrets cut'),
  pending: z.number(),
  delivered: z.number(),
  failed: z.number(),
  lastSuccessMs: z.number().nullable(),
  lastError: z.string().nullable(),
})
// GET /api/rules → rules of every kind with their state
export const RuleStatus = z.object({
  id: z.string(),
  kind: z.string(),
  file: z.string(),
  title: z.string(),
  severity: z.enum(severities),
  enabled: z.boolean(),
  query: z.string(),
  lastEvaluatedMs: z.number().nullable(),
  lastError: z.string().nullable(),
  active: z.number(),
})

// ── estate ────────────────────────────────────────────────────────────────────────────────────────────────────────
// GET /api/sources → Sources
export const SourceRow = z.object({
  receiver: z.string(),
  source: z.string(),
  kind: z.enum(['events', 'samples', 'spans']),
  firstSeenMs: z.number(),
  lastSeenMs: z.number(),
  accepted: z.number(),
  perMinute: z.array(z.number()).describe('Accepted in each of the last 60 minutes, oldest first'),
  state: z.enum(['live', 'late', 'silent']),
})
export const ReceiverRow = z.object({
  name: z.string(),
  describe: z.array(z.string()),
  health: z.object({ state: z.enum(['ok', 'degraded', 'failed']), detail: z.string() }),
  received: z.number(),
  accepted: z.number(),
  rejected: z.record(z.string(), z.number()),
  dropped: z.record(z.string(), z.number()),
  lastSeenMs: z.number().nullable(),
})
export const StoreRow = z.object({
  name: z.string(),
  stored: z.number(),
  behind: z.number().describe('Log records not yet applied'),
  bytesOnDisk: z.number(),
  oldestMs: z.number().nullable(),
  newestMs: z.number().nullable(),
})
export const Sources = z.object({
  receivers: z.array(ReceiverRow),
  sources: z.array(SourceRow),
  stores: z.array(StoreRow),
})
// GET/POST /api/entities (POST: upsert list) · POST /api/entities/import?format=csv|yaml&dryRun= → difference
export const EntityBody = z.object({
  id: z.string(),
  kind: z.enum(entityKinds),
  name: z.string(),
  aliases: z.array(z.string()),
  region: z.string(),
  department: z.string(),
  owner: z.string(),
  criticality: z.enum(criticalities),
  protectionLevel: z.number().int().min(0).max(5),
})
export const ImportResult = z.object({
  dryRun: z.boolean(),
  added: z.array(z.string()),
  changed: z.array(z.string()),
  unchanged: z.number(),
  problems: z.array(z.object({ line: z.number(), message: z.string() })),
})
// GET /api/overview → what the first page needs in one answer
export const Overview = z.object({
  nowMs: z.number(),
  host: z.string(),
  health: z.array(z.object({ name: z.string(), state: z.enum(['ok', 'degraded', 'failed']), detail: z.string() })),
  alerts: z.object({
    firing: z.number(),
    pending: z.number(),
    unknown: z.number(),
    bySeverity: z.record(z.string(), z.number()),
    latest: z.array(Alert),
  }),
  ingest: z.object({
    eventsPerSecond: z.number(),
    samplesPerSecond: z.number(),
    rejectedLastHour: z.number(),
    droppedLastHour: z.number(),
  }),
  sources: z.object({ live: z.number(), late: z.number(), silent: z.number() }),
  storage: z.object({ bytesUsed: z.number(), bytesFree: z.number(), events: z.number(), series: z.number() }),
})
// GET /api/settings → effective configuration with secrets cut, and versions
export const Settings = z.object({
  version: z.string(),
  node: z.string(),
  startedMs: z.number(),
  dataDirectory: z.string(),
  config: z.record(z.string(), z.unknown()),
})

export type Body<T extends z.ZodType> = z.infer<T>
