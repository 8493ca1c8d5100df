// Visits by people who only pretend to apply, and what three who judge a unit say of it. Whoever is judged imports none.
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { covers, regionStem } from '#core/jurisdiction.ts'
import { within } from '#kpi/engine/compute.ts'
import { parsePeriod } from '#kpi/time/period.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import { readVisits } from '#kpi/visits/read-visits.ts'
import { threeSources } from '#kpi/visits/three-sources.ts'
import type { Visit } from '#kpi/visits/visits.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf, principalOf } from './guard.ts'
import { onlyWithin, pairsOf } from './kpi-within.ts'
import * as api from './visit-api.ts'

const tag = 'kpi'
const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const bytesMax = 16 * 1024 * 1024
/** What citizens say. */
const citizensKpi = 'satisfaction'
const problemsShown = 200

export function visitRoutes(app: App, { kpi }: Parts): void {
  const inPeriod = (label: string): Visit[] => {
    const { fromMs, toMs } = parsePeriod(label, zoneOf('Asia/Shanghai'))
    return kpi.visits.list().filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
  }
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/visits', summary: 'Visits, the newest first', tag, access: read },
      ...{ query: api.VisitQuery, response: api.VisitPage },
    },
    ({ query, context }) => {
      // The place that is asked about is matched here: the code of a city is no jurisdiction.
      const bounds = principalOf(context).jurisdiction
      const visits = inPeriod(query.period).filter(
        (one) =>
          (query.kpi === undefined || one.kpi === query.kpi) &&
          (query.department === undefined || one.department === query.department) &&
          ((query.region ?? '') === '' || within(one.region, regionStem(query.region!), 'region')) &&
          covers(bounds, { region: one.region.padEnd(6, '0'), department: one.department }),
      )
      return { total: visits.length, visits: visits.slice(0, query.limit) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/visits', summary: 'Import a round of visits; dry run by default', tag },
      ...{ access: { right: 'kpi.ask', scope: 'write' }, body: api.VisitImport, bodyBytesMax: bytesMax },
      response: api.VisitImportResult,
    },
    async ({ body, context }) => {
      const ids = kpi.board.plans().map(({ definition }) => definition.id)
      const { visits, problems } = await readVisits(body, ids)
      const apply = !body.dryRun && problems.length === 0
      const difference = apply
        ? await kpi.visits.import(principalOf(context).actor, visits)
        : kpi.visits.difference(visits)
      return { dryRun: !apply, ...difference, problems: problems.slice(0, problemsShown) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/three-sources', summary: 'Report, citizens and visitors side by side', tag },
      ...{ access: read, query: api.SourcesQuery },
      response: z.object({ rows: z.array(api.ThreeSourcesRow) }),
    },
    async ({ query: { kpi: id, period, by, only: given }, context }) => {
      const definition = kpi.board.plan(id)?.definition
      if (!definition) throw new CodedError('not-found', { what: `The KPI ${id}` })
      const bounds = jurisdictionOf(context)
      const only = onlyWithin(pairsOf(given), bounds)
      if (!only) return { rows: [] }
      const ask = (name: string, dimension: string) =>
        kpi.board.values({ kpi: name, period, by: [dimension], only, switches: {} })
      const [reported, citizens, departments] = await Promise.all([
        ask(id, by),
        kpi.board.plan(citizensKpi) ? ask(citizensKpi, by) : [],
        by === 'city' && definition.dimensions.includes('department') ? ask(id, 'department') : [],
      ])
      const counts = new Map(departments.map((value) => [value.dimensions['department'] ?? '', value.count]))
      const believability = kpi.integrity?.believability()
      const rows = threeSources({
        ...{ reported: reported.filter(({ dimensions }) => dimensions[by] !== ''), citizens, kpi: id, by },
        visits: inPeriod(period).filter((one) =>
          covers(bounds, { region: one.region.padEnd(6, '0'), department: one.department }),
        ),
        direction: definition.direction,
        telemetryOf: (value) => believability?.factsOf(value, only) ?? { corroborable: 0, corroborated: 0 },
        casesOf: (department) => counts.get(department) ?? 0,
      })
      return { rows }
    },
  )
}
