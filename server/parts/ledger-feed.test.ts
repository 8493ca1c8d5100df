import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { emptyCase } from '#kpi/cases/case-record.ts'
import { loadDefinitions } from '#kpi/definitions/load.ts'
import { loadOrMakeKeys } from '#kpi/ledger/key-file.ts'
import { makeKeys } from '#kpi/ledger/keys.ts'
import { Ledger } from '#kpi/ledger/ledger.ts'
import { verifyInclusion } from '#kpi/ledger/proof.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { createLedgerFeed, rowLeaf } from './ledger-feed.ts'
import { catalogueRows } from './testdata/catalogue-rows.ts'

it('makes leaves of definitions, calendars and cases, and goes on after a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'feed-'))
  const rules = resolve(import.meta.dirname, '../../rules/kpi')
  const definitions = loadDefinitions(rules)
  const cases = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
  await cases.open()
  const keys = makeKeys('log.example/kpi', ['ed25519', 'sm2'])
  const openLedger = (): Promise<Ledger> =>
    Ledger.open(
      { directory: join(directory, 'ledger'), origin: 'log.example/kpi', hash: 'sm3', keys },
      { clock: new ManualClock(0) },
    )
  const sources = { cases, definitions, rules, catalogue: { facts: () => [], version: () => null } }
  const feedOf = (ledger: Ledger) => createLedgerFeed(ledger, sources, { nowMs: () => 7, logger: silentLogger })
  const first = await openLedger()
  await feedOf(first).tick()
  const rulesSize = first.size
  expect(rulesSize).toBeGreaterThan(definitions.byId.size)
  await cases.append(
    [
      { ...emptyCase(), id: 'a' },
      { ...emptyCase(), id: 'b' },
    ],
    10,
  )
  expect(await feedOf(first).tick()).toBe(2)
  await first.close()

  const second = await openLedger()
  await cases.append([{ ...emptyCase(), id: 'a', version: 2 }], 20)
  expect(await feedOf(second).tick()).toBe(1)
  expect(await feedOf(second).tick()).toBe(0)
  expect(second.size).toBe(rulesSize + 3)
  const { index } = (await second.find({ kind: 'case', id: 'a', version: '2' }))!
  expect(verifyInclusion(second.hash, second.prove(index))).toBe(true)
  await second.close()
  await cases.close()
  rmSync(directory, { recursive: true })
})

it('goes on with a catalogue in whose middle it was killed: no leaf is lost and none is there twice', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'feed-killed-'))
  const rules = resolve(import.meta.dirname, '../../rules/kpi')
  const keys = loadOrMakeKeys(join(directory, 'keys.json'), 'log.example/kpi', ['ed25519'])
  const rows = catalogueRows(32_000)
  const script = join(import.meta.dirname, 'testdata/feeds-a-catalogue.ts')
  const child = spawn(process.execPath, [script, directory, rules, String(rows.length), '10000'], { stdio: 'inherit' })
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  expect(signal).toBe('SIGKILL')

  const ledger = await Ledger.open(
    { directory: join(directory, 'ledger'), origin: 'log.example/kpi', hash: 'sm3', keys },
    { clock: new ManualClock(0) },
  )
  expect(ledger.size).toBeGreaterThanOrEqual(10_000)
  expect(ledger.size).toBeLessThan(rows.length)
  const feed = createLedgerFeed(
    ledger,
    {
      ...{ cases: { since: async () => [] }, definitions: loadDefinitions(rules), rules },
      catalogue: { facts: () => rows, version: () => 1 },
    },
    { nowMs: () => 8, logger: silentLogger },
  )
  await feed.tick()
  await feed.tick()
  expect(ledger.kinds['catalogue']).toBe(rows.length + 1)
  const found = await ledger.findAll(rows.map(rowLeaf))
  expect(found.every((one, i) => one?.leaf.hash === rowLeaf(rows[i]!).hash)).toBe(true)
  expect(new Set(found.map((one) => one!.index)).size).toBe(rows.length)
  expect(ledger.firstDamaged()).toBeUndefined()
  expect(verifyInclusion(ledger.hash, ledger.prove(found[31_999]!.index))).toBe(true)
  await ledger.close()
  rmSync(directory, { recursive: true })
}, 120_000)
