// Fills the data directory with a synthetic province, so that the pages show something. The server must not run meanwhile.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { CodedError } from '#core/errors.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { createCatalogueStore } from '#kpi/catalogue/store.ts'
import type { CaseRecord, CaseStore, FactKind } from '#kpi/contract.ts'
import { demoProvince } from '#kpi/demo/province.ts'
import type { ObservedCase } from '#kpi/integrity/observed-case.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { systemActor } from '#stores/state/audit.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { loadConfig } from '../../config.ts'
import type { CommandInput } from '../command.ts'

const casesDefault = 40_000
const msPerDay = 86_400_000
/** A corrected case was first told so long before. */
const correctedAfterMs = 3 * msPerDay

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
    const stored = await keepCases(cases, province.cases(count))
    console.log(
      `${province.facts.length} rows of a synthetic catalogue and ${stored} records of synthetic cases, marked as such, are in ${config.data}`,
    )
    return 0
  } finally {
    await cases.close()
    await state.close()
    await lock.release()
  }
}

/** Day by day, as a feed would have told them: when a record became known is part of the evidence. */
async function keepCases(cases: CaseStore, observed: readonly ObservedCase[]): Promise<number> {
  const days = new Map<number, CaseRecord[]>()
  const tell = (record: CaseRecord, knownMs: number): void => {
    const day = Math.floor(knownMs / msPerDay)
    const list = days.get(day)
    if (list) list.push(record)
    else days.set(day, [record])
  }
  for (const { record, knownMs, before } of observed) {
    if (before) tell(before, knownMs - correctedAfterMs)
    tell(record, knownMs)
  }
  let stored = 0
  for (const day of [...days.keys()].sort((a, b) => a - b))
    stored += (await cases.append(days.get(day)!, day * msPerDay)).stored
  return stored
}
