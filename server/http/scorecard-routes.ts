// The scorecard in one answer: every indicator with what it was, what it should be, how it moved and how the cities stand.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from '@hono/zod-openapi'
import { covers, isEverywhere } from '#core/jurisdiction.ts'
import { changeSince } from '#kpi/board/ranking.ts'
import { namesIn } from '#kpi/catalogue/names.ts'
import type { KpiValue } from '#kpi/contract.ts'
import type { Definition } from '#kpi/definitions/definition.ts'
import { ruleFor } from '#kpi/engine/target.ts'
import { parseRational, toNumber } from '#kpi/rational.ts'
import { findRules } from '../config.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf } from './guard.ts'
import { besideFigures } from './kpi-beside.ts'
import { onlyWithin, pairsOf } from './kpi-within.ts'
import * as api from './scorecard-api.ts'

const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const tag = 'kpi'
const monthsShown = 25
const itemsNamed = 2000
/** The reason by which definitions leave out what nothing is known of. */
export const notKnown = 'not-known'

export function scorecardRoutes(app: App, { kpi, kpiWork, clock, config }: Parts): void {
  const places = readDivisions(join(findRules(config.rules.kpi), 'divisions/guangdong.json'))
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/scorecard', summary: 'Every indicator at a glance', tag, access: read },
      ...{ query: api.ScorecardQuery, response: api.Scorecard },
    },
    async ({ query, context }) => {
      const only = onlyWithin(pairsOf(query.only), jurisdictionOf(context))
      const month = monthOf(clock.nowMs())
      if (!only) return { period: month, rows: [] }
      const period = query.period || month
      const rows = await Promise.all(
        kpi.board.plans().map(async ({ definition }) => {
          const ask = async (label: string, by: string[] = []): Promise<KpiValue[]> => {
            const asked = { kpi: definition.id, period: label, by, only, switches: {}, release: period }
            const values = await kpi.board.values(asked)
            return besideFigures(kpiWork, definition, values, only)
          }
          const isOfCases = definition.fact === 'case'
          // Facts of the catalogue are a state, not a flow: they have no months.
          const [now] = await ask(isOfCases ? period : 'all')
          const [before] = isOfCases ? await ask(shifted(period, -1)) : []
          const [yearAgo] = isOfCases ? await ask(shifted(period, -12)) : []
          const months = isOfCases ? (await ask('all', ['period'])).slice(-monthsShown) : []
          const cities = await ask(isOfCases ? period : 'all', ['city'])
          const choice = withoutUnknown(definition)
          const [known] = choice
            ? await kpi.board.values({
                ...{ kpi: definition.id, period: isOfCases ? period : 'all', by: [], only },
                switches: choice,
              })
            : []
          const { id, name, group, unit, direction } = definition
          return {
            ...{ id, name, group, unit, direction, isOfCases, value: now ?? null },
            unknown: known ? unknownOf(known, choice!) : null,
            ...rulesOf(definition, now?.dimensions ?? {}, clock.nowMs()),
            ...{ before: before ?? null, yearAgo: yearAgo ?? null },
            since: { before: sinceOf(now, before, direction), yearAgo: sinceOf(now, yearAgo, direction) },
            months: months.map(shortOf),
            cities: cities.filter(({ dimensions }) => dimensions['city'] !== '').map(shortOf),
          }
        }),
      )
      return { period, rows }
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/kpi/names',
        summary: 'Names of regions, departments and items',
        tag,
        access: read,
      },
      ...{ query: z.object({ department: z.string().max(200).default('') }), response: api.Names },
    },
    async ({ query, context }) => {
      const bounds = jurisdictionOf(context)
      const names = await namesIn(kpi.catalogue.facts())
      const departments: Record<string, string> = {}
      const items: Record<string, string> = {}
      const seen = (one: { region: string; department: string }): boolean => isEverywhere(bounds) || covers(bounds, one)
      for (const { department, region, name } of names.departments)
        if (seen({ region, department })) departments[department] = name
      let named = 0
      for (const { code, region, name } of names.itemsOf(query.department)) {
        if (!seen({ region, department: query.department })) continue
        if (++named > itemsNamed) break
        items[code] = name
      }
      return { ...places, departments, items }
    },
  )
}

function sinceOf(now: KpiValue | undefined, before: KpiValue | undefined, direction: 'up' | 'down') {
  return (now && before && changeSince(now, before, direction)) ?? null
}

export function shortOf({ period, dimensions, state, ratio, target, count, grade, coverage }: KpiValue) {
  return { period: period.label, dimensions, state, ratio, status: target.status, count, grade, coverage }
}

/** The choice that leaves out what nothing is known of, where it counts as no otherwise. */
export function withoutUnknown({ switches }: Definition): Record<string, string> | undefined {
  for (const [name, { default: chosen, options }] of Object.entries(switches))
    for (const [option, { exclude }] of Object.entries(options))
      if (option !== chosen && exclude?.some(({ reason }) => reason === notKnown)) return { [name]: option }
  return undefined
}

function unknownOf({ exclusions, ratio }: KpiValue, choice: Record<string, string>) {
  const count = exclusions[notKnown] ?? 0
  const switches = Object.entries(choice).map(([name, option]) => `${name}=${option}`)
  return count === 0 ? null : { count, ratio, switches: switches.join() }
}

function rulesOf(definition: Definition, dimensions: Record<string, string>, nowMs: number) {
  const { target, exemption } = ruleFor(definition, dimensions, nowMs)
  const near = target?.near === undefined ? undefined : parseRational(target.near)
  return {
    near: near ? String(toNumber(near)) : null,
    due: target?.due ?? null,
    exemptUntil: exemption?.until ?? null,
  }
}

/** A province without groups or tiles has none: what shows them leaves them out. */
const divisionsSchema = z.object({
  cities: z.array(
    z.object({
      ...{ code: z.string(), name: z.string(), group: z.string().optional() },
      tile: z.tuple([z.number(), z.number()]).optional(),
    }),
  ),
  counties: z.array(z.object({ code: z.string(), name: z.string() })),
  peers: z.record(z.string(), z.array(z.string())).default({}),
})

function readDivisions(path: string): Pick<z.output<typeof api.Names>, 'regions' | 'groups' | 'tiles' | 'peers'> {
  const { cities, counties, peers } = divisionsSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  return {
    peers,
    regions: Object.fromEntries([...cities, ...counties].map(({ code, name }) => [code, name])),
    groups: Object.fromEntries(cities.flatMap(({ code, group }) => (group ? [[code, group]] : []))),
    tiles: Object.fromEntries(cities.flatMap(({ code, tile }) => (tile ? [[code, tile]] : []))),
  }
}

/** The last whole month, in China's time: the one of today is not over. */
export function monthOf(nowMs: number): string {
  return shifted(new Date(nowMs + 8 * 3_600_000).toISOString().slice(0, 7), -1)
}

/** By months for a month, by quarters and years for those. */
export function shifted(label: string, months: number): string {
  const month = /^(\d{4})-(\d\d)$/.exec(label)
  if (month) {
    const at = Number(month[1]) * 12 + Number(month[2]) - 1 + months
    return `${Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, '0')}`
  }
  const quarter = /^(\d{4})-Q([1-4])$/.exec(label)
  if (quarter) {
    const at = Number(quarter[1]) * 4 + Number(quarter[2]) - 1 + (months === -1 ? -1 : months / 3)
    return `${Math.floor(at / 4)}-Q${(at % 4) + 1}`
  }
  return /^\d{4}$/.test(label) ? String(Number(label) - 1) : label
}
