// Shapes of questions, appeals, tasks and releases. Times are milliseconds since the epoch, days are days since 1970.
import { z } from '@hono/zod-openapi'
import { RestatementBody } from './kpi-api.ts'

const text = z.string().max(20_000)
const workingDays = z.int().min(1).max(60).default(5)
const Period = z.string().regex(/^(\d{4}(-(0[1-9]|1[0-2])|-Q[1-4])?|all)$/)
const dimensions = z.record(z.string().max(64), z.string().max(200))
const Verdict = z.enum(['explained', 'corrected', 'confirmed', 'upheld', 'dismissed', 'cleared'])

const caseIds = z.array(z.string().min(1).max(500)).max(1000).default([])

export const NewAttachment = z.object({
  name: z.string().min(1).max(200),
  type: z.string().max(100).default('application/octet-stream'),
  content: z.base64(),
})
const attachments = z.array(NewAttachment).max(10).default([])

export const NewQuestion = z.object({
  kpi: z.string().max(64).default('').describe('Empty: every figure of the unit'),
  period: Period.optional(),
  dimensions: dimensions.default({}),
  title: z.string().max(300).default(''),
  ...{ text, workingDays, attachments },
  flags: z.array(z.string().max(64)).max(50).default([]).describe('Of the integrity checks; the first says which unit'),
})
export const NewTask = z.object({
  kpi: z.string().max(64),
  period: Period,
  dimensions,
  text,
  workingDays,
  owner: z.string().min(1).max(200),
})
export const NewAppeal = z.object({
  kpi: z.string().max(64),
  period: Period,
  dimensions,
  text: text.min(1),
  attachments,
  cases: caseIds.describe('Those that should not count; the judge decides about each'),
})
export const Reply = z.object({ text: text.min(1), attachments })
export const Settlement = z.object({
  verdict: Verdict,
  text: text.min(1),
  exempt: caseIds.describe(
    'Of an appeal that is upheld: cases taken out of the indicator once two others have approved the restatement',
  ),
})
export const Reason = z.object({ text: text.min(1) })

export const QuestionQuery = z.object({
  kind: z.enum(['question', 'appeal', 'task']).optional(),
  state: z.enum(['open', 'replied', 'settled', 'withdrawn', 'due']).optional().describe('due: open or replied'),
  department: z.string().max(200).optional(),
  period: z.string().max(10).optional(),
  flag: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
})

export const QuestionRow = z.object({
  id: z.string(),
  kind: z.enum(['question', 'appeal', 'task']),
  state: z.enum(['open', 'replied', 'settled', 'withdrawn']),
  verdict: Verdict.nullable(),
  ...{ kpi: z.string(), period: z.string(), dimensions, region: z.string(), department: z.string() },
  says: z
    .object({ en: z.string(), zh: z.string() })
    .nullable()
    .describe('The question of its first flag, in both languages'),
  ...{ title: z.string(), flags: z.array(z.string()), owner: z.string(), raisedBy: z.string(), raisedMs: z.number() },
  ...{ deadlineDay: z.number(), deadlineMs: z.number(), calendarVersion: z.string() },
  escalatedMs: z.number().nullable(),
  overrunDays: z.number().describe('Working days beyond the deadline; of what is settled, as it was then'),
  ...{ settledBy: z.string().nullable(), settledMs: z.number().nullable(), checkedPeriod: z.string().nullable() },
})

export const QuestionDetail = z.object({
  question: QuestionRow,
  entries: z.array(
    z.object({
      ...{ id: z.number(), atMs: z.number(), actor: z.string(), text: z.string() },
      kind: z.enum(['raised', 'replied', 'settled', 'withdrawn', 'escalated', 'rechecked']),
      body: z.record(z.string(), z.unknown()),
    }),
  ),
  attachments: z.array(
    z.object({
      ...{ id: z.string(), entry: z.number(), name: z.string(), type: z.string(), bytes: z.number() },
      ...{ hash: z.string().describe('SM3'), addedBy: z.string() },
    }),
  ),
  cases: z.array(z.string()).describe('That an appeal names'),
  restatements: z.array(RestatementBody).describe('What an appeal that was upheld led to, the newest first'),
  may: z.object({ reply: z.boolean(), settle: z.boolean(), withdraw: z.boolean(), restate: z.boolean() }),
})

export const NewRelease = z.object({ period: Period, workingDays })
export const ReleaseRow = z.object({
  period: z.string(),
  state: z.enum(['draft', 'frozen', 'published']),
  ...{ openedBy: z.string(), openedMs: z.number(), appealDay: z.number(), appealUntilMs: z.number() },
  ...{ frozenBy: z.string().nullable(), frozenMs: z.number().nullable(), hash: z.string().nullable() },
  ...{ signedBy: z.string().nullable(), signedMs: z.number().nullable(), leafIndex: z.number().nullable() },
})
