// Figures that are said otherwise after they were published: proposed by one, in force when two others have approved.
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { covers } from '#core/jurisdiction.ts'
import type { Parts } from '../parts.ts'
import { sinceRaised } from './adjudication.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf, principalOf } from './guard.ts'
import * as api from './kpi-api.ts'

const approve = { right: 'kpi.approve', scope: 'write' } as const
const tag = 'kpi'
const shownMax = 500

export function restatementRoutes(app: App, parts: Parts): void {
  const { kpi } = parts
  const { questions, restatements } = parts.kpiWork
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/restatements', summary: 'What was said then and is said now, and why', tag },
      access: { right: 'read', scope: 'read', within: 'jurisdiction' },
      response: z.object({ restatements: z.array(api.RestatementBody) }),
    },
    async ({ context }) => {
      const bounds = jurisdictionOf(context)
      const all = await restatements.list(shownMax)
      return {
        restatements: all.filter(({ after: { dimensions } }) => {
          const region = (dimensions['region'] ?? dimensions['city'] ?? '').padEnd(6, '0')
          return covers(bounds, { region, department: dimensions['department'] ?? '' })
        }),
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/restatements', summary: 'Propose to restate a published figure', tag },
      ...{ access: approve, body: api.NewRestatement, response: z.object({ id: z.string() }), status: 201 },
    },
    async ({ body: { kpi: id, period, dimensions, cause, reason, appeal }, context }) => {
      const { actor, jurisdiction } = principalOf(context)
      if (appeal !== undefined) {
        const { question } = await questions.get({ actor, jurisdiction }, appeal)
        const stands = (await restatements.ofAppeal(appeal)).some(({ state }) => state !== 'refused')
        if (question.verdict !== 'upheld' || stands)
          throw new CodedError('body.invalid', { cause: 'the appeal is not upheld, or led to a restatement before' })
        const given = { ...(await sinceRaised(parts, question)), cause, reason }
        return { id: await restatements.propose(actor, { ...given, appeal: { id: appeal, period: question.period } }) }
      }
      const definition = kpi.board.plan(id)?.definition
      if (!definition) throw new CodedError('not-found', { what: `The KPI ${id}` })
      const label = definition.fact === 'case' ? period : 'all'
      const cell = { kpi: id, period: label, by: [], only: dimensions, switches: {}, release: period }
      const [[before], [after]] = await Promise.all([
        kpi.board.values(cell),
        kpi.board.values({ ...cell, asCounted: true }),
      ])
      const named = <T extends object>(value: T): T => ({ ...value, dimensions })
      return {
        id: await restatements.propose(actor, {
          ...{ before: named(before!), after: named(after!), cause, reason },
        }),
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/restatements/{id}/approve', summary: 'Approve; two others are needed', tag },
      ...{ access: approve, response: z.object({ state: z.string() }) },
    },
    async ({ param, context }) => ({ state: await restatements.approve(principalOf(context).actor, param('id')) }),
  )
  endpoint(
    app,
    {
      ...{
        method: 'post',
        path: '/api/kpi/restatements/{id}/refuse',
        summary: 'Refuse, or take back, with a reason',
        tag,
      },
      ...{ access: approve, body: api.Refusal, response: z.object({ state: z.string() }) },
    },
    async ({ body, param, context }) => ({
      state: await restatements.refuse(principalOf(context).actor, param('id'), body.reason),
    }),
  )
}
