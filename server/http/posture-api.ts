// The shapes of the security posture.
import { z } from '@hono/zod-openapi'
import { layers } from '#security/posture/controls.ts'
import { registeredSystemSchema } from '#security/posture/register.ts'
import { EntityBody } from './api.ts'
import { SourceProblemBody } from './sigma-api.ts'

export const AssessmentBody = z.object({
  state: z.enum(['ok', 'soon', 'overdue', 'never', 'failed', 'not-required']),
  last: z.object({ on: z.string().nullable(), result: z.enum(['pass', 'partly', 'fail', '']) }),
  dueOn: z.string().nullable(),
  daysLeft: z.number().nullable().describe('Negative when it has passed'),
  statutory: z.boolean().describe('False: a custom, not the law'),
  source: z.string(),
})

// GET /api/security/posture/systems → graded systems against their deadlines
export const PostureSystems = z.object({
  soonDays: z.number(),
  systems: z.array(
    z.object({
      entity: EntityBody,
      register: registeredSystemSchema.nullable(),
      protection: AssessmentBody,
      cryptography: AssessmentBody,
    }),
  ),
})

export const ControlBody = z.object({
  id: z.string(),
  layer: z.enum(layers),
  clause: z.string(),
  title: z.object({ en: z.string(), zh: z.string() }),
  state: z.enum(['observed', 'claimed', 'absent', 'failed']),
  claimedBy: z.number().describe('Systems whose keepers say that they have it'),
  language: z.enum(['promql', 'kql', 'setting']).describe('Of `query`'),
  query: z.string(),
  seen: z.string(),
  lastMs: z.number().nullable(),
})

export const TacticBody = z.object({
  tactic: z.string(),
  rules: z.number(),
  fed: z.number().describe('Rules whose log source arrives'),
  techniques: z.array(z.object({ id: z.string(), rules: z.number(), fed: z.number() })),
})

// GET /api/security/posture → what the stores say: controls, coverage, certificates, exposed services
export const Posture = z.object({
  windowDays: z.number(),
  problems: z.array(SourceProblemBody).describe('Of the files that it goes by; what they were stays in force'),
  controls: z.array(ControlBody),
  tactics: z.array(TacticBody),
  missing: z.array(z.object({ logsource: z.string(), rules: z.number() })),
  certificates: z.array(z.object({ name: z.string(), expiresMs: z.number() })),
  exposed: z.array(z.object({ address: z.string(), port: z.string(), connections: z.number(), lastMs: z.number() })),
  exposedQuery: z.string(),
})
