// The security posture: systems are cut to what who asks answers for; the rest speaks of the whole estate.
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { covers } from '#core/jurisdiction.ts'
import type { ControlState, Sign } from '#security/posture/controls.ts'
import { parseRegister, registerLimits } from '#security/posture/register.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { jurisdictionOf, principalOf, requireRight } from './guard.ts'
import * as api from './posture-api.ts'
import { readQuery, readText } from './request.ts'

const tag = 'security'

export function postureRoutes(app: App, { posture }: Pick<Parts, 'posture'>): void {
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/posture', summary: 'Controls, coverage, certificates, exposure', tag },
      ...{ access: { right: 'read', scope: 'read' }, response: api.Posture },
    },
    async () => {
      const [controls, coverage, certificates, exposed] = await Promise.all([
        posture.controls(),
        posture.coverage(),
        posture.certificates(),
        posture.exposed(),
      ])
      const { exposedQuery } = posture
      const windowDays = posture.windowDays()
      const problems = [...posture.problems()]
      return {
        windowDays,
        problems,
        controls: controls.map(controlBody),
        ...coverage,
        certificates,
        exposed,
        exposedQuery,
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/posture/systems', summary: 'Graded systems and their deadlines', tag },
      ...{ access: { right: 'read', scope: 'read', within: 'jurisdiction' }, response: api.PostureSystems },
    },
    async ({ context }) => {
      const bounds = jurisdictionOf(context)
      const systems = (await posture.systems()).filter(({ entity }) => covers(bounds, entity))
      return { soonDays: posture.soonDays(), systems }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'delete', path: '/api/security/posture/register/{entity}', summary: 'Take off the register', tag },
      ...{ access: { right: 'entities.write', scope: 'write' }, response: z.object({}) },
    },
    async ({ param, context }) => {
      if (!(await posture.removeRegistered(principalOf(context).actor, param('entity'))))
        throw new CodedError('not-found', { what: `The system ${param('entity').slice(0, 64)}` })
      return {}
    },
  )
  const path = '/api/security/posture/register'
  describeRoute(app, 'post', path, 'Import the register of systems from CSV', tag, 'application/json')
  app.post(path, requireRight('entities.write', 'write'), async (context) => {
    const { dryRun } = readQuery(context, z.object({ dryRun: z.stringbool().default(false) }))
    const text = await readText(context.req.raw, registerLimits.bytesMax)
    const { systems, problems } = parseRegister(text, posture.controlIds())
    // All or nothing: half a register would say that the rest was never assessed.
    const only = dryRun || problems.length > 0
    const difference = await posture.importRegister(principalOf(context).actor, systems, only)
    return context.json({ dryRun: only, ...difference, problems }, problems.length > 0 && !dryRun ? 422 : 200)
  })
}

function controlBody({ control, state, sign, seen, lastMs, claimedBy }: ControlState) {
  const { id, layer, clause, title } = control
  return { id, layer, clause, title, state, claimedBy, ...queryOf(sign), seen, lastMs }
}

function queryOf(sign: Sign): { language: 'promql' | 'kql' | 'setting'; query: string } {
  if ('metric' in sign) return { language: 'promql', query: sign.metric }
  if ('events' in sign) return { language: 'kql', query: sign.events }
  return { language: 'setting', query: 'setting' in sign ? sign.setting : `${sign.retentionDays} d` }
}
