import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { emptyCase } from '../cases/case-record.ts'
import { withLimits } from '../cases/item-fields.ts'
import type { CaseRecord, StoredCase } from '../contract.ts'
import { loadDefinitions } from '../definitions/load.ts'
import { formulaOf } from '../definitions/plan.ts'
import { answer } from '../oracle/oracle.ts'
import { calendarAt, compileCalendar, readCalendars } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import { computeKpi, currentCases, kpiValueOf, within } from './compute.ts'
import { createCube } from './cube.ts'
import { evaluate } from './evaluate.ts'

const rules = resolve(import.meta.dirname, '../../rules/kpi')
const definitions = [...loadDefinitions(rules).byId.values()]
  .map(({ plan }) => plan)
  .filter(({ definition }) => definition.fact === 'case')
const compiled = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)
const zone = zoneOf('Asia/Shanghai')
const start = Date.UTC(2026, 8, 1)
const hour = 3_600_000
const items: Record<string, Record<string, string>> = {
  i1: { 'legal.amount': '20', 'legal.unit': 'working-day', 'promised.amount': '3', 'promised.unit': 'working-day' },
  i2: { 'legal.amount': '10', 'legal.unit': 'calendar-day', 'promised.amount': '48', 'promised.unit': 'hour' },
  i3: { 'legal.amount': '1', 'legal.unit': 'month' },
}
const channel = fc.constantFrom('web', 'app', 'window', 'typed-in', 'kiosk', 'email', 'hotline', 'post' as const)
const hours = fc.integer({ min: 0, max: 24 * 50 })

const caseArbitrary: fc.Arbitrary<CaseRecord> = fc
  .record({
    ...{ id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), version: fc.integer({ min: 1, max: 3 }) },
    ...{
      region: fc.constantFrom('440103', '440305'),
      department: fc.constantFrom('d1', 'd2', ''),
      item: fc.constantFrom('i1', 'i2', 'i3', 'none'),
    },
    ...{
      channel,
      openAfter: hours,
      acceptAfter: fc.option(fc.integer({ min: 0, max: 48 })),
      closeAfter: fc.option(hours),
      dueAfter: fc.option(hours),
    },
    outcome: fc.constantFrom('granted', 'withdrawn', 'query', 'forwarded', 'not-accepted' as const),
    ...{ removed: fc.integer({ min: 0, max: 9 }), byPost: fc.option(fc.boolean()) },
    steps: fc.array(fc.record({ channel, after: hours }), { maxLength: 3 }),
    stops: fc.array(fc.record({ after: hours, length: fc.option(fc.integer({ min: 0, max: 200 })) }), { maxLength: 3 }),
    certificates: fc.array(
      fc.record({
        exists: fc.option(fc.boolean()),
        obtained: fc.constantFrom('electronic', 'paper', 'both', 'none' as const),
      }),
      { maxLength: 2 },
    ),
  })
  .map((given) => {
    const openedMs = start + given.openAfter * hour
    const acceptedMs = given.acceptAfter === null ? null : openedMs + given.acceptAfter * hour
    const from = acceptedMs ?? openedMs
    return {
      ...emptyCase(),
      ...{ id: given.id, version: given.version, region: given.region, department: given.department, item: given.item },
      ...{ channel: given.channel as CaseRecord['channel'], openedMs, acceptedMs },
      closedMs: given.closeAfter === null ? null : from + given.closeAfter * hour,
      dueMs: given.dueAfter === null ? null : openedMs + given.dueAfter * hour,
      outcome: given.closeAfter === null ? null : (given.outcome as CaseRecord['outcome']),
      ...{ withdrawnRecord: given.removed === 0, returnedByPost: given.byPost },
      steps: given.steps.map((step) => ({
        name: 's',
        channel: step.channel as CaseRecord['channel'],
        channelRaw: '',
        atMs: openedMs + step.after * hour,
        actor: '',
      })),
      stops: given.stops.map(({ after, length }) => ({
        kind: 'supplement' as const,
        fromMs: from + after * hour,
        toMs: length === null ? null : from + (after + length) * hour,
      })),
      certificates: given.certificates.map(({ exists, obtained }) => ({
        type: 't',
        exists,
        obtained: obtained as 'both',
      })),
    }
  })

