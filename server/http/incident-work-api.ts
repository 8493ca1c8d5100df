// Shapes of incident work, as clients see them.
import { z } from '@hono/zod-openapi'
import { dispositions, grades, incidentStates, reportKinds } from '#alerts/incidents/model.ts'
import { queueViews } from '#alerts/incidents/queries/queue.ts'
import { severities } from '#core/finding.ts'
import { SourceProblemBody } from './sigma-api.ts'

const both = z.object({ en: z.string(), zh: z.string() })
const timeMs = z.number().int()
const severity = z.enum(severities)

export const AssessmentBody = z.object({
  importance: z.string().max(60).optional(),
  loss: z.string().max(60).optional(),
  harm: z.string().max(60).optional(),
  figures: z.record(z.string().max(60), z.number().nonnegative().max(1e15)).default({}),
})
export const DutyClockBody = z.object({
  report: z.enum(['first', 'final']),
  state: z.enum(['idle', 'provisional', 'running', 'overdue', 'filed', 'filed-late']),
  ...{ to: both, article: z.string(), fromMs: timeMs.nullable(), dueMs: timeMs.nullable(), filedMs: timeMs.nullable() },
  onward: z.object({ text: both, minutes: z.number() }).nullable(),
})
export const WorkedIncident = z.object({
  ...{ id: z.string(), number: z.number(), kind: z.enum(['security', 'operations']), title: both, severity },
  ...{ score: z.number(), state: z.enum(incidentStates), disposition: z.string().nullable() },
  ...{ owner: z.string().nullable(), people: z.array(z.string()), category: z.string().nullable() },
  ...{ grade: z.enum(grades).nullable(), assessment: AssessmentBody.nullable(), operator: z.string() },
  ...{ playbook: z.string().nullable(), entities: z.array(z.string()), tactics: z.array(z.string()) },
  ...{ techniques: z.array(z.string()), rules: z.array(z.string()), alertCount: z.number() },
  ...{ cause: z.string(), lessons: z.string(), mergedInto: z.string().nullable() },
  ...{ snoozedUntilMs: timeMs.nullable(), version: z.number().describe('Send it back with what you change') },
  ...{ changedBy: z.string(), changedMs: timeMs, startedMs: timeMs, lastMs: timeMs, discoveredMs: timeMs },
  ...{ openedMs: timeMs, triagedMs: timeMs.nullable(), gradedMs: timeMs.nullable(), containedMs: timeMs.nullable() },
  ...{ recoveredMs: timeMs.nullable(), closedMs: timeMs.nullable(), reopenedCount: z.number() },
})
export const QueueRowBody = z.object({
  incident: WorkedIncident,
  keys: z.array(z.string()).describe('Of the correlation'),
  isGrowing: z.boolean(),
  proposed: z.enum(grades),
  clocks: z.array(DutyClockBody),
})
export const IncidentQueue = z.object({
  rows: z.array(QueueRowBody),
  counts: z.record(z.enum(queueViews), z.number()),
  onDuty: z.array(z.object({ name: z.string(), fromMs: timeMs })),
})
const spread = z.object({ count: z.number(), meanMs: z.number().nullable(), medianMs: z.number().nullable() })
export const TeamFiguresBody = z.object({
  ...{ days: z.number(), opened: z.number(), closed: z.number(), open: z.number() },
  ...{ acknowledgeMs: spread, containMs: spread, recoverMs: spread },
  reports: z.object({ filed: z.number(), inTime: z.number() }),
  ...{ reopened: z.number(), falsePositives: z.number(), oldestNewMs: z.number().nullable() },
})
const step = z.object({
  ...{ id: z.string(), phase: z.string(), role: both, minutes: z.number(), do: both, verify: both, record: both },
})
export const PlaybookBody = z.object({ id: z.string(), title: both, about: both, steps: z.array(step) })
export const IncidentDetailBody = z.object({
  incident: WorkedIncident,
  ...{ keys: z.array(z.string()), isGrowing: z.boolean() },
  proposal: z.object({
    ...{ grade: z.enum(grades), importance: z.string(), loss: z.string() },
    reasons: z.array(z.object({ text: both, source: z.string(), grade: z.enum(grades) })),
  }),
  likely: z.array(z.object({ kind: z.string(), because: z.array(z.string()) })),
  clocks: z.array(DutyClockBody),
  story: z.array(z.object({ atMs: timeMs, text: both, severity, alert: z.string().nullable() })),
  alerts: z.array(
    z.object({
      ...{ id: z.string(), fingerprint: z.string(), title: z.string(), titleZh: z.string() },
      ...{ rule: z.string(), severity, state: z.string() },
      ...{ entities: z.array(z.string()), startedMs: timeMs, lastSeenMs: timeMs },
    }),
  ),
  playbooks: z.array(PlaybookBody),
  steps: z.array(
    z.object({
      ...{ playbook: z.string(), step: z.string(), state: z.enum(['done', 'skipped']), by: z.string() },
      ...{ atMs: timeMs, note: z.string() },
    }),
  ),
  tasks: z.array(
    z.object({
      ...{ id: z.string(), text: z.string(), assignee: z.string().nullable(), dueMs: timeMs.nullable() },
      ...{ createdMs: timeMs, doneBy: z.string().nullable(), doneMs: timeMs.nullable() },
    }),
  ),
  timeline: z.array(
    z.object({
      ...{ id: z.number(), incidentId: z.string(), atMs: timeMs, kind: z.string(), actor: z.string() },
      ...{ text: z.string(), detail: z.record(z.string(), z.unknown()) },
    }),
  ),
  evidence: z.array(
    z.object({
      ...{ id: z.string(), kind: z.string(), name: z.string(), mediaType: z.string(), bytes: z.number() },
      ...{ records: z.number().nullable(), sha256: z.string(), sm3: z.string(), note: z.string() },
      ...{ addedBy: z.string(), addedMs: timeMs, custody: z.number().describe('Lines in its chain of custody') },
    }),
  ),
  reports: z.array(
    z.object({
      ...{ id: z.string(), kind: z.enum(reportKinds), rule: z.string(), recipient: z.string(), channel: z.string() },
      ...{ dueMs: timeMs.nullable(), filedMs: timeMs, filedBy: z.string(), sm3: z.string() },
    }),
  ),
  merged: z.array(z.object({ id: z.string(), number: z.number() })),
  similar: z.array(
    z.object({
      ...{ id: z.string(), number: z.number(), version: z.number(), title: both, shared: z.array(z.string()) },
    }),
  ),
  form: z.record(z.string(), z.string()),
})
const named = z.object({ id: z.string(), zh: z.string(), en: z.string() })
export const RulebookBody = z.object({
  source: z.string(),
  categories: z.array(
    named.extend({ kinds: z.array(named.extend({ about: z.string(), code: z.string().optional() })) }),
  ),
  grades: z.array(named.extend({ id: z.enum(grades), level: z.number(), roman: z.string() })),
  ...{ importance: z.array(named), loss: z.array(named), harm: z.array(named), measures: z.array(named) },
  reporting: z.object({
    ...{ id: z.string(), name: both, url: z.string(), validFrom: z.string(), fromGrade: z.enum(grades) },
    operators: z.array(named.extend({ minutes: z.number(), to: both, article: z.string() })),
    form: z.array(
      named.extend({
        ...{ item: z.string(), first: z.boolean(), final: z.boolean(), onlyFor: z.array(z.string()).optional() },
      }),
    ),
  }),
  playbooks: z.array(PlaybookBody),
  people: z.array(z.string()),
  problems: z.array(SourceProblemBody).describe('Why files that were changed are not in force; what they were is'),
})
export const CustodyBody = z.object({
  custody: z.array(
    z.object({
      ...{ evidenceId: z.string(), atMs: timeMs, action: z.string(), actor: z.string(), address: z.string() },
      detail: z.string(),
    }),
  ),
})

