import { z } from 'zod'

export const flowsConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Learn what connections are usual, and tell scans, beacons and leaks'),
  learnFlows: z.int().min(100).default(20_000).describe('Connections that are only learned before any is judged'),
  learnHours: z.number().min(0).default(24).describe('… and hours'),
  outlierShare: z
    .number()
    .min(0)
    .max(0.1)
    .default(0.001)
    .describe('A connection stranger than all but this share counts'),
  bitsMin: z.number().min(1).default(20).describe('What a source adds up to must be so surprising'),
  leakBytesMin: z.number().min(0).default(50_000_000).describe('Less sent out within an hour is never a leak'),
  beaconIntervals: z.int().min(4).max(30).default(12).describe('Regular pauses needed to call a connection a beacon'),
})
export type FlowsConfig = z.output<typeof flowsConfigSchema>
