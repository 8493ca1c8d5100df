// How a figure goes towards its target: months behind it, trend and pace ahead.
import { CodedError } from '#core/errors.ts'
import { type BurnPoint, burnUp, monthAfter, monthsBetween } from '#kpi/board/burn-up.ts'
import type { KpiValue } from '#kpi/contract.ts'
import { ruleFor } from '#kpi/engine/target.ts'
import { fromText, parseRational, toNumber } from '#kpi/rational.ts'
import { parsePeriod, periodOfDay } from '#kpi/time/period.ts'
import { type Zone, zoneOf } from '#kpi/time/zone.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf } from './guard.ts'
import { onlyWithin, pairsOf } from './kpi-within.ts'
import * as api from './scorecard-api.ts'
import { monthOf } from './scorecard-routes.ts'

const monthsMax = 36
const silentMax = 12
/** Each month of a state is counted from the catalogue as it was. */
const stateMonthsMax = 12

export function burnUpRoutes(app: App, { kpi, clock }: Parts): void {
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/burn-up', summary: 'The way of a figure to its target', tag: 'kpi' },
      access: { right: 'read', scope: 'read', within: 'jurisdiction' },
      ...{ query: api.BurnUpQuery, response: api.BurnUp },
    },
    async ({ query, context }) => {
      const definition = kpi.board.plan(query.kpi)?.definition
      if (!definition) throw new CodedError('not-found', { what: `The KPI ${query.kpi}` })
      const only = onlyWithin(pairsOf(query.only), jurisdictionOf(context))
      if (!only) throw new CodedError('auth.outside')
      const asked = { kpi: query.kpi, only, switches: pairsOf(query.switches) }
      const whole = monthOf(clock.nowMs())
      const isOfCases = definition.fact === 'case'
      const points = isOfCases
        ? monthsOfCases(await kpi.board.values({ ...asked, period: 'all', by: ['period'] }), whole)
        : await monthsOfState(asked, whole, zoneOf(definition.zone))
      const { target } = ruleFor(definition, only, clock.nowMs())
      const numberOf = (text: string | undefined): number | null => {
        const value = text === undefined ? undefined : parseRational(text)
        return value ? toNumber(value) : null
      }
      const [value, due] = [numberOf(target?.value), target?.due ?? null]
      const { direction, unit } = definition
      const found = burnUp(points, value === null ? null : { value, direction, due }, unit === 'ratio')
      return {
        ...{ target: value, near: numberOf(target?.near), due, ...found },
        since: points.find((one) => one.value !== null)?.month ?? null,
        running: isOfCases || points.length === 0 ? null : points.at(-1)!.month,
      }
    },
  )

  /** As it was known at the ends of months since something of its kind was first published, and as it is now. */
  async function monthsOfState(
    asked: { kpi: string; only: Record<string, string>; switches: Record<string, string> },
    whole: string,
    zone: Zone,
  ): Promise<BurnPoint[]> {
    const kind = kpi.board.plan(asked.kpi)!.definition.fact
    const nowMs = clock.nowMs()
    const first = kpi.catalogue
      .facts()
      .reduce((least, fact) => (fact.kind === kind ? Math.min(least, fact.knownMs) : least), Number.POSITIVE_INFINITY)
    if (first === Number.POSITIVE_INFINITY) return []
    const months = Math.min(stateMonthsMax, monthsBetween(periodOfDay(zone.dayOf(first), 'month'), whole) + 1)
    const points: BurnPoint[] = []
    for (let back = months - 1; back >= 0; back--) {
      const month = monthAfter(whole, -back)
      const atMs = parsePeriod(month, zone).toMs - 1
      const [value] = await kpi.board.values({ ...asked, period: 'all', by: [], validMs: atMs, knownMs: atMs })
      points.push({ month, value: figureOf(value) })
    }
    const [value] = await kpi.board.values({ ...asked, period: 'all', by: [] })
    points.push({ month: periodOfDay(zone.dayOf(nowMs), 'month'), value: figureOf(value) })
    return points
  }
}

function monthsOfCases(values: readonly KpiValue[], whole: string): BurnPoint[] {
  const known = new Map(values.map((value) => [value.dimensions['period'] ?? value.period.label, value]))
  const told = [...known.keys()].filter((month) => month <= whole).sort()
  const [first, last] = [told[0], told.at(-1)]
  if (first === undefined || last === undefined) return []
  // What ended long ago is shown as it was; a feed that stopped of late is a gap at the end.
  const end = monthsBetween(last, whole) > silentMax ? last : whole
  const months = Math.min(monthsMax, monthsBetween(first, end) + 1)
  return Array.from({ length: months }, (_, i) => {
    const month = monthAfter(end, i - months + 1)
    return { month, value: figureOf(known.get(month)) }
  })
}

function figureOf(value: KpiValue | undefined): number | null {
  return value?.ratio ? toNumber(fromText(value.ratio)) : null
}
