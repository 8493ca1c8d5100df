import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { principalOf } from './guard.ts'
import { SecurityRule, SourceProblemBody } from './sigma-api.ts'

export function sigmaRoutes(app: App, { sigma: { sigma, decide } }: Parts): void {
  const tag = 'security'
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/security/rules',
        summary: 'Sigma rules, how often they matched, and what is wrong',
        tag,
      },
      access: { right: 'read', scope: 'read' },
      response: z.object({ rules: z.array(SecurityRule), problems: z.array(SourceProblemBody) }),
    },
    () => ({ rules: sigma.rules(), problems: [...sigma.problems()] }),
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/security/rules/reload', summary: 'Read all rules again, packs too', tag },
      access: { right: 'alerts.handle', scope: 'write' },
      response: z.object({ rules: z.number(), problems: z.array(SourceProblemBody) }),
    },
    async () => {
      await sigma.reload()
      return { rules: sigma.rules().length, problems: [...sigma.problems()] }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/security/rules/{id}', summary: 'Switch a rule on or off', tag },
      access: { right: 'alerts.handle', scope: 'write' },
      body: z.object({ enabled: z.boolean(), note: z.string().trim().min(1).max(2000).describe('Why') }),
      response: SecurityRule,
    },
    async ({ param, body, context }) => {
      const find = () => sigma.rules().find(({ id }) => id === param('id'))
      if (!find()) throw new CodedError('not-found', { what: `The rule ${param('id').slice(0, 64)}` })
      await decide(principalOf(context).actor, `sigma/${param('id')}`, body.enabled, body.note)
      return find()!
    },
  )
}