const version = z.number().int().min(1).describe('The version that you saw; another is refused with 409')
const id = z.string().max(64)
const text = z.string().max(20_000)
const moving = incidentStates.filter((one) => one !== 'new' && one !== 'closed')
export const OpenBody = z.object({
  kind: z.enum(['security', 'operations']).default('operations'),
  title: z.string().max(300),
  severity: severity.default('medium'),
  alerts: z.array(id).max(500).default([]),
  entities: z.array(z.string().max(300)).max(200).default([]),
  discoveredMs: timeMs.optional(),
})
export const AssignBody = z.object({ version, owner: z.string().max(200).nullable() })
export const PeopleBody = z.object({ version, people: z.array(z.string().max(200)).max(50) })
export const MoveBody = z.object({
  version,
  state: z.enum(moving as ['triaged', 'contained', 'eradicated', 'recovered']),
  note: text.default(''),
})
export const CloseBody = z.object({ version, disposition: z.enum(dispositions), cause: text, lessons: text })
export const ReopenBody = z.object({ version, note: text })
export const ClassifyBody = z.object({
  version,
  category: z.string().max(60).optional(),
  severity: severity.optional(),
  operator: z.string().max(60).optional(),
  playbook: z.string().max(60).optional(),
  discovered: z.object({ atMs: timeMs, reason: z.string().max(2000) }).optional(),
})
export const GradeBody = z.object({
  version,
  grade: z.enum(grades),
  reason: z.string().max(2000).default(''),
  assessment: AssessmentBody.prefault({}),
})
export const ProposeBody = z.object({ assessment: AssessmentBody.prefault({}) })
export const SnoozeBody = z.object({
  version,
  untilMs: timeMs.describe('0 ends it'),
  reason: z.string().max(2000).default(''),
})
export const NoteOfIncident = z.object({ text: z.string().max(10_000) })
export const TaskBody = z.object({
  text: z.string().max(1000),
  assignee: z.string().max(200).nullable().default(null),
  dueMs: timeMs.nullable().default(null),
})
export const TaskDoneBody = z.object({ done: z.boolean() })
export const StepBody = z.object({
  playbook: z.string().max(60),
  step: z.string().max(60),
  state: z.enum(['done', 'skipped', 'open']),
  note: z.string().max(5000).default(''),
})
export const MergeBody = z.object({ version, incidents: z.array(z.object({ id, version })).min(1).max(50) })
export const SplitBody = z.object({
  version,
  alerts: z.array(z.string().max(200)).min(1).max(2000).describe('Fingerprints'),
})
export const FormBody = z.object({ version, form: z.record(z.string().max(60), text) })
export const FileBody = z.object({
  version,
  kind: z.enum(reportKinds),
  form: z.record(z.string().max(60), text).default({}),
  recipient: z.string().max(300),
  channel: z.string().max(300).describe('e.g. telephone 12387, the platform, letter'),
})
export const DutyBody = z.object({ take: z.boolean() })
