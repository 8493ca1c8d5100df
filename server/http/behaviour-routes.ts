import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { relations } from '#security/behaviour/facts.ts'
import { createSensitiveView } from '../parts/sensitive.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'

export const EntityBehaviour = z.object({
  entity: z.string(),
  department: z.string(),
  firstMs: z.number(),
  lastMs: z.number(),
  periods: z.number().describe('Days on which it was active'),
  isLearning: z.boolean().describe('Not judged yet'),
  score: z.number().describe('Surprise of today so far, bits'),
  threshold: z.number().describe('From so many bits on it is told'),
  periodHours: z.number(),
  past: z.array(z.object({ atMs: z.number(), score: z.number() })).describe('Oldest first'),
  reasons: z.array(z.object({ text: z.string(), bits: z.number(), atMs: z.number(), eventId: z.string() })),
  hours: z.array(z.number()).describe('Activity by hour of the day: 24 of working days, 24 of weekends'),
  known: z.array(
    z.object({
      relation: z.enum(relations),
      value: z.string(),
      firstMs: z.number(),
      lastMs: z.number(),
      periods: z.number(),
      peers: z.number().describe('Others like it that did the same in 30 days'),
      of: z.number(),
    }),
  ),
})

export function behaviourRoutes(app: App, { behaviour, config }: Pick<Parts, 'behaviour' | 'config'>): void {
  const shown = createSensitiveView(config.security.mask).text
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/behaviour', summary: 'What an account or host usually does' },
      ...{ tag: 'security', access: { right: 'read', scope: 'read' } },
      query: z.object({
        entity: z.string().max(300).describe('user:NAME or host:NAME'),
        language: z.enum(['en', 'zh']).default('en'),
      }),
      response: EntityBehaviour,
    },
    ({ query }) => {
      const found = behaviour.behaviour.entity(query.entity, query.language)
      if (!found) throw new CodedError('not-found', { what: query.entity })
      return {
        ...found,
        reasons: found.reasons.map((one) => ({ ...one, text: shown(one.text) })),
        known: found.known.map((one) => ({ ...one, value: shown(one.value) })),
      }
    },
  )
}
