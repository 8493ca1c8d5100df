import { z } from 'zod'

/** What one value above the threshold is: nothing, a reason for its host's risk, or an alert of severity low. */
const uses = ['off', 'context', 'alert'] as const
export type Use = (typeof uses)[number]

const model = (alone: Use) =>
  z
    .strictObject({
      enabled: z.boolean().default(true).describe('Score what passes'),
      threshold: z.number().min(0).max(1).default(0).describe("A score above it counts; 0: the model card's threshold"),
      alone: z
        .preprocess((given) => (given === true ? 'alert' : given === false ? 'off' : given), z.enum(uses))
        .default(alone)
        .describe('One value above the threshold: nothing, context (a reason for the risk of its host), or an alert'),
      aloneShare: z
        .number()
        .min(0)
        .max(0.1)
        .default(0.0001)
        .describe('… once the site is known, only what so small a share of its own values reaches'),
      findingsPerHourMax: z
        .int()
        .min(1)
        .default(20)
        .describe('Sources told one by one within an hour; beyond, they are one finding per destination'),
    })
    .prefault({})

export const learnConfigSchema = z.strictObject({
  webRequest: model('context').describe('Requests that carry code (docs/models/web-request.md)'),
  generatedName: model('off').describe('Names that a program drew (docs/models/generated-name.md)'),
  driftValues: z.int().min(200).default(5000).describe('Drift is measured over so many values at a time'),
  driftPsi: z.number().min(0.01).default(0.25).describe('A population stability index above it is told'),
})
export type LearnConfig = z.output<typeof learnConfigSchema>
export type ModelConfig = LearnConfig['webRequest']
