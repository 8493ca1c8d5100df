import { z } from 'zod'

export const behaviourConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Learn what users and hosts usually do, and tell what is not'),
  learnDays: z.number().min(0).max(365).default(7).describe('An account or host is only learned for so long'),
  halfLifeDays: z.number().min(0.1).max(3650).default(30).describe('What was seen counts half after so long'),
  periodHours: z.number().min(1).max(24).default(24).describe('Surprises of one entity within it add up'),
  utcOffsetHours: z.number().min(-12).max(14).default(8).describe('Where days begin and nights are: hours east of UTC'),
  falseAlarmsPer1000: z
    .number()
    .min(0.01)
    .max(1000)
    .default(1)
    .describe('Budget: of 1,000 entity-days so many may be told; the threshold follows from the history'),
  bitsMin: z.number().min(1).default(16).describe('… but never less surprise than this is told'),
  entitiesMax: z.int().min(10).default(20_000).describe('Accounts and hosts remembered; the one silent longest goes'),
  weights: z
    .strictObject({
      firstSeen: z.number().min(0).max(10).default(1),
      rare: z.number().min(0).max(10).default(1),
      volume: z.number().min(0).max(10).default(1),
      time: z.number().min(0).max(10).default(1),
      sequence: z.number().min(0).max(10).default(1),
    })
    .prefault({})
    .describe('How much each detector counts; 0 switches it off'),
})
export type BehaviourConfig = z.output<typeof behaviourConfigSchema>
