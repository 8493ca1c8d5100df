// Cases that arrive and are corrected, publications that change, end and take back items, days and years that pass, stops in
// between: what was kept up to date gives the figures that counting everything anew gives.
// GUANLAN_FUZZ_RUNS sets how many histories are lived through.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { emptyCase } from '../cases/case-record.ts'
import type { CaseRecord, CaseStore, Fact, FactKind, KpiValue } from '../contract.ts'
import { loadDefinitions } from '../definitions/load.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { type Board, createBoard } from './board.ts'

const runs = Number(process.env['GUANLAN_FUZZ_RUNS'] ?? 6)
const rules = resolve(import.meta.dirname, '../../rules/kpi')
const definitions = loadDefinitions(rules)
const published = readCalendars(join(rules, 'calendars')).calendars
const calendars = [
  ...published.map(compileCalendar),
  // A holiday that is prolonged after it has begun: another version, known from that day on.
  compileCalendar({
    ...published[0]!,
    version: '2026-9',
    known: '2027-01-20',
    off: { ...published[0]!.off, 2026: [...published[0]!.off['2026']!, '12-28', '12-29'] },
  }),
]
const day = 86_400_000
const start = Date.UTC(2026, 10, 20)
const home = mkdtempSync(join(tmpdir(), 'guanlan-incremental-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const itemId = fc.constantFrom('i1', 'i2', 'i3', 'i4')
const unit = fc.constantFrom('working-day', 'calendar-day', 'hour', 'month')
const publication = fc.record({
  kind: fc.constantFrom<FactKind>('item', 'item', 'item', 'business', 'system'),
  rows: fc.array(
    fc.record({
      ...{ id: itemId, legal: fc.option(fc.integer({ min: 0, max: 30 })), lu: unit },
      ...{ promised: fc.option(fc.integer({ min: 0, max: 20 })), pu: unit, flag: fc.boolean() },
      ...{ from: fc.constantFrom(null, -20, 3, 30), to: fc.constantFrom(null, null, 10, 45), removed: fc.nat(9) },
      region: fc.constantFrom('440103', '440305'),
    }),
    { minLength: 1, maxLength: 3 },
  ),
})
const arriving = fc.array(
  fc.record({
    ...{ id: fc.nat(25), version: fc.integer({ min: 1, max: 4 }), item: fc.oneof(itemId, fc.constant('none')) },
    ...{ opened: fc.integer({ min: -40, max: 0 }), took: fc.option(fc.integer({ min: 0, max: 40 })) },
    ...{ due: fc.option(fc.integer({ min: 0, max: 50 })), channel: fc.constantFrom('web', 'window') },
    ...{ department: fc.constantFrom('d1', 'd2'), begins: fc.integer({ min: 0, max: 9 }) },
  }),
  { minLength: 1, maxLength: 8 },
)
/** Cases that an appeal takes out of an indicator, or that are taken back into it; some have not arrived yet. */
const adjudicated = fc.array(
  fc.record({ kpi: fc.constantFrom('late', 'online-completion'), id: fc.nat(25), removed: fc.nat(4) }),
  { minLength: 1, maxLength: 6 },
)
const event = fc.oneof(
  arriving.map((cases) => ({ what: 'cases' as const, cases })),
  arriving.map((cases) => ({ what: 'cases' as const, cases })),
  publication.map((given) => ({ what: 'publish' as const, given })),
  adjudicated.map((given) => ({ what: 'adjudicate' as const, given })),
  fc.constantFrom(1, 9, 40, 40).map((days) => ({ what: 'time' as const, days })),
  fc.constant({ what: 'restart' as const }),
)

/** @param at as kept ready, or counted from the evidence as of two times */
async function figures(board: Board, at: { validMs?: number; knownMs?: number }): Promise<Record<string, unknown>[]> {
  const all: KpiValue[] = []
  for (const { definition } of board.plans()) {
    const switches = Object.fromEntries(
      Object.entries(definition.switches).map(([name, { options }]) => [name, Object.keys(options).at(-1)!]),
    )
    for (const chosen of [{}, switches])
      for (const by of [[], ['region'], ...(definition.dimensions.includes('item') ? [['item']] : [])])
        for (const period of ['all', '2026-12', '2026'])
          all.push(...(await board.values({ kpi: definition.id, switches: chosen, period, by, only: {}, ...at })))
  }
  // Of what has no cases any more nothing is left, or a cell that says so.
  return all.filter(({ count }) => count > 0).map((value) => ({ ...value, validMs: 0, knownMs: 0 }))
}

let number = 0

it(`is kept as counting anew has it, through ${runs} histories`, { timeout: 1_200_000 }, async () => {
  let compared = 0
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 4, maxLength: 12 }), async (events) => {
      const directory = join(home, String(number++))
      const cases: CaseStore = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
      await cases.open()
      let atMs = start
      let facts: readonly Fact[] = []
      let version = 0
      const make = (): Board =>
        createBoard({
          ...{ definitions, calendars, cases, facts: () => facts, nowMs: () => atMs },
          catalogueVersion: () => version || null,
          directory: join(directory, 'cubes'),
        })
      try {
        let board = make()
        await board.refresh()
        for (const one of events) {
          atMs += 3_600_000
          if (one.what === 'cases')
            await cases.append(
              one.cases.map((given) => caseOf(given, atMs)),
              atMs,
            )
          else if (one.what === 'time') atMs += one.days * day
          else if (one.what === 'publish') facts = [...facts, ...factsOf(one.given, ++version, atMs)]
          else if (one.what === 'adjudicate') facts = [...facts, ...adjudicationsOf(one.given, ++version, atMs)]
          else {
            await board.save()
            board = make()
          }
          await board.refresh()
        }
        // Open cases grow older at most so often; a minute later they all have.
        atMs += 60_000
        await board.refresh()
        const wanted = await figures(board, { validMs: atMs, knownMs: atMs })
        compared += wanted.length
        expect(await figures(board, {})).toEqual(wanted)
      } finally {
        await cases.close()
      }
    }),
    { numRuns: runs, endOnFailure: true, seed: Number(process.env['GUANLAN_FUZZ_SEED'] ?? 11) },
  )
  if (process.env['GUANLAN_FUZZ_RUNS']) console.log(`${runs} histories, ${compared} figures compared`)
  expect(compared).toBeGreaterThan(runs * 20)
})

