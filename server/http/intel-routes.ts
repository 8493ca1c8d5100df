import { z } from '@hono/zod-openapi'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'

export const IntelFeed = z.object({
  name: z.string(),
  kind: z.string(),
  indicators: z.number(),
  problems: z.record(z.string(), z.number()).describe('Entries left out, by reason'),
  fetchedMs: z.number().nullable(),
  changedMs: z.number().nullable(),
  hits: z.number(),
  lastError: z.string().nullable(),
})

export function intelRoutes(app: App, { intel }: Parts): void {
  const tag = 'security'
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/intel', summary: 'Threat feeds and how they are', tag },
      access: { right: 'read', scope: 'read' },
      response: z.object({ feeds: z.array(IntelFeed) }),
    },
    () => ({ feeds: intel.status() as z.input<typeof IntelFeed>[] }),
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/security/intel/hunt', summary: 'Look for every entry in what is stored', tag },
      access: { right: 'alerts.handle', scope: 'write' },
      response: z.object({ events: z.number().describe('That name one; each raises an alert') }),
    },
    async () => ({ events: await intel.hunt() }),
  )
}
