import { z } from '@hono/zod-openapi'
import { severities } from '#core/finding.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'

export const CorrelatedIncident = z.object({
  key: z.string(),
  title: z.string(),
  severity: z.enum(severities),
  score: z.number().describe('0 to 100'),
  entities: z.array(z.string()),
  alerts: z.array(z.string()).describe('Fingerprints'),
  tactics: z.array(z.string()),
  story: z.array(
    z.object({ atMs: z.number(), text: z.string(), severity: z.enum(severities), alert: z.string().nullable() }),
  ),
  startedMs: z.number(),
  lastMs: z.number(),
  over: z.boolean(),
  links: z.record(z.string(), z.string()).describe('Alert ids by fingerprint, for those of late'),
})
export const EntityAtRisk = z.object({
  entity: z.string(),
  score: z.number(),
  atMs: z.number(),
  lastMs: z.number(),
  reasons: z
    .array(
      z.object({
        name: z.string(),
        title: z.object({ en: z.string(), zh: z.string() }),
        score: z.number(),
        lastMs: z.number(),
      }),
    )
    .describe('What the score is made of, most first'),
})

export function correlationRoutes(app: App, { correlation }: Pick<Parts, 'correlation'>): void {
  const access = { right: 'read', scope: 'read' } as const
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/incidents', summary: 'Alerts that are one story, newest first' },
      ...{ tag: 'security', access },
      query: z.object({ language: z.enum(['en', 'zh']).default('en') }),
      response: z.object({ incidents: z.array(CorrelatedIncident) }),
    },
    ({ query }) => ({ incidents: correlation.incidents(query.language) }),
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/entities', summary: 'Entities at risk, highest first' },
      ...{ tag: 'security', access },
      query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
      response: z.object({ entities: z.array(EntityAtRisk) }),
    },
    ({ query }) => ({ entities: correlation.entitiesAtRisk(query.limit) }),
  )
}
