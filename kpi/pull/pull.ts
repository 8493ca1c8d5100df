// One run over a source: from where it stopped, a page at a time, until nothing is left. A page is kept, then its position:
// what a crash leaves in between is read again and found to be there.
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { versioned } from '../cases/versions.ts'
import type { CaseStore } from '../contract.ts'
import { beginOf, columnNamed, endOf, isBeyond } from './cursor.ts'
import type { Column, Connect, Position, RemoteDatabase, Values } from './database.ts'
import { openPostgres } from './postgresql.ts'
import { problemOf } from './problem.ts'
import { columnsWanted, mapPage } from './rows.ts'
import { addressOf, type PullSource } from './source.ts'
import type { PageCounts, PullState } from './state.ts'

export interface PullDeps {
  cases: Pick<CaseStore, 'append' | 'history'>
  state: PullState
  connect: Connect
  environment: Record<string, string | undefined>
  clock: Clock
  /** Checked between pages. */
  signal?: AbortSignal
}

export interface PullResult extends PageCounts {
  setAside: number
  /** More is there than one run takes. */
  unfinished: boolean
  remarks: string[]
}

export async function openSource(
  source: PullSource,
  { connect, environment }: Pick<PullDeps, 'connect' | 'environment'>,
): Promise<RemoteDatabase> {
  try {
    // Its driver is large, and loaded where a department has such a database.
    const open = source.engine === 'postgresql' ? openPostgres : (await import('./mysql.ts')).openMysql
    return await open(source, addressOf(source, environment), connect)
  } catch (error) {
    throw problemOf(source.id, error)
  }
}

/** @throws CodedError `pull.…`; what was taken before it stays taken */
export async function pullOnce(
  source: PullSource,
  deps: PullDeps,
  result: PullResult = noResult(),
): Promise<PullResult> {
  const database = await openSource(source, deps)
  try {
    await run(source, database, deps, result)
    return result
  } catch (error) {
    throw problemOf(source.id, error)
  } finally {
    await database.close()
  }
}

export const noResult = (): PullResult => ({
  ...{ rows: 0, stored: 0, duplicates: 0, late: 0, setAside: 0 },
  ...{ unfinished: false, remarks: [] },
})

async function run(source: PullSource, database: RemoteDatabase, deps: PullDeps, result: PullResult): Promise<void> {
  const { cases, state, clock, signal } = deps
  const shape = await checkedShape(source, database)
  result.remarks.push(...(await checkedRights(source, database)))
  const before = await state.of(source.id)
  checkTypes(source, shape, before.types)
  await state.saveTypes(source.id, shape.types)
  const { updated, id, columns } = shape
  let reached: Position | undefined =
    before.updated === null ? undefined : { updated: before.updated, id: before.cursorId ?? '' }
  const from = beginOf(source, updated, reached)
  const until = endOf(source, updated, await database.nowMs())
  const [atUpdated, atId] = [columns.cases.indexOf(updated.name), columns.cases.indexOf(id.name)]
  const keyOf = (row: Values): string => row[atId] ?? ''
  let after: Position | undefined
  for (let page = 0; ; page++) {
    signal?.throwIfAborted()
    if (page >= source.pagesMax) {
      result.unfinished = true
      return
    }
    // One more than a page: two rows that the cursor cannot tell apart must not be torn.
    const limit = source.pageRows + 1
    const start = after ? { after } : from === undefined ? {} : { from }
    const rows = await database.page({
      ...{ columns: columns.cases, updated, id, limit, ...start },
      ...(until === undefined ? {} : { until }),
    })
    checkOrder(source, rows, atUpdated, atId)
    const taken = rows.slice(0, source.pageRows)
    if (taken.length === 0) break
    const last = taken.at(-1)!
    after = { updated: last[atUpdated]!, id: last[atId]! }
    const steps = shape.stepKey ? await database.steps(columns.steps, shape.stepKey, taken.map(keyOf)) : []
    const mapped = await mapPage(source, { columns: columns.cases, rows: taken }, keyOf, {
      columns: columns.steps,
      rows: steps,
    })
    const fresh = await versioned(cases, mapped.records, source.mapping.fields['version'] !== undefined)
    const appended = await cases.append(fresh.records, clock.nowMs())
    const refused = [
      ...mapped.refused,
      ...fresh.refused.map(({ id: rowKey, cause, hint }) => ({ rowKey, cause, hint })),
      ...appended.conflicts.map(({ id: rowKey, version }) => ({
        rowKey,
        cause: `version ${version} of case ${rowKey} is there with other content`,
        hint: 'A version never changes: its department must raise the version.',
      })),
    ]
    const refusedKeys = new Set(refused.map(({ rowKey }) => rowKey))
    const position = isBeyond(updated, after, reached) ? after : undefined
    const counts = {
      ...{ rows: taken.length, stored: appended.stored, late: appended.late },
      duplicates: fresh.duplicates + appended.duplicates,
    }
    await state.savePage(source.id, {
      ...{ position, counts, refused, nowMs: clock.nowMs() },
      taken: [...taken.map(keyOf), ...fresh.records.map((one) => one.id)].filter((key) => !refusedKeys.has(key)),
    })
    if (position) reached = position
    for (const name of ['rows', 'stored', 'duplicates', 'late'] as const) result[name] += counts[name]
    result.setAside += refused.length
    if (rows.length <= source.pageRows) break
  }
  if (await database.hasRow(updated, null))
    result.remarks.push(`some rows have no "${updated.name}": they are never read`)
  if (until !== undefined && (await database.hasRow(updated, until)))
    result.remarks.push(`some rows have an "${updated.name}" in the future: they are read when it has come`)
}

