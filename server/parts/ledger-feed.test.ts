import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { emptyCase } from '#kpi/cases/case-record.ts'
import { loadDefinitions } from '#kpi/definitions/load.ts'
import { makeKeys } from '#kpi/ledger/keys.ts'
import { Ledger } from '#kpi/ledger/ledger.ts'
import { verifyInclusion } from '#kpi/ledger/proof.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { createLedgerFeed } from './ledger-feed.ts'

it('makes leaves of definitions, calendars and cases, and goes on after a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'feed-'))
  const rules = resolve(import.meta.dirname, '../../rules/kpi')
  const definitions = loadDefinitions(rules)
  const cases = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
  await cases.open()
  const keys = makeKeys('log.example/kpi', ['ed25519', 'sm2'])
  const openLedger = (): Ledger =>
    new Ledger(
      { directory: join(directory, 'ledger'), origin: 'log.example/kpi', hash: 'sm3', keys },
      { clock: new ManualClock(0) },
    )
  const sources = { cases, definitions, rules, catalogue: { facts: () => [], version: () => null } }
  const feedOf = (ledger: Ledger) => createLedgerFeed(ledger, sources, { nowMs: () => 7, logger: silentLogger })
  const first = openLedger()
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

  const second = openLedger()
  await cases.append([{ ...emptyCase(), id: 'a', version: 2 }], 20)
  expect(await feedOf(second).tick()).toBe(1)
  expect(await feedOf(second).tick()).toBe(0)
  expect(second.size).toBe(rulesSize + 3)
  const { index } = second.find({ kind: 'case', id: 'a', version: '2' })!
  expect(verifyInclusion(second.hash, second.prove(index))).toBe(true)
  await second.close()
  await cases.close()
  rmSync(directory, { recursive: true })
})
