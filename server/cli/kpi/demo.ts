// Fills the data directory with a synthetic province, so that the pages show something. The server must not run meanwhile.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { CodedError } from '#core/errors.ts'
import { silentLogger } from '#core/logger.ts'
import { createCatalogueStore } from '#kpi/catalogue/store.ts'
import { createVisits } from '#kpi/visits/visits.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { loadConfig } from '../../config.ts'
import { fillProvince } from '../../parts/kpi-demo.ts'
import type { CommandInput } from '../command.ts'

const casesDefault = 40_000

export async function demo({ options }: CommandInput): Promise<number> {
  const { config } = loadConfig(process.env)
  const seed = Number(options['seed'] ?? 1)
  const count = Number(options['count'] ?? casesDefault)
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1 || count > 10_000_000)
    throw new CodedError('command.invalid', { cause: '--seed and --count are whole numbers' })
  const nowMs = systemClock.nowMs()
  await mkdir(config.data, { recursive: true })
  const lock = await lockData(config.data)
  const state = createState(
    { ...stateDefaults, databaseUrl: config.database.url, directory: join(config.data, 'state') },
    silentLogger,
  )
  const cases = createDuckCases({ ...duckCasesDefaults, directory: join(config.data, 'cases') })
  try {
    await state.open()
    await cases.open()
    const catalogue = createCatalogueStore(state.database, () => nowMs)
    await catalogue.load()
    const visits = createVisits(state.database, () => nowMs)
    await visits.load()
    const filled = await fillProvince({ catalogue, cases, visits }, { rules: config.rules.kpi, seed, count, nowMs })
    console.log(
      `${filled.facts} rows of a synthetic catalogue, ${filled.cases} records of synthetic cases and ${filled.visits} visits, marked as such, are in ${config.data}`,
    )
    return 0
  } finally {
    await cases.close()
    await state.close()
    await lock.release()
  }
}
