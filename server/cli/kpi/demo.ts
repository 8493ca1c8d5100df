// Fills the data directory with a synthetic province, so that the pages show something. The server must not run meanwhile.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { CodedError } from '#core/errors.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { createCatalogueStore } from '#kpi/catalogue/store.ts'
import type { CaseRecord, FactKind } from '#kpi/contract.ts'
import { demoProvince } from '#kpi/demo/province.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { systemActor } from '#stores/state/audit.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { loadConfig } from '../../config.ts'
import type { CommandInput } from '../command.ts'

const casesDefault = 40_000
const batch = 10_000

export async function demo({ options }: CommandInput): Promise<number> {
  const { config } = loadConfig(process.env)
  const seed = Number(options['seed'] ?? 1)
  const count = Number(options['count'] ?? casesDefault)
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1 || count > 10_000_000)
    throw new CodedError('body.invalid', { cause: '--seed and --count are whole numbers' })
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
    const province = demoProvince(config.rules.kpi, seededRandom(seed), nowMs)
    const catalogue = createCatalogueStore(state.database, () => nowMs)
    await catalogue.load()
    const second = { ...systemActor, id: 'demo', name: 'guanlan demo' }
    for (const kind of new Set<FactKind>(province.facts.map((fact) => fact.kind))) {
      const facts = province.facts.filter((fact) => fact.kind === kind)
      const proposed = await catalogue.propose(systemActor, kind, facts, false, 'Synthetic example 合成示例')
      if (proposed) await catalogue.decide(second, proposed.version, 'published')
    }
    let stored = 0
    let part: CaseRecord[] = []
    const flush = async (): Promise<void> => {
      if (part.length > 0) stored += (await cases.append(part, nowMs)).stored
      part = []
    }
    for (const record of province.cases(count)) {
      part.push(record)
      if (part.length >= batch) await flush()
    }
    await flush()
    console.log(
      `${province.facts.length} rows of a synthetic catalogue and ${stored} synthetic cases, marked as such, are in ${config.data}`,
    )
    return 0
  } finally {
    await cases.close()
    await state.close()
    await lock.release()
  }
}
