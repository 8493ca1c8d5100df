import { z } from 'zod'
import { intelConfigSchema } from './intel/config.ts'
import { sigmaConfigSchema } from './sigma/config.ts'

export const securityConfigSchema = z.strictObject({
  intel: intelConfigSchema.prefault({}),
  sigma: sigmaConfigSchema.prefault({}),
})
export type SecurityConfig = z.output<typeof securityConfigSchema>
