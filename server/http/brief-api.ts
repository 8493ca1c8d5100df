// Shapes of briefs: those of a period as a download, and the issues that were given out.
import { z } from '@hono/zod-openapi'
import { briefFormats } from '#kpi/brief/settings.ts'

export const BriefQuery = z.object({
  period: z.string().max(10),
  format: z.enum(briefFormats).default('pdf'),
  language: z.enum(['zh-Hans', 'zh-Hant', 'en']).default('zh-Hans').describe('English for html alone'),
  validMs: z.coerce.number().optional(),
  knownMs: z.coerce.number().optional(),
})
export const BriefFileQuery = z.object({ issue: z.string().max(80), format: z.enum(briefFormats).default('pdf') })
export const BriefIssueBody = z.object({ series: z.string().max(32), period: z.string().max(10) })
export const BriefSendBody = z.object({
  issue: z.string().max(80),
  receiver: z.string().max(64),
  part: z.enum(['message', 'image']).default('message'),
})
export const BriefDone = z.object({ issue: z.string() })

const BriefDelivery = z.object({
  receiver: z.string(),
  part: z.enum(['message', 'image']),
  round: z.number().describe('More than 1: sent again by somebody'),
  state: z
    .enum(['pending', 'sending', 'delivered', 'failed', 'uncertain'])
    .describe('uncertain: nobody knows whether it arrived; it is not sent again by itself'),
  attempts: z.number(),
  nextAttemptMs: z.number(),
  finishedMs: z.number().nullable(),
  lastError: z.string(),
  askedBy: z.string(),
})
const BriefIssue = z.object({
  id: z.string(),
  series: z.string(),
  title: z.string(),
  period: z.string(),
  state: z.enum(['issued', 'failed', 'missed']),
  cause: z.string().describe('Why it was not issued'),
  regions: z.array(z.string()),
  departments: z.array(z.string()),
  dueMs: z.number(),
  madeMs: z.number(),
  madeBy: z.string(),
  year: z.number().nullable(),
  issue: z.number().nullable().describe('Number within its year'),
  total: z.number().nullable().describe('Number of all'),
  asOfMs: z.number().nullable(),
  knownMs: z.number().nullable(),
  hash: z.string().nullable().describe('SM3 over the hashes of its files'),
  leafIndex: z.number().nullable(),
  checkpoint: z.object({ origin: z.string(), size: z.number(), root: z.string() }).nullable(),
  files: z.array(z.object({ format: z.enum(briefFormats), name: z.string(), bytes: z.number(), hash: z.string() })),
  deliveries: z.array(BriefDelivery),
})
export const Briefs = z.object({
  series: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      every: z.enum(['week', 'month']),
      regions: z.array(z.string()),
      departments: z.array(z.string()),
      receivers: z.array(z.string()),
      attach: z.array(z.enum(briefFormats)),
      next: z.object({ period: z.string(), dueMs: z.number() }),
    }),
  ),
  issues: z.array(BriefIssue).describe('Newest first'),
})
