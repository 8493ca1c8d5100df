import { z } from 'zod'
import { intelConfigSchema } from './intel/config.ts'

export const securityConfigSchema = z.strictObject({
  intel: intelConfigSchema.prefault({}),
})
export type SecurityConfig = z.output<typeof securityConfigSchema>
