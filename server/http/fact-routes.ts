// The rows of the catalogue that a figure counts, as they were published, each with what it counts for.
import { z } from '@hono/zod-openapi'
import { recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { createPace } from '#core/pace.ts'
import { withCity } from '#kpi/board/state-facts.ts'
import { factsInForce } from '#kpi/catalogue/in-force.ts'
import type { Fact } from '#kpi/contract.ts'
import { createCount, within } from '#kpi/engine/compute.ts'
import { calendarAt } from '#kpi/time/calendar.ts'
import { parsePeriod } from '#kpi/time/period.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf } from './guard.ts'
import { onlyWithin, pairsOf } from './kpi-within.ts'
import { notKnown, withoutUnknown } from './scorecard-routes.ts'

const FactsQuery = z.object({
  kpi: z.string().max(64),
  only: z.string().max(2000).default(''),
  switches: z.string().max(2000).default(''),
  text: z.string().max(200).default('').describe('In the id, the code or the name, whatever its case'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
})
const FactBody = z
  .object({
    ...{ kind: z.string(), id: z.string(), version: z.number().describe('Of the publication') },
    ...{ validFromMs: z.number(), validToMs: z.number().nullable(), knownMs: z.number() },
    fields: z.record(z.string(), z.unknown()),
  })
  .describe('As it was published: its SM3 is `hash`, its leaf in the ledger is catalogue KIND/ID')
export const Facts = z.object({
  total: z.number(),
  facts: z.array(
    z.object({
      fact: FactBody,
      hash: z.string(),
      counts: z
        .enum(['above', 'part', 'below', 'excluded', 'outside'])
        .describe('Above the line, in part, below it alone, left out, or not of the population'),
      reason: z.string().nullable().describe('Why it is left out, or `not-known`: it counts as no'),
    }),
  ),
})

export function factRoutes(app: App, { kpi, kpiWork, clock }: Parts): void {
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/facts', summary: 'Rows of the catalogue behind a figure', tag: 'kpi' },
      access: { right: 'read', scope: 'read', within: 'jurisdiction' },
      ...{ query: FactsQuery, response: Facts },
    },
    async ({ query, context }) => {
      const plan = kpi.board.plan(query.kpi)
      if (!plan) throw new CodedError('not-found', { what: `The KPI ${query.kpi}` })
      const only = onlyWithin(pairsOf(query.only), jurisdictionOf(context))
      if (!only || plan.definition.fact === 'case') return { total: 0, facts: [] }
      const nowMs = clock.nowMs()
      const calendar = calendarAt(kpiWork.calendars, plan.definition.calendar, nowMs)!
      const pairs = Object.entries(only)
      const wanted = query.text.trim().toLowerCase()
      const isAsked = (fact: Fact): boolean =>
        pairs.every(([name, value]) => within(fieldOf(fact, name), value, name)) &&
        (wanted === '' || textsOf(fact).some((text) => text.toLowerCase().includes(wanted)))
      const inForce = await factsInForce(kpi.catalogue.facts(), plan.definition.fact, {
        validMs: nowMs,
        knownMs: nowMs,
      })
      const all: Fact[] = []
      const pace = createPace()
      for (const fact of inForce) {
        if (isAsked(fact)) all.push(fact)
        await pace(true)
      }
      const request = {
        ...{ switches: pairsOf(query.switches), by: [], validMs: nowMs, knownMs: nowMs, calendar },
        ...{ period: parsePeriod('all', zoneOf(plan.definition.zone)), catalogueVersion: kpi.catalogue.version() },
      }
      const choice = withoutUnknown(plan.definition)
      const countedBy = (fact: Fact, switches: Record<string, string>) => {
        const one = createCount(plan, { ...request, switches })
        one.takeFact(withCity(fact))
        return one.values()[0]
      }
      const judged = (fact: Fact): Pick<z.output<typeof Facts>['facts'][number], 'counts' | 'reason'> => {
        const value = countedBy(fact, request.switches)
        const [reason] = Object.keys(value!.exclusions)
        if (value!.count === 0) return { counts: 'outside', reason: null }
        if (reason !== undefined) return { counts: 'excluded', reason }
        // A mean says what a row gives; a ratio of two counts, whether it is there.
        const [above, below] = [value!.numerator, value!.denominator]
        if (above === '0' || above === null) {
          const isKnown =
            !choice || countedBy(fact, { ...request.switches, ...choice })!.exclusions[notKnown] === undefined
          return { counts: 'below', reason: isKnown ? null : notKnown }
        }
        return { counts: above === below || value!.groups ? 'above' : 'part', reason: null }
      }
      const page = all.slice(query.offset, query.offset + query.limit)
      return {
        total: all.length,
        facts: page.map((fact) => ({ fact: { ...fact }, hash: recordHash(fact), ...judged(fact) })),
      }
    },
  )
}

function fieldOf({ fields }: Fact, name: string): string {
  return name === 'city' ? String(fields['region'] ?? '').slice(0, 4) : String(fields[name] ?? '')
}

function textsOf({ id, fields }: Fact): string[] {
  return [id, String(fields['code'] ?? ''), String(fields['name'] ?? '')]
}
