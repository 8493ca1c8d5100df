import { z } from 'zod'
import { behaviourConfigSchema } from './behaviour/config.ts'
import { flowsConfigSchema } from './flows/config.ts'
import { intelConfigSchema } from './intel/config.ts'
import { learnConfigSchema } from './learn/config.ts'
import { sensitiveConfigSchema } from './sensitive/config.ts'
import { sigmaConfigSchema } from './sigma/config.ts'

export const securityConfigSchema = z.strictObject({
  mask: z.boolean().default(true).describe('Personal data and secrets in events are masked in pages and downloads'),
  behaviour: behaviourConfigSchema.prefault({}),
  flows: flowsConfigSchema.prefault({}),
  intel: intelConfigSchema.prefault({}),
  learn: learnConfigSchema.prefault({}),
  sensitive: sensitiveConfigSchema.prefault({}),
  sigma: sigmaConfigSchema.prefault({}),
})
export type SecurityConfig = z.output<typeof securityConfigSchema>