const log = fc.array(caseArbitrary, { minLength: 1, maxLength: 14 }).map((records) =>
  records
    // The same id and version never carries two contents: the store sees to it.
    .filter(({ id, version }, i) => records.findIndex((one) => one.id === id && one.version === version) === i)
    .map((record, i): StoredCase => ({ record, knownMs: start + i * 1000, sequence: i + 1, hash: '' })),
)
const choice = fc.array(fc.nat(), { minLength: 20, maxLength: 20 })

function chosen(plan: (typeof definitions)[number], picks: number[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(plan.definition.switches).map(([name, { options }], i) => {
      const names = Object.keys(options)
      return [name, names[picks[i % picks.length]! % names.length]!]
    }),
  )
}

it('the engine agrees with the oracle on generated cases, switches and pairs of times', () => {
  fc.assert(
    fc.property(
      log,
      choice,
      fc.nat(definitions.length - 1),
      hours,
      fc.integer({ min: 0, max: 14 }),
      (cases, picks, which, after, known) => {
        const plan = definitions[which]!
        const switches = chosen(plan, picks)
        const validMs = start + after * hour
        const knownMs = start + known * 1000
        const calendar = calendarAt(compiled, 'cn', knownMs)!
        const period = ['all', '2026-09', '2026-Q4'][picks[0]! % 3]!
        const common = { switches, by: ['department'], only: {}, validMs, knownMs }
        const engine = computeKpi(
          plan,
          { cases, facts: [] },
          {
            ...common,
            period: parsePeriod(period, zone),
            calendar,
            catalogueVersion: null,
            item: (code) => items[code],
          },
        )
        const facts = cases.map(({ record, knownMs: at }) => ({
          ...{
            id: record.id,
            version: record.version,
            knownMs: at,
            fromMs: 0,
            toMs: null,
            gone: record.withdrawnRecord,
            steps: record.steps,
          },
          fields: {
            ...record,
            region: record.region || null,
            department: record.department || null,
          } as unknown as Record<string, unknown>,
        }))
        const oracle = answer({ ...common, rules, period }, [plan.definition], facts, (code) => items[code])
        const figures = (value: object) => {
          const {
            kpi,
            dimensions,
            switches: made,
            state,
            ratio,
            numerator,
            denominator,
            count,
            groups,
            exclusions,
          } = value as never
          return { kpi, dimensions, switches: made, state, ratio, numerator, denominator, count, groups, exclusions }
        }
        expect(engine.map(figures)).toEqual(oracle.map(figures))
      },
    ),
    { numRuns: 1500 },
  )
})

it('what is kept up to date case by case and day by day is what a count of everything gives', async () => {
  await fc.assert(
    fc.asyncProperty(
      log,
      choice,
      fc.nat(definitions.length - 1),
      hours,
      hours,
      fc.nat(14),
      async (cases, picks, which, first, later, cut) => {
        const plan = definitions[which]!
        const calendar = compiled[0]!
        const context = (validMs: number) => ({
          validMs,
          zone,
          calendar,
          item: (code: string) => items[code] && withLimits(items[code], calendar, 2026),
        })
        const [t1, t2] = [start + Math.min(first, later) * hour, start + Math.max(first, later) * hour]
        const cube = createCube(plan, ['department', 'item'], context(t1))
        const history = new Map<string, StoredCase[]>()
        for (const one of cases) history.set(one.record.id, [...(history.get(one.record.id) ?? []), one])
        const [early, late] = [cases.slice(0, cut), cases.slice(cut)]
        cube.apply(early, history)
        cube.apply(late, history)
        const move = cube.advance(context(t2))
        for (const record of currentCases(cases, Number.POSITIVE_INFINITY)) move(record)
        const formula = formulaOf(plan, chosen(plan, picks))
        const over = formula.aggregation === 'mean' ? [formula.over] : []
        const cells = await cube.cells({ cohort: formula.cohort, by: over, only: {}, matches: within })
        const request = { period: parsePeriod('all', zone), validMs: t2, knownMs: t2, calendar, catalogueVersion: null }
        const kept = kpiValueOf(plan, formula, evaluate(plan, formula, cells, 0)[0]!.outcome, {}, request)
        const [counted] = computeKpi(
          plan,
          { cases: cases.map((one) => ({ ...one, knownMs: 0 })), facts: [] },
          { ...request, switches: formula.switches, by: [], item: (code) => items[code] },
        )
        expect(kept).toEqual(counted)
      },
    ),
    { numRuns: 800 },
  )
})
