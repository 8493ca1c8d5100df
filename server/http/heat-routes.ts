// Where it is good and where not: units against indicators, the worst first when one is chosen.
import type { KpiValue } from '#kpi/contract.ts'
import type { Definition } from '#kpi/definitions/definition.ts'
import { fromText, toNumber } from '#kpi/rational.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf } from './guard.ts'
import { besideFigures } from './kpi-beside.ts'
import { onlyWithin, pairsOf } from './kpi-within.ts'
import * as api from './scorecard-api.ts'
import { monthOf, shortOf } from './scorecard-routes.ts'

const countyDigits = 6

export function heatRoutes(app: App, { kpi, kpiWork, clock }: Parts): void {
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/heat', summary: 'Units against indicators', tag: 'kpi' },
      access: { right: 'read', scope: 'read', within: 'jurisdiction' },
      ...{ query: api.HeatQuery, response: api.Heat },
    },
    async ({ query: { by, group, sort, limit, ...query }, context }) => {
      const period = query.period || monthOf(clock.nowMs())
      const only = onlyWithin(pairsOf(query.only), jurisdictionOf(context))
      if (!only) return { period, kpis: [], total: 0, rows: [] }
      const knows = ({ dimensions }: Definition): boolean => by !== 'department' || dimensions.includes(by)
      const definitions = kpi.board
        .plans()
        .map(({ definition }) => definition)
        .filter((one) => one.group === group && knows(one))
      const columns = await Promise.all(
        definitions.map(async (definition) => {
          const label = definition.fact === 'case' ? period : 'all'
          // A department's city is seen from its cases; a county's from its code.
          const names = by === 'department' ? ['city', by] : [by]
          const asked = { kpi: definition.id, period: label, by: names, only, switches: {}, release: period }
          const values = besideFigures(kpiWork, definition, await kpi.board.values(asked), only)
          return new Map(values.filter(isUnit(by)).map((value) => [keyOf(value, by), value]))
        }),
      )
      const figures = columns.map((column) => [...column.values()].flatMap((value) => numberOf(value) ?? []))
      const at = definitions.findIndex(({ id }) => id === sort.replace(/^-/, ''))
      const keys = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort(
        at < 0
          ? undefined
          : byFigure(columns[at]!, (definitions[at]!.direction === 'up' ? 1 : -1) * (sort.startsWith('-') ? -1 : 1)),
      )
      return {
        ...{ period, total: keys.length },
        kpis: definitions.map(({ id, name, unit, direction, fact }, i) => ({
          ...{ id, name, unit, direction, period: fact === 'case' ? period : 'all' },
          low: figures[i]!.length > 0 ? figures[i]!.reduce((a, b) => Math.min(a, b)) : null,
          high: figures[i]!.length > 0 ? figures[i]!.reduce((a, b) => Math.max(a, b)) : null,
        })),
        rows: keys.slice(0, limit).map((key) => {
          const [city = '', unit = ''] = key.split('\n')
          const cells = columns.map((column) => column.get(key))
          return { unit, city, cells: cells.map((value) => (value ? shortOf(value) : null)) }
        }),
      }
    },
  )
}

/** Cases that carry the code of a city alone belong to no county. */
function isUnit(by: string) {
  return ({ dimensions }: KpiValue): boolean => {
    const unit = dimensions[by] ?? ''
    return unit !== '' && (by !== 'region' || unit.length >= countyDigits)
  }
}

function keyOf({ dimensions }: KpiValue, by: string): string {
  const unit = dimensions[by] ?? ''
  return `${by === 'department' ? (dimensions['city'] ?? '') : unit.slice(0, 4)}\n${unit}`
}

function numberOf({ ratio }: KpiValue): number | undefined {
  return ratio ? toNumber(fromText(ratio)) : undefined
}

/** Units without a figure come last, whichever way. */
function byFigure(column: ReadonlyMap<string, KpiValue>, sign: number): (a: string, b: string) => number {
  const figureOf = (key: string): number | undefined => {
    const value = column.get(key)
    return value && numberOf(value)
  }
  return (a, b) => {
    const [x, y] = [figureOf(a), figureOf(b)]
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined) || (a < b ? -1 : 1)
    return sign * (x - y) || (a < b ? -1 : 1)
  }
}
