// Cases as they come over the API: one JSON record per line, each checked by itself.
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { type CaseRecord, channels, outcomes } from '#stores/cases/case.ts'
import { contradiction } from './map-rows.ts'

export const caseLinesMax = 200_000
const text = z.string().max(256).default('')
// Year 0 to 9999: what a date can show.
const ms = z.number().int().min(-62_167_219_200_000).max(253_402_300_799_999)
const time = ms.nullable().default(null)
const channel = z.enum(channels)
const lists = 1000

export const caseSchema = z.strictObject({
  id: z.string().min(1).max(256),
  version: z.int().min(1).max(1_000_000).default(1),
  ...{ source: text, region: z.string().max(32).default(''), department: text, item: text, category: text },
  ...{ handler: text, applicant: text, channel: channel.default('other'), channelRaw: text },
  ...{ openedMs: time, acceptedMs: time, closedMs: time, dueMs: time, plannedMs: time },
  outcome: z.enum(outcomes).nullable().default(null),
  withdrawnRecord: z.boolean().default(false),
  returnedByPost: z.boolean().nullable().default(null),
  steps: z
    .array(z.strictObject({ name: text, channel, channelRaw: text, atMs: ms, actor: text }))
    .max(lists)
    .default([]),
  stops: z
    .array(
      z.strictObject({
        kind: z.enum(['supplement', 'hearing', 'inspection', 'notice', 'expert-review', 'other']),
        fromMs: ms,
        toMs: ms.nullable(),
      }),
    )
    .max(lists)
    .default([]),
  certificates: z
    .array(
      z.strictObject({
        type: text,
        exists: z.boolean().nullable(),
        obtained: z.enum(['electronic', 'paper', 'both', 'none']),
      }),
    )
    .max(lists)
    .default([]),
  ratings: z
    .array(
      z.strictObject({ grade: z.int().min(1).max(5), atMs: ms, channel: text, isDefault: z.boolean().default(false) }),
    )
    .max(lists)
    .default([]),
  traces: z
    .array(
      z.strictObject({
        kind: z.enum(['gateway-call', 'login', 'message', 'logistics', 'payment', 'certificate-call', 'queue-ticket']),
        atMs: ms,
        reference: text,
      }),
    )
    .max(lists)
    .default([]),
  extra: z.record(z.string().max(64), z.string().max(4096)).default({}),
})

export interface CaseLines {
  records: CaseRecord[]
  /** The line of each record. */
  rows: number[]
  setAside: { row: number; cause: string; hint: string }[]
}

const setAsideMax = 1000

export function readCaseLines(text: string): CaseLines {
  const lines = text.split('\n')
  if (lines.length > caseLinesMax) throw new CodedError('body.too-many', { limit: caseLinesMax })
  const result: CaseLines = { records: [], rows: [], setAside: [] }
  const refuse = (row: number, cause: string, hint: string): void => {
    if (result.setAside.length < setAsideMax) result.setAside.push({ row, cause: cause.slice(0, 300), hint })
  }
  lines.forEach((line, i) => {
    if (line.trim() === '') return
    let data: unknown
    try {
      data = JSON.parse(line)
    } catch (error) {
      refuse(i + 1, `it is not JSON: ${(error as Error).message}`, 'Send one JSON object per line.')
      return
    }
    const parsed = caseSchema.safeParse(data)
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!
      refuse(i + 1, `${issue.path.join('.')}: ${issue.message}`, 'See docs/kpi/fields.md for the fields of a case.')
      return
    }
    const wrong = contradiction(parsed.data)
    if (wrong !== '') refuse(i + 1, `case ${parsed.data.id}: ${wrong}`, 'Correct it at its source and send it again.')
    else {
      result.records.push(parsed.data)
      result.rows.push(i + 1)
    }
  })
  return result
}
