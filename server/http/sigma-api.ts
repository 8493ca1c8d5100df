// Shapes of the Sigma rules in the API.
import { z } from '@hono/zod-openapi'

export const SecurityRule = z.object({
  id: z.string(),
  kind: z.enum(['rule', 'correlation']),
  title: z.string(),
  description: z.string(),
  zh: z.object({ title: z.string(), description: z.string() }).describe('Empty where the rule does not say it'),
  level: z.string(),
  status: z.string(),
  author: z.string(),
  license: z.string(),
  link: z.string(),
  tags: z.array(z.string()),
  logsource: z.string().describe('product/category/service, or the type of a correlation'),
  file: z.string(),
  enabled: z.boolean(),
  unresolved: z.array(z.string()).describe('Placeholders without values'),
  matches: z.number(),
  lastMatchMs: z.number().nullable(),
})
export const SourceProblemBody = z.object({ file: z.string(), line: z.number(), cause: z.string(), hint: z.string() })
