import { z } from 'zod'

export const journaldConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the journal is read'),
  command: z.string().min(1).default('journalctl').describe('The journalctl to run'),
  directory: z.string().optional().describe('Directory of journal files to read instead of this machine’s journal'),
  units: z.array(z.string().min(1)).max(256).default([]).describe('Only these systemd units; empty: all'),
  firstEntriesMax: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(5000)
    .describe('Without a saved cursor, the last so many entries are read first'),
  entryBytesMax: z
    .int()
    .min(4096)
    .max(16 * 1024 * 1024)
    .default(1024 * 1024)
    .describe('A longer entry, as JSON, is dropped and counted'),
  batchEventsMax: z.int().min(1).max(10_000).default(1000).describe('Events handed over at a time'),
  lookIntervalMs: z.int().min(100).max(3_600_000).default(60_000).describe('How often an absent journal is looked for'),
})

export type JournaldConfig = z.infer<typeof journaldConfigSchema>
