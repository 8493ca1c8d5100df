import { z } from 'zod'

export const sensitiveConfigSchema = z.strictObject({
  rules: z.string().default('rules/dlp').describe('Directory of the kinds, and of what is worth an alert'),
  inspectMsMax: z.int().min(50).default(2000).describe('Looking into one mirrored body may take so long'),
  expandedBytesMax: z
    .int()
    .min(1024)
    .default(8 * 1024 * 1024)
    .describe('Of a compressed body so much is looked into'),
})
export type SensitiveConfig = z.output<typeof sensitiveConfigSchema>
