// What the integrity checks ask, of whom, and why: units, flags, where everybody stands, and a run on request.
import { CodedError } from '#core/errors.ts'
import { covers, isEverywhere, type Jurisdiction, regionStem } from '#core/jurisdiction.ts'
import type { Flag } from '#kpi/integrity/finding.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import type { IntegrityPart } from '../parts/kpi-integrity.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf } from './guard.ts'
import * as api from './integrity-api.ts'

const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const approve = { right: 'kpi.approve', scope: 'write' } as const
const tag = 'kpi'
const flagsMax = 100_000

export function integrityRoutes(app: App, { kpi, clock }: Parts): void {
  const service = (): IntegrityPart => {
    if (!kpi.integrity) throw new CodedError('not-found', { what: 'The integrity checks (their rules are wrong)' })
    return kpi.integrity
  }
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/integrity', summary: 'How far the figures are to be believed', tag },
      ...{ access: read, query: api.SummaryQuery, response: api.Summary },
    },
    async ({ query, context }) => {
      const integrity = service()
      const bounds = jurisdictionOf(context)
      const believability = integrity.believability()
      const open = (await integrity.flags.list({ state: 'open', level: 'question' }, flagsMax)).filter(isAsked)
      const byUnit = new Map<string, Flag[]>()
      for (const flag of open) byUnit.set(flag.unit, [...(byUnit.get(flag.unit) ?? []), flag])
      const units = believability.units().flatMap((unit) => {
        const region = integrity.regionOf(unit)
        if (!isTheirs(bounds, region, unit) || !region.startsWith(regionStem(query.region ?? ''))) return []
        const { questioned: _, confirmed: __, ...facts } = believability.facts(unit)!
        const flags = byUnit.get(unit) ?? []
        const given = believability.unit(unit)
        return [
          {
            ...{
              unit,
              region,
              ...facts,
              grade: given?.grade ?? null,
              because: given?.because ?? [],
              flags: flags.length,
            },
            ...{ unconnected: [...integrity.unconnectedOf(unit)], checks: countBy(flags, ({ check }) => check) },
          },
        ]
      })
      units.sort((a, b) => b.flags - a.flags || b.cases - a.cases || (a.unit < b.unit ? -1 : 1))
      const sum = (of: (one: (typeof units)[number]) => number): number => units.reduce((all, one) => all + of(one), 0)
      const theirs = new Set(units.map(({ unit }) => unit))
      return {
        run: (await integrity.lastRun()) ?? null,
        grades: countBy(units, ({ grade }) => grade ?? '–'),
        ...{ units: units.slice(0, query.limit), unitCount: units.length },
        total: {
          cases: sum(({ cases }) => cases),
          corroborable: sum(({ corroborable }) => corroborable),
          corroborated: sum(({ corroborated }) => corroborated),
          blind: sum(({ blind }) => blind),
        },
        checks: countBy(
          open.filter(({ unit }) => theirs.has(unit)),
          ({ check }) => check,
        ),
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/integrity/flags', summary: 'Questions that the checks raise', tag },
      ...{ access: read, query: api.FlagQuery, response: api.FlagBody.array() },
    },
    async ({ query, context }) => {
      const { limit, unit, region, check, period, state, level } = query
      const bounds = jurisdictionOf(context)
      const filter = {
        level,
        ...(unit === undefined ? {} : { unit }),
        ...(region === undefined ? {} : { region: regionStem(region) }),
        ...(check === undefined ? {} : { check }),
        ...(period === undefined ? {} : { period }),
        ...(state === undefined ? {} : { state }),
      }
      const found = await service().flags.list(filter, isEverywhere(bounds) ? limit : flagsMax)
      return found.filter((flag) => isTheirs(bounds, flag.region, flag.unit)).slice(0, limit)
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/kpi/integrity/flags/{id}',
        summary: 'A question, and where its peers stand',
        tag,
      },
      ...{ access: read, response: api.FlagDetail },
    },
    async ({ param, context }) => {
      const integrity = service()
      const flag = await integrity.flags.get(param('id'))
      const bounds = jurisdictionOf(context)
      if (!isTheirs(bounds, flag.region, flag.unit)) throw new CodedError('auth.outside')
      const funnel = await integrity.funnel(flag.period, flag.rule)
      // Peers elsewhere are points without a name.
      const points = funnel?.points.map((point) =>
        isTheirs(bounds, integrity.regionOf(point.unit), point.unit) ? point : { ...point, unit: '' },
      )
      return {
        flag,
        funnel: funnel && points ? { ...funnel, points } : null,
        grade: integrity.believability().unit(flag.unit) ?? null,
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/integrity/run', summary: 'Look at all units of a year now', tag },
      ...{ access: approve, query: api.RunQuery, response: api.RunBody },
    },
    ({ query }) => {
      const year = new Date(zoneOf('Asia/Shanghai').dayOf(clock.nowMs()) * 86_400_000).getUTCFullYear()
      return service().run(query.period ?? String(year))
    },
  )
}

function isTheirs(bounds: Jurisdiction, region: string, department: string): boolean {
  return covers(bounds, { region: /^\d+$/.test(region) ? region.padEnd(6, '0') : region, department })
}

function isAsked({ resolution }: Flag): boolean {
  return resolution !== 'explained' && resolution !== 'corrected'
}

function countBy<T>(list: readonly T[], keyOf: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const one of list) counts[keyOf(one)] = (counts[keyOf(one)] ?? 0) + 1
  return counts
}
