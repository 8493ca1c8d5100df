// npm run bench:kpi:catalogue [items]: a catalogue of a province from the file to the ledger: dry run, proposal, publication
// by a second person, figures, leaves; a second publication; the pages. Time, processor time, memory and the longest turn
// of the event loop of each step.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { createBoard } from '#kpi/board/board.ts'
import { findGaps } from '#kpi/catalogue/gaps.ts'
import { importFacts } from '#kpi/catalogue/import.ts'
import { createCatalogueStore } from '#kpi/catalogue/store.ts'
import { loadDefinitions } from '#kpi/definitions/load.ts'
import { makeKeys } from '#kpi/ledger/keys.ts'
import { Ledger } from '#kpi/ledger/ledger.ts'
import { compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import type { Actor } from '#stores/state/state.ts'
import { openTestState } from '#stores/state/testing.ts'
import { createLedgerFeed } from '../server/parts/ledger-feed.ts'
import { watchTicks } from './kpi/ticks.ts'

const items = Number(process.argv[2] ?? 250_000)
const units = 5900
const rules = resolve(import.meta.dirname, '../rules/kpi')
const directory = mkdtempSync(join(tmpdir(), 'guanlan-bench-catalogue-'))
const rows: Record<string, string>[] = []

async function step<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const ticks = watchTicks()
  const cpu = process.cpuUsage()
  const from = systemClock.monotonicMs()
  const result = await work()
  const { user, system } = process.cpuUsage(cpu)
  const wallMs = systemClock.monotonicMs() - from
  const longest = ticks.stop()
  const row = {
    ...{ what, wall: seconds(wallMs), processor: seconds((user + system) / 1000) },
    longestTurn: `${longest.wallMs.toFixed(0)} ms (${longest.cpuMs.toFixed(0)} of processor)`,
    memory: `${(process.memoryUsage.rss() / 2 ** 30).toFixed(2)} GiB`,
  }
  rows.push(row)
  console.log(Object.values(row).join(' | '))
  return result
}
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

const header = 'id,code,name,department,departmentName,region,category,kind,legal,promised,online,mobile,visits,system'
function itemRow(i: number, promised: number): string {
  const unit = i % units
  const region = `44${String(1 + (unit % 21)).padStart(2, '0')}${String(unit % 7).padStart(2, '0')}`
  return `i${i},i${i},事项${i}的名称,u${unit},部门${unit},${region},k${i % 9},许可,20,${promised},${i % 50 ? '是' : '否'},${i % 5 ? '是' : '否'},${i % 3},s${unit}`
}
const csv = (promised: (i: number) => number): string =>
  [header, ...Array.from({ length: items }, (_, i) => itemRow(i, promised(i)))].join('\n')

const mapping = {
  fact: 'item',
  fields: {
    ...Object.fromEntries(
      ['id', 'code', 'name', 'department', 'departmentName', 'region', 'category', 'kind', 'system'].map((name) => [
        name,
        { column: name },
      ]),
    ),
    'legal.amount': { column: 'legal' },
    'legal.unit': { value: 'working-day' },
    'promised.amount': { column: 'promised' },
    'promised.unit': { value: 'working-day' },
    online: { column: 'online', type: 'boolean' },
    mobile: { column: 'mobile', type: 'boolean' },
    visitsMax: { column: 'visits' },
  },
}

const state = await openTestState()
const cases = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
await cases.open()
const nowMs = (): number => systemClock.nowMs()
const catalogue = createCatalogueStore(state.database, nowMs)
await catalogue.load()
const definitions = loadDefinitions(rules)
const calendars = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)
const board = createBoard({
  ...{ definitions, calendars, cases, nowMs, directory: join(directory, 'cubes') },
  facts: () => catalogue.facts(),
  catalogueVersion: () => catalogue.version(),
})
const keys = makeKeys('bench.example/kpi', ['ed25519', 'sm2'])
const openLedger = (): Promise<Ledger> =>
  Ledger.open(
    { directory: join(directory, 'ledger'), origin: 'bench.example/kpi', hash: 'sm3', keys },
    { clock: systemClock },
  )
let ledger = await openLedger()
const feedOf = (of: Ledger) =>
  createLedgerFeed(of, { cases, catalogue, definitions, rules }, { nowMs, logger: silentLogger })
const person = (name: string): Actor => ({ kind: 'user', id: name, name, role: 'admin', address: '' })

async function publish(what: string, content: string): Promise<void> {
  const { facts, problems } = await step(`${what}: read (${(content.length / 2 ** 20).toFixed(0)} Mi characters)`, () =>
    importFacts({ mapping, content, format: 'csv' }, nowMs()),
  )
  if (problems.length > 0) throw new Error(JSON.stringify(problems[0]))
  await step(`${what}: dry run`, () => catalogue.difference('item', facts, true))
  const made = await step(`${what}: proposed`, () => catalogue.propose(person('anna'), 'item', facts, true, ''))
  await step(`${what}: published`, () => catalogue.decide(person('bo'), made!.version, 'published'))
  await step(`${what}: figures`, () => board.refresh())
  await step(`${what}: figures again, nothing new`, () => board.refresh())
  await step(`${what}: leaves`, () => feedOf(ledger).tick())
}
await publish(
  `${items} items`,
  csv(() => 10),
)
await publish(
  '1,000 changed',
  csv((i) => (i < 1000 ? 5 : 10)),
)
await ledger.close()
ledger = await step('ledger opened again', openLedger)
await step('… and nothing new for it', () => feedOf(ledger).tick())
console.log(`${ledger.size} leaves`)
await step('catalogue loaded at a start', () => createCatalogueStore(state.database, nowMs).load())
await step('gaps', () => findGaps(catalogue.facts(), new Set()))
for (const { definition } of board.plans().filter((one) => one.definition.fact === 'item'))
  await step(`${definition.id} by city`, () =>
    board.values({ kpi: definition.id, switches: {}, period: 'all', by: ['city'], only: {} }),
  )
console.table(rows)
await ledger.close()
await cases.close()
await state.dispose()
rmSync(directory, { recursive: true, force: true })
