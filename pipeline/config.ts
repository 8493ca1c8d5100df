import { z } from 'zod'

export const pipelineConfigSchema = z.strictObject({
  sliceEvents: z
    .int()
    .min(1)
    .max(10_000)
    .default(250)
    .describe('Events handled before the process attends to other work; smaller answers sooner, larger is faster'),
  inFlightEventsMax: z
    .int()
    .min(1000)
    .default(200_000)
    .describe('Events, samples and spans between receipt and disk; beyond it senders are told to retry'),
  recordBytesMax: z
    .int()
    .min(65_536)
    .max(64 * 1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe('Largest batch after normalising, in bytes; a larger one is refused'),
  timestampPastDaysMax: z
    .int()
    .min(1)
    .default(3650)
    .describe('An event that claims to be older takes the time of its arrival'),
  timestampFutureHoursMax: z
    .int()
    .min(0)
    .default(24)
    .describe('An event that claims to be further in the future takes the time of its arrival'),
})

export type PipelineConfig = z.infer<typeof pipelineConfigSchema>
