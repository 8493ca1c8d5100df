// The night as the product has it: cases into their store, into the ledger, into the figures of every definition; a day that
// passes; drills, what-ifs and questions about a moment that is over.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { createBoard } from '#kpi/board/board.ts'
import { gatherBrief } from '#kpi/brief/brief.ts'
import type { CaseScan, Fact } from '#kpi/contract.ts'
import { loadDefinitions } from '#kpi/definitions/load.ts'
import { makeKeys } from '#kpi/ledger/keys.ts'
import { Ledger } from '#kpi/ledger/ledger.ts'
import { compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { createLedgerFeed } from '../../server/parts/ledger-feed.ts'
import { items, makeProvince, units, wanted } from './province.ts'
import { milliseconds, quantile, seconds, type Table, timed, took, turn } from './table.ts'

const day = 86_400_000
const batch = 10_000

export async function measureProduct(table: Table, directory: string, rules: string, inStore: number): Promise<void> {
  const made = makeProvince(11, 0.05)
  const store = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
  await mkdir(join(directory, 'cases'), { recursive: true })
  await store.open()
  const append = async (count: number, month: (i: number) => number, knownMs: number): Promise<void> => {
    for (let from = 0; from < count; from += batch) {
      const part = Array.from({ length: Math.min(batch, count - from) }, (_, i) => made.case(month(from + i)))
      await store.append(part, knownMs)
    }
  }
  let nowMs = Date.UTC(2026, 10, 1)
  const months = 3
  const filled = await timed(() => append(inStore, (i) => i % months, nowMs - 2 * day))
  table.say(
    `case store: ${inStore} cases of ${months} months in`,
    `${Math.round(inStore / (filled.wallMs / 1000))}/s, ${took(filled)}`,
  )
  const facts = catalogue(nowMs)
  const scans: CaseScan[] = []
  const cases = {
    ...store,
    scan: (request: CaseScan) => {
      scans.push(request)
      return store.scan(request)
    },
  }
  const definitions = loadDefinitions(rules)
  const board = createBoard({
    ...{ definitions, calendars: readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar), cases },
    ...{ facts: () => facts, catalogueVersion: () => 1, nowMs: () => nowMs, directory: join(directory, 'board') },
  })
  const ofCases = board.plans().filter(({ definition }) => definition.fact === 'case').length
  const first = await timed(() => board.refresh())
  table.say(`… into ${ofCases} definitions, and ${items} items, the first time`, `${took(first)}, ${turn(first)}`)
  const ledger = await Ledger.open(
    {
      directory: join(directory, 'ledger'),
      origin: 'bench/kpi',
      hash: 'sm3',
      keys: makeKeys('bench/kpi', ['ed25519']),
    },
    { clock: systemClock },
  )
  const feed = createLedgerFeed(
    ledger,
    { cases: store, catalogue: { facts: () => [], version: () => null }, definitions, rules },
    { nowMs: () => nowMs, logger: silentLogger },
  )
  const caughtUp = async (): Promise<void> => {
    while ((await feed.tick()) > 0);
  }
  await caughtUp()

  const arrived = await timed(() => append(wanted.night, () => 0, nowMs - 1000))
  table.say(`one night's ${wanted.night} cases: into the store`, took(arrived))
  const leaves = await timed(caughtUp)
  table.say('… leaves of the ledger', `${took(leaves)}, ${turn(leaves)}`)
  nowMs += 60_000
  const counted = await timed(() => board.refresh())
  table.say(`… into ${ofCases} definitions, saved`, `${took(counted)}, ${turn(counted)}`)
  nowMs += day
  const passed = await timed(() => board.refresh())
  const openOnes = Math.round((inStore + wanted.night) * 0.05)
  const movedAll = (passed.wallMs * wanted.open) / openOnes
  table.say(
    `… about ${openOnes} open cases a day older`,
    `${took(passed)}, ${turn(passed)}`,
    `${wanted.open}: ${seconds(movedAll)}`,
  )
  const night = arrived.wallMs + leaves.wallMs + counted.wallMs + movedAll
  table.say('one night in all', '', seconds(night), '< 300 s')

  const ask = async (kpi: string, by: string[], only: Record<string, string>, period: string): Promise<number> =>
    (await timed(() => board.values({ kpi, switches: {}, period, by, only }))).wallMs
  const drills: number[] = []
  const pages: number[] = []
  for (let i = 0; i < 30; i++) {
    const department = `u${Math.floor(made.random() * units)}`
    for (const kpi of ['online-completion', 'late', 'satisfaction']) {
      drills.push(await ask(kpi, ['city'], {}, '2026-10'), await ask(kpi, ['department'], { city: '4401' }, '2026-10'))
      drills.push(await ask(kpi, ['item'], { department }, 'all'), await ask(kpi, ['period'], { department }, 'all'))
    }
    const range = { fromMs: Date.UTC(2026, 9, 1), toMs: Date.UTC(2026, 10, 1) }
    pages.push((await timed(() => store.page({ department, ...range, limit: 50, offset: 0 }))).wallMs)
  }
  table.say('drill in the board (cases): p95', milliseconds(quantile(drills, 0.95)), '', '< 200 ms')
  table.say(
    `a page of the cases of a department in a month, of ${inStore + wanted.night}: p95`,
    milliseconds(quantile(pages, 0.95)),
    'of 400 million: not measured',
    '< 200 ms',
  )
  const ofState: number[] = []
  const again: number[] = []
  for (const [kpi, by] of [
    ['time-compression', ['city']],
    ['time-compression', ['department']],
    ['time-compression', []],
    ['online-availability', ['department']],
    ['mobile-availability', ['city']],
  ] as const) {
    ofState.push(await ask(kpi, [...by], {}, 'all'))
    again.push(await ask(kpi, [...by], {}, 'all'))
  }
  table.say(
    `drill in ${items} items: slowest, and asked again`,
    `${milliseconds(Math.max(...ofState))}, ${milliseconds(Math.max(...again))}`,
    '',
    '< 200 ms',
  )
  const whatIfs: number[] = []
  for (const kpi of ['online-completion', 'late'])
    for (const [name, { options }] of Object.entries(definitions.byId.get(kpi)!.plan.definition.switches))
      for (const option of Object.keys(options))
        whatIfs.push(
          (
            await timed(() =>
              board.values({ kpi, switches: { [name]: option }, period: '2026', by: ['city'], only: {} }),
            )
          ).wallMs,
        )
  table.say('what-if by cities, a year: slowest', milliseconds(Math.max(...whatIfs)), '', '< 1 s')

  scans.length = 0
  const thenMs = Date.UTC(2026, 10, 1) - 2 * day + 1000
  const request = { period: '2026-10', asOfMs: thenMs, knownMs: thenMs, only: {}, nowMs, departments: true }
  const brief = await timed(() =>
    gatherBrief(board, request, {
      ...{ language: 'zh-Hans', synthetic: true, scope: '', checkpoint: null, cityNames: new Map() },
      ...{ departmentNames: new Map(), restated: [], notes: [], gradedMs: null },
      masthead: { title: '', issuer: '', classification: '', number: null, dateMs: null },
    }),
  )
  table.say(
    `a whole brief as it was known then, of ${inStore} cases`,
    `${took(brief)}, ${scans.length} pass, ${turn(brief)}`,
  )
  const one = await timed(() =>
    board.values({
      kpi: 'online-completion',
      switches: {},
      period: '2026-10',
      by: ['city'],
      only: {},
      knownMs: thenMs,
      validMs: thenMs,
    }),
  )
  table.say('… one of its questions alone', took(one))
  table.say('memory of all this', `${(process.memoryUsage.rss() / 2 ** 30).toFixed(2)} GiB`, '', '< 4 GiB')
  const { bytesOnDisk } = await store.stats()
  const perCase = bytesOnDisk / (inStore + wanted.night)
  table.say(
    '… bytes a case on disk',
    perCase.toFixed(0),
    `${wanted.months} months: ${((perCase * wanted.perMonth * wanted.months) / 2 ** 30).toFixed(0)} GiB`,
  )
  await ledger.close()
  await store.close()
}

function catalogue(nowMs: number): Fact[] {
  return Array.from({ length: items }, (_, i) => {
    const unit = i % units
    return {
      ...{ kind: 'item' as const, id: `i${i}`, version: 1, knownMs: nowMs - 30 * day, validFromMs: 0, validToMs: null },
      fields: {
        ...{ code: `i${i}`, name: `事项${i}`, department: `u${unit}`, category: `k${i % 9}` },
        region: `44${String(1 + (unit % 21)).padStart(2, '0')}${String(unit % 7).padStart(2, '0')}`,
        ...{ 'legal.amount': '20', 'legal.unit': 'working-day', 'promised.amount': String(1 + (i % 15)) },
        ...{ 'promised.unit': 'working-day', online: i % 50 > 0, mobile: i % 5 > 0, visitsMax: String(i % 3) },
      },
    }
  })
}
