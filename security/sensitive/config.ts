import { z } from 'zod'

export const sensitiveConfigSchema = z.strictObject({
  rules: z.string().default('rules/dlp').describe('Directory of the kinds, and of what is worth an alert'),
  scanLogs: z.boolean().default(true).describe('Look for sensitive data in the text of every event as it streams by'),
  inspectMsMax: z.int().min(50).default(2000).describe('Looking into one mirrored body may take so long'),
  expandedBytesMax: z
    .int()
    .min(1024)
    .default(8 * 1024 * 1024)
    .describe('Of a compressed body so much is looked into'),
  markedFormats: z
    .array(z.enum(['csv', 'xlsx']))
    .default(['csv', 'xlsx'])
    .describe('Downloads whose cells of free text carry an invisible mark of who took them; NDJSON never does'),
  markedColumns: z
    .array(z.string())
    .default([
      'message',
      'error.message',
      'event.reason',
      'rule.description',
      'file.description',
      'process.description',
    ])
    .describe('Columns of free text, in which a mark disturbs no program'),
  traceDays: z.number().min(1).default(1095).describe('What was downloaded, and who was shown what, is known so long'),
})
export type SensitiveConfig = z.output<typeof sensitiveConfigSchema>