export interface Shape {
  updated: Column
  id: Column
  columns: { cases: string[]; steps: string[] }
  stepKey: Column | undefined
  types: Record<string, string>
}

/** @throws CodedError `pull.shape` or `pull.cursor` */
export async function checkedShape(source: PullSource, database: RemoteDatabase): Promise<Shape> {
  const columns = columnsWanted(source)
  const types: Record<string, string> = {}
  const check = async (of: 'cases' | 'steps', wanted: readonly string[]): Promise<Column[]> => {
    const there = await database.columns(of)
    return wanted.map((name) => {
      const column = columnNamed(source, there, name)
      types[of === 'cases' ? name : `steps.${name}`] = column.family
      return column
    })
  }
  const found = await check('cases', columns.cases)
  const steps = source.steps ? await check('steps', columns.steps) : []
  const named = (name: string): Column => found.find((one) => one.name === name)!
  const updated = named(source.cursor.updated)
  beginOf(source, updated, undefined)
  return { updated, id: named(source.cursor.id), columns, types, stepKey: steps[0] }
}

/** @throws CodedError `pull.rights` where the source refuses; otherwise what is said about it */
export async function checkedRights(source: PullSource, database: RemoteDatabase): Promise<string[]> {
  const excess = await database.excessRights()
  if (excess.length === 0) return []
  const rights = excess.join(', ')
  if (source.excessRights === 'refuse') throw new CodedError('pull.rights', { source: source.id, rights })
  return [`its account may do more than read: ${rights}`]
}

/** A time that became a text would be read in another order, and perhaps as another day. */
function checkTypes(source: PullSource, { types }: Shape, before: Record<string, string>): void {
  for (const [name, family] of Object.entries(types)) {
    const was = before[name]
    if (was !== undefined && was !== family)
      throw new CodedError('pull.types', { source: source.id, cause: `"${name}" was a ${was} and is a ${family}` })
  }
}

function checkOrder(source: PullSource, rows: readonly Values[], atUpdated: number, atId: number): void {
  for (let i = 1; i < rows.length; i++)
    if (rows[i]![atUpdated] === rows[i - 1]![atUpdated] && rows[i]![atId] === rows[i - 1]![atId])
      throw new CodedError('pull.cursor', {
        source: source.id,
        ...{ cause: `two rows have the same "${source.cursor.updated}" and "${source.cursor.id}"` },
        hint: 'Name an id that is of one row alone, or make `query` give one row per case.',
      })
}
