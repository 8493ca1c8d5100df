// A figure with its proof, as a directory. Works on the data directory; the server must not run meanwhile.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { CodedError } from '#core/errors.ts'
import { silentLogger } from '#core/logger.ts'
import { readYaml } from '#core/yaml-source.ts'
import { bundleFiles, evidenceMax } from '#kpi/bundle/format.ts'
import { type BundleInput, writeBundle } from '#kpi/bundle/write.ts'
import { createCatalogueStore } from '#kpi/catalogue/store.ts'
import type { CaseStore, Period, StoredCase } from '#kpi/contract.ts'
import { findVersions, loadDefinitions } from '#kpi/definitions/load.ts'
import { within } from '#kpi/engine/compute.ts'
import { readCheckpoint } from '#kpi/ledger/checkpoint.ts'
import type { Ledger } from '#kpi/ledger/ledger.ts'
import { parseNote } from '#kpi/ledger/note.ts'
import { calendarSchema, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { parsePeriod } from '#kpi/time/period.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { createState, type PostgresState, stateDefaults } from '#stores/state/postgres.ts'
import { loadConfig } from '../../config.ts'
import type { LedgerConfig } from '../../ledger-config.ts'
import { createIntegrityPart } from '../../parts/kpi-integrity.ts'
import { openLedger } from '../../parts/ledger.ts'
import { createLedgerFeed } from '../../parts/ledger-feed.ts'
import { createWitnesses } from '../../parts/witnesses.ts'
import type { CommandInput } from '../command.ts'
import { recorded } from '../recorded-files.ts'
import { pairs, readFile, timeOf } from './files.ts'

const batch = 10_000
const cellsMax = 10_000

export async function exportBundle({ options, lists }: CommandInput): Promise<number> {
  const { config } = loadConfig(process.env)
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const wanted = text('definition')
  const out = text('out')
  if (!wanted || !out) throw new CodedError('command.invalid', { cause: 'give --definition and --out' })
  const directory = resolve(out)
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new CodedError('command.invalid', { cause: `--out: ${directory} is not empty` })
  const nowMs = systemClock.nowMs()
  const rules = resolve(config.rules.kpi)
  const [id = '', version] = wanted.split('@')
  const definitions = findVersions(rules, wanted.endsWith('.yml') ? wanted : id).map(({ plan, file }) => ({
    ...{ plan, text: readFileSync(file, 'utf8') },
  }))
  const { fact, zone } = definitions[0]!.plan.definition
  const lock = await lockData(config.data)
  const state = createState(
    { ...stateDefaults, databaseUrl: config.database.url, directory: join(config.data, 'state') },
    silentLogger,
  )
  const cases = createDuckCases({ ...duckCasesDefaults, directory: join(config.data, 'cases') })
  const ledger = await openLedger(config.ledger, config.data, systemClock)
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
    const asked = ['kpi export', wanted, period, ...(lists['only'] ?? [])].join(' ')
    const files = [bundleFiles.value, ...(fact === 'case' ? [bundleFiles.cases] : [])].map((name) => ({
      ...{ path: join(directory, name), subject: 'kpi.bundle' as const, format: extname(name).slice(1), query: asked },
    }))
    const input: BundleInput = {
      ...{ definitions, calendars: calendarsOf(rules) },
      ...{ facts: catalogue.facts(), catalogueVersion: catalogue.version() },
      cases: fact === 'case' ? await evidence(cases, parsePeriod(period, zoneOf(zone)), only) : [],
      request: {
        ...{ period, only, switches: pairs(lists['switch'] ?? []) },
        ...(version === undefined ? {} : { version }),
        validMs: timeOf(text('as-of'), '--as-of', nowMs),
        knownMs: timeOf(text('known-at'), '--known-at', nowMs),
      },
      ...olderOf(lists['checkpoint']?.[0]),
      ...(await gradesFor(rules, fact === 'case', period, only, { state, cases })),
      cosign: () => cosigned(config.ledger, { ledger, data: config.data }),
      witnessKeys: config.ledger.witnesses.flatMap(({ keys }) => keys),
    }
    const deps = { data: config.data, database: state.database }
    const given = await recorded(deps, files, () => writeBundle(directory, ledger, input))
    console.log(`${given.evidence.count} records and their proofs are in ${directory}`)
    return 0
  } finally {
    await cases.close()
    await state.close()
    await ledger.close()
    await lock.release()
  }
}

/** Grades by the last run of the checks; nothing is graded that was known before it. */
async function gradesFor(
  rules: string,
  isOfCases: boolean,
  period: string,
  only: Record<string, string>,
  { state, cases }: { state: PostgresState; cases: CaseStore },
): Promise<Pick<BundleInput, 'gradeOf'>> {
  const calendars = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)
  const integrity = createIntegrityPart(rules, {
    ...{ database: state.database, cases, calendars, clock: systemClock, logger: silentLogger },
    // Nothing is looked at anew here: grades are those of the last run.
    visited: async () => [],
  })
  await integrity?.load()
  const run = await integrity?.lastRun()
  if (!integrity || !run) return { gradeOf: () => null }
  const { endedMs, gradeRulesVersion, traceRulesVersion } = run
  return {
    gradeOf: (value, departments) => {
      const asked = { ...value, period: { ...value.period, label: period } }
      const given = value.knownMs < integrity.ranAtMs() ? undefined : integrity.grade(asked, only, isOfCases)
      if (!given) return null
      const { grade, says, because } = given
      const cells = departments.flatMap((department) => {
        const own = integrity.grade({ ...asked, dimensions: { department } }, {}, isOfCases)
        return own ? [{ department, grade: own.grade }] : []
      })
      return {
        ...{ grade, says, because, cells: cells.slice(0, cellsMax) },
        run: { period: run.period, endedMs, gradeRulesVersion, traceRulesVersion },
      }
    },
  }
}

/** The checkpoint of now with the cosignatures of those witnesses that answer. */
async function cosigned(
  config: LedgerConfig,
  { ledger, data }: { ledger: Ledger; data: string },
): Promise<string | undefined> {
  if (config.witnesses.length === 0) return undefined
  const witnesses = createWitnesses(config, { ledger, data, clock: systemClock, onFinding: () => {} })
  try {
    await witnesses.tick()
    const checkpoint = witnesses.newest()
    const note = checkpoint === undefined ? undefined : parseNote(checkpoint)
    for (const { name, state, cause, size } of witnesses.status())
      if (size !== ledger.size) console.error(`not cosigned by ${name}: ${cause || state}`)
    return (note && readCheckpoint(note.text))?.size === ledger.size ? checkpoint : undefined
  } finally {
    await witnesses.component.stop()
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
    if (found.length >= evidenceMax) throw new CodedError('bundle.too-many', { limit: evidenceMax })
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
  if (!checkpoint) throw new CodedError('command.invalid', { cause: `--checkpoint: ${path} is no checkpoint` })
  return { older: { note: text, size: checkpoint.size } }
}
