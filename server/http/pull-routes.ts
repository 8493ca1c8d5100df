// The departments' databases: how the reading stands, a run now, new types accepted. Everyone sees their own.
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { covers } from '#core/jurisdiction.ts'
import type { PullSource } from '#kpi/pull/source.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf, principalOf } from './guard.ts'
import * as api from './pull-api.ts'

const tag = 'kpi'
const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const write = { right: 'entities.write', scope: 'write' } as const
const runsShown = 50
const setAsideShown = 200

export function pullRoutes(app: App, { kpiWork: { pull } }: Parts): void {
  const rowOf = async (source: PullSource): Promise<z.output<typeof api.PullSourceRow>> => {
    const { id, name, department, region, engine, every, enabled } = source
    const stands = await pull.state.of(id)
    const { errorCode, errorMessage, errorHint } = stands
    return {
      ...{ id, name, department, region, engine, everyMs: every, enabled, running: pull.isRunning(id) },
      ...{ state: stands.state, failures: stands.failures, failedSinceMs: stands.failedSinceMs },
      error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '', hint: errorHint ?? '' },
      ...{ lastRunMs: stands.lastRunMs, lastOkMs: stands.lastOkMs, nextMs: stands.nextMs, updated: stands.updated },
      ...{ rows: stands.rows, stored: stands.stored, duplicates: stands.duplicates, late: stands.late },
      setAside: (await pull.state.setAside(id, 0)).total,
      remarks: stands.remarks,
    }
  }
  const placeOf = ({ region, department }: PullSource) => ({ region: region.padEnd(6, '0'), department })
  const named = (id: string): PullSource => {
    const source = pull.sources.find((one) => one.id === id)
    if (!source) throw new CodedError('not-found', { what: `The source ${id.slice(0, 64)}` })
    return source
  }
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/pull', summary: "Departments' databases and how reading stands", tag },
      ...{ access: read, response: z.object({ sources: z.array(api.PullSourceRow) }) },
    },
    async ({ context }) => {
      const bounds = jurisdictionOf(context)
      const mine = pull.sources.filter((source) => covers(bounds, placeOf(source)))
      return { sources: await Promise.all(mine.map(rowOf)) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/pull/{id}', summary: 'One source, its runs and what was set aside', tag },
      ...{ access: read, response: api.PullDetail },
    },
    async ({ param, context }) => {
      const source = named(param('id'))
      if (!covers(jurisdictionOf(context), placeOf(source))) throw new CodedError('auth.outside')
      const { rows } = await pull.state.setAside(source.id, setAsideShown)
      return {
        source: await rowOf(source),
        runs: await pull.state.runs(source.id, runsShown),
        setAside: rows.map(({ rowKey, cause, hint, lastMs }) => ({ rowKey, cause, hint, lastMs })),
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/pull/{id}/run', summary: 'Read it now', tag, access: write },
      ...{ response: z.object({ wanted: z.boolean() }), status: 202 },
    },
    async ({ param, context }) => {
      await pull.want(principalOf(context).actor, named(param('id')).id)
      return { wanted: true }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/pull/{id}/accept', summary: 'The types of now are right', tag },
      ...{ access: write, response: z.object({ accepted: z.boolean() }) },
    },
    async ({ param, context }) => {
      await pull.accept(principalOf(context).actor, named(param('id')).id)
      return { accepted: true }
    },
  )
}
