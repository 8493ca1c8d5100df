// Received of expected, and what departments declare: everyone sees and declares their own.
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { covers } from '#core/jurisdiction.ts'
import { monthOf } from '#kpi/coverage/tally.ts'
import type { Parts } from '../parts.ts'
import * as api from './coverage-api.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf, principalOf } from './guard.ts'

const tag = 'kpi'

export function coverageRoutes(app: App, { kpiWork: { coverage, declared }, clock }: Parts): void {
  const placeOf = ({ region, department }: { region: string; department: string }) => ({
    region: region.padEnd(6, '0'),
    department,
  })
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/coverage', summary: 'Received of expected by unit', tag },
      access: { right: 'read', scope: 'read', within: 'jurisdiction' },
      ...{ query: api.CoverageQuery, response: api.CoverageBody },
    },
    ({ query, context }) => {
      const bounds = jurisdictionOf(context)
      const period = query.period || monthOf(clock.nowMs())
      return { period, units: coverage.units(period, query.cohort).filter((unit) => covers(bounds, placeOf(unit))) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/coverage/declared', summary: 'How many cases a unit says it has', tag },
      access: { right: 'kpi.reply', scope: 'write', within: 'jurisdiction' },
      ...{ body: api.DeclaredBody, response: z.object({ declared: z.number() }), status: 201 },
    },
    async ({ body, context }) => {
      const { actor, jurisdiction } = principalOf(context)
      if (body.counts.some((one) => !covers(jurisdiction, placeOf(one)))) throw new CodedError('auth.outside')
      await declared.declare(actor, body.counts)
      return { declared: body.counts.length }
    },
  )
}
