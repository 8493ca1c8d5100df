// A figure with its proof, as a directory. Works on the data directory; the server must not run meanwhile.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { CodedError } from '#core/errors.ts'
import { silentLogger } from '#core/logger.ts'
import { readYaml } from '#core/yaml-source.ts'
import { evidenceMax } from '#kpi/bundle/format.ts'
import { writeBundle } from '#kpi/bundle/write.ts'
import { createCatalogueStore } from '#kpi/catalogue/store.ts'
import type { CaseStore, Period, StoredCase } from '#kpi/contract.ts'
import { findDefinition, loadDefinitions } from '#kpi/definitions/load.ts'
import { within } from '#kpi/engine/compute.ts'
import { readCheckpoint } from '#kpi/ledger/checkpoint.ts'
import { parseNote } from '#kpi/ledger/note.ts'
import { calendarSchema } from '#kpi/time/calendar.ts'
import { parsePeriod } from '#kpi/time/period.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { loadConfig } from '../../config.ts'
import { openLedger } from '../../parts/ledger.ts'
import { createLedgerFeed } from '../../parts/ledger-feed.ts'
import type { CommandInput } from '../command.ts'
import { pairs, readFile, timeOf } from './files.ts'

const batch = 10_000

export async function exportBundle({ options, lists }: CommandInput): Promise<number> {
  const { config } = loadConfig(process.env)
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const wanted = text('definition')
  const out = text('out')
  if (!wanted || !out) throw new CodedError('body.invalid', { cause: 'give --definition and --out' })
  const directory = resolve(out)
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new CodedError('body.invalid', { cause: `--out: ${directory} is not empty` })
  const nowMs = systemClock.nowMs()
  const rules = resolve(config.rules.kpi)
  const { plan, file } = findDefinition(rules, wanted)
  const lock = await lockData(config.data)
  const state = createState(
    { ...stateDefaults, databaseUrl: config.database.url, directory: join(config.data, 'state') },
    silentLogger,
  )
  const cases = createDuckCases({ ...duckCasesDefaults, directory: join(config.data, 'cases') })
  const ledger = openLedger(config.ledger, config.data, systemClock)
  try {
    await state.open()
    await cases.open()
    const catalogue = createCatalogueStore(state.database, () => nowMs)
    await catalogue.load()
    const feed = createLedgerFeed(
      ledger,
      { cases, catalogue, definitions: loadDefinitions(rules), rules },
      { nowMs: () => nowMs, logger: silentLogger },
    )
    while ((await feed.tick()) > 0);
    const period = text('period') ?? 'all'
    const only = pairs(lists['only'] ?? [])
    const given = await writeBundle(directory, ledger, {
      ...{ plan, definitionText: readFileSync(file, 'utf8'), calendars: calendarsOf(rules) },
      ...{ facts: catalogue.facts(), catalogueVersion: catalogue.version() },
      cases:
        plan.definition.fact === 'case'
          ? await evidence(cases, parsePeriod(period, zoneOf(plan.definition.zone)), only)
          : [],
      request: {
        ...{ period, only, switches: pairs(lists['switch'] ?? []) },
        validMs: timeOf(text('as-of'), '--as-of', nowMs),
        knownMs: timeOf(text('known-at'), '--known-at', nowMs),
      },
      ...olderOf(lists['checkpoint']?.[0]),
    })
    console.log(`${given.evidence.count} records and their proofs are in ${directory}`)
    return 0
  } finally {
    await cases.close()
    await state.close()
    await ledger.close()
    await lock.release()
  }
}

/** All versions of each case of which one can fall into the period and the named departments and regions. */
async function evidence(cases: CaseStore, period: Period, only: Record<string, string>): Promise<StoredCase[]> {
  const touches = ({ record }: StoredCase): boolean =>
    isWithin(only['department'], record.department, 'department') &&
    isWithin(only['city'] ?? only['region'], record.region, 'region') &&
    (period.label === 'all' ||
      [record.openedMs, record.acceptedMs, record.closedMs, record.dueMs].some(
        (atMs) => atMs !== null && atMs >= period.fromMs && atMs < period.toMs,
      ))
  const each = async (take: (one: StoredCase) => void): Promise<void> => {
    for (let at = 0; ; ) {
      const part = await cases.since(at, batch)
      for (const one of part) take(one)
      if (part.length < batch) return
      at = part.at(-1)!.sequence
    }
  }
  const ids = new Set<string>()
  await each((one) => void (touches(one) && ids.add(one.record.id)))
  const found: StoredCase[] = []
  await each((one) => {
    if (!ids.has(one.record.id)) return
    if (found.length >= evidenceMax) throw new CodedError('body.too-many', { limit: evidenceMax })
    found.push(one)
  })
  return found
}

function isWithin(wanted: string | undefined, value: string, name: string): boolean {
  return wanted === undefined || within(value, wanted, name)
}

function calendarsOf(rules: string) {
  const directory = join(rules, 'calendars')
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .flatMap((name) => {
      const text = readFileSync(join(directory, name), 'utf8')
      const { value } = readYaml(name, text, calendarSchema)
      return value ? [{ name, text, source: value }] : []
    })
}

function olderOf(path: string | undefined): { older?: { note: string; size: number } } {
  if (path === undefined) return {}
  const text = readFile(path, '--checkpoint')
  const note = parseNote(text)
  const checkpoint = note && readCheckpoint(note.text)
  if (!checkpoint) throw new CodedError('body.invalid', { cause: `--checkpoint: ${path} is no checkpoint` })
  return { older: { note: text, size: checkpoint.size } }
}