type Arriving = typeof arriving extends fc.Arbitrary<infer T> ? (T extends (infer U)[] ? U : never) : never
type Adjudicating = typeof adjudicated extends fc.Arbitrary<infer T> ? T : never
type Publishing = typeof publication extends fc.Arbitrary<infer T> ? T : never

function caseOf(given: Arriving, atMs: number): CaseRecord {
  const openedMs = atMs + given.opened * day
  const closedMs = given.took === null ? null : openedMs + given.took * day
  return {
    ...emptyCase(),
    ...{ id: `c${given.id}`, version: given.version, item: given.item, channel: given.channel as 'web' },
    ...{ department: given.department, region: given.id % 2 ? '440103' : '440305' },
    // One that says nothing of its beginning has the row of the day on which it closed.
    ...(given.begins === 0 ? {} : { openedMs }),
    ...{ closedMs, dueMs: given.due === null ? null : openedMs + given.due * day },
  }
}

function adjudicationsOf(given: Adjudicating, version: number, atMs: number): Fact[] {
  const once = [...new Map(given.map((one) => [`${one.kpi}/c${one.id}`, one])).values()]
  return once.map(({ kpi, id, removed }) => ({
    ...{ kind: 'adjudication', id: `${kpi}/c${id}`, version, knownMs: atMs, validFromMs: -8.64e15, validToMs: null },
    fields: { kpi, case: `c${id}` },
    ...(removed === 0 ? { removed: true as const } : {}),
  }))
}

function factsOf({ kind, rows }: Publishing, version: number, atMs: number): Fact[] {
  const once = [...new Map(rows.map((row) => [row.id, row])).values()]
  return once.map((row) => ({
    ...{ kind, id: row.id, version, knownMs: atMs },
    validFromMs: row.from === null ? -8.64e15 : atMs + row.from * day,
    validToMs: row.to === null ? null : atMs + row.to * day,
    ...(row.removed === 0 ? { removed: true as const } : {}),
    fields: {
      ...{ code: row.id, region: row.region, department: 'd1', kind: 'licence', online: row.flag, frequent: true },
      ...{ 'legal.amount': row.legal === null ? null : String(row.legal), 'legal.unit': row.lu },
      ...{ 'promised.amount': row.promised === null ? null : String(row.promised), 'promised.unit': row.pu },
      ...{ mobile: row.flag, grain: 'item', system: row.flag ? 'live' : 'none', transactions: 3, idleDays: 5 },
      ...{ onCloud: row.flag, onNetwork: true },
    },
  }))
}
