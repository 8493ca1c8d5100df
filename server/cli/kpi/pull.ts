// The departments' databases from the command line: tried, read now, types accepted; whether or not the server runs.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPublic } from '#alerts/notify/address-guard.ts'
import { systemClock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { silentLogger } from '#core/logger.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { createConnect } from '#kpi/pull/address.ts'
import { checkSource } from '#kpi/pull/check.ts'
import { createPullService } from '#kpi/pull/service.ts'
import { loadSources, type PullSource } from '#kpi/pull/source.ts'
import { createPullState, type PullState } from '#kpi/pull/state.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { systemActor } from '#stores/state/audit.ts'
import { type Config, loadConfig } from '../../config.ts'
import { type CommandInput, print } from '../command.ts'
import { withState } from '../people.ts'

const verbs = ['list', 'check', 'run', 'accept']
const pollMs = 500
/** A first reading of millions may take long: who waited so long looks at the list. */
const waitMaxMs = 1_800_000

export async function pull({ positionals, json }: CommandInput): Promise<number> {
  const [verb = '', id] = positionals
  if (!verbs.includes(verb)) throw new CodedError('command.invalid', { cause: `say one of ${verbs.join(', ')}` })
  const { config } = loadConfig(process.env)
  const { sources, problems } = loadSources(config.rules.pull)
  for (const problem of problems) console.error(formatProblem(problem))
  const chosen = id === undefined ? sources : sources.filter((one) => one.id === id)
  if (id !== undefined && chosen.length === 0) throw new CodedError('not-found', { what: `The source ${id}` })
  const failed = problems.length > 0
  if (verb === 'check') return (await checkAll(chosen, json)) || failed ? 1 : 0
  return withState(config, async ({ database }, alone) => {
    const state = createPullState(database)
    if (verb === 'list') await list(chosen, state, json)
    else if (verb === 'accept') for (const one of chosen) await state.accept(systemActor, one.id)
    else return (await runAll(config, chosen, state, { json, alone })) || failed ? 1 : 0
    return failed ? 1 : 0
  })
}

async function list(sources: readonly PullSource[], state: PullState, json: boolean): Promise<void> {
  const rows = await Promise.all(sources.map((one) => state.of(one.id)))
  const line = (row: (typeof rows)[number]): string =>
    [row.id, row.state, row.updated ?? '-', `${row.stored} stored`, row.errorMessage ?? ''].join('\t').trim()
  print(json, rows, rows.map(line).join('\n'))
}

/** @returns true when one of them is wrong */
async function checkAll(sources: readonly PullSource[], json: boolean): Promise<boolean> {
  let wrong = false
  for (const source of sources) {
    const deps = { connect: createConnect(isPublic), environment: process.env, clock: systemClock }
    try {
      const found = await checkSource(source, deps)
      const refused = found.refused.slice(0, 5).map(({ rowKey, cause, hint }) => `  row ${rowKey}: ${cause}. ${hint}`)
      const lines = [
        `OK ${source.id}: ${found.version}, ${found.rows} rows read, ${found.cases} cases, ${found.refused.length} set aside`,
        ...found.remarks.map((remark) => `  ${remark}`),
        ...refused,
      ]
      print(json, { source: source.id, ...found }, lines.join('\n'))
    } catch (error) {
      wrong = true
      if (!(error instanceof CodedError)) throw error
      const { code, message, hint } = error
      print(json, { source: source.id, error: { code, message, hint } }, `WRONG ${message}\n  ${hint}`)
    }
  }
  return wrong
}

async function runAll(
  config: Config,
  sources: readonly PullSource[],
  state: PullState,
  { json, alone }: { json: boolean; alone: boolean },
): Promise<boolean> {
  const tell = (id: string, counts: object, error?: CodedError): void => {
    const said = Object.entries(counts)
      .filter(([, n]) => typeof n === 'number')
      .map(([name, n]) => `${n} ${name}`)
      .join(', ')
    const { code, message, hint } = error ?? {}
    print(
      json,
      { source: id, ...counts, ...(error ? { error: { code, message, hint } } : {}) },
      error ? `WRONG ${message}\n  ${hint}` : `OK ${id}: ${said}`,
    )
  }
  // One process writes cases: the server, or this one while none runs.
  return alone ? runHere(config, sources, state, tell) : runThere(sources, state, tell)
}

type Tell = (id: string, counts: object, error?: CodedError) => void

async function runHere(config: Config, sources: readonly PullSource[], state: PullState, tell: Tell): Promise<boolean> {
  const cases = createDuckCases({ ...duckCasesDefaults, directory: join(config.data, 'cases') })
  await cases.open()
  let wrong = false
  try {
    const service = createPullService(sources, {
      ...{ cases, state, clock: systemClock, logger: silentLogger, onFinding: () => {} },
      ...{ connect: createConnect(isPublic), environment: process.env },
    })
    for (const { id } of sources)
      try {
        tell(id, await service.run(id))
      } catch (error) {
        if (!(error instanceof CodedError)) throw error
        wrong = true
        tell(id, {}, error)
      }
  } finally {
    await cases.close()
  }
  return wrong
}

/** The server reads; this waits for what it says. */
async function runThere(sources: readonly PullSource[], state: PullState, tell: Tell): Promise<boolean> {
  let wrong = false
  for (const { id } of sources) {
    const [before] = await state.runs(id, 1)
    const wantedMs = systemClock.nowMs()
    await state.want(systemActor, id, wantedMs)
    for (;;) {
      if (systemClock.nowMs() - wantedMs > waitMaxMs) {
        wrong = true
        console.error(
          `WRONG ${id}: the server has not read it within half an hour\n  "guanlan kpi pull list" shows how it stands.`,
        )
        break
      }
      const [last] = await state.runs(id, 1)
      if (last && last.id !== before?.id) {
        const { rows, stored, duplicates, late, setAside, errorMessage } = last
        const { errorHint } = await state.of(id)
        if (errorMessage !== null) {
          wrong = true
          console.error(`WRONG ${errorMessage}\n  ${errorHint ?? ''}`)
        } else tell(id, { rows, stored, duplicates, late, setAside })
        break
      }
      await sleep(pollMs)
    }
  }
  return wrong
}
