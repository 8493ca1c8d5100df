import { z } from 'zod'
import { levels } from './1-parse/ast.ts'

export const sigmaConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Try Sigma rules on every event'),
  directories: z.array(z.string()).default(['rules/sigma']).describe('Own rules; changes are in force at once'),
  packs: z
    .array(z.string())
    .default([])
    .describe(
      "SigmaHQ's rules: your copy as a directory or .tar.gz; read at the start and with POST /api/security/rules/reload",
    ),
  placeholders: z.string().default('').describe('YAML file with the values of %name% in rules'),
  taxonomy: z.string().default('rules/taxonomy/sigma.yml').describe('Log sources and field names'),
  levels: z
    .array(z.enum(levels))
    .default(['low', 'medium', 'high', 'critical'])
    .describe('Matches of other levels are counted and make correlations, but raise no alert'),
})
export type SigmaConfig = z.output<typeof sigmaConfigSchema>
