// What other systems saw of cases, as Parquet files that are written once: one for a day and who was asked about it, in the
// order of cases. Which of it belongs to which case is worked out for stretches of cases in their order of arrival, and kept
// where neither the case nor the days around it can change any more: a night joins what is new, not a year.
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createPace } from '#core/pace.ts'
import type { CaseTrace } from '../cases/case.ts'
import type { CaseKey } from '../cases/store.ts'
import { quoted, syncPath } from '../duckdb-files.ts'
import { type EventDatabase, openDatabase } from '../events/duckdb/database.ts'

export interface TraceFilesConfig {
  directory: string
  memoryBytesMax: number
  threads: number
}

export const traceFilesDefaults = { memoryBytesMax: 384 * 1024 * 1024, threads: 2 } as const

export interface SeenTrace {
  caseId: string
  kind: CaseTrace['kind']
  atMs: number
}

/** By the sequence of the case. */
export type SeenOfCase = Pick<SeenTrace, 'kind' | 'atMs'> & { sequence: number }

export interface JoinRequest {
  /** Of the case store, inclusive. */
  from: number
  to: number
  cases(): Promise<CaseKey[]>
  /** A trace is looked for so long before the first and after the last time of a case. */
  aroundMs: number
  /** Days before this time do not change any more. */
  settledMs: number
  /** Whether every sequence of the stretch is there. */
  isWhole: boolean
  /** Other rules or sources: joined anew. */
  basis: string
}

export interface TraceFiles {
  /** In place of what was known of the day from these sources. */
  putDay(day: number, sources: string, traces: Iterable<SeenTrace>): Promise<void>
  /** What was seen of the cases `first` to `last`, which lie in the stretch, by their sequence. */
  inOrder(stretch: JoinRequest, first: number, last: number): Promise<SeenOfCase[]>
  /** Drops the days before. */
  forget(beforeDay: number): Promise<void>
  stats(): Promise<{ days: number; bytes: number; joinedBytes: number }>
  close(): Promise<void>
}

const msPerDay = 86_400_000
const dayName = /^day-(\d{5})-([0-9a-f]{16})\.parquet$/
const joinedName = /^joined-(\d{12})-(\d{12})-([0-9a-f]{16})\.parquet$/

export async function openTraceFiles(config: TraceFilesConfig): Promise<TraceFiles> {
  const { directory } = config
  await mkdir(directory, { recursive: true })
  // Half written, or of a run whose days could still change.
  for (const name of await readdir(directory))
    if (name.endsWith('.part') || name.startsWith('open-')) await rm(join(directory, name), { force: true })
  const database: EventDatabase = await openDatabase({
    ...{ temporaryDirectory: join(directory, 'tmp'), memoryBytesMax: config.memoryBytesMax },
    ...{ threads: config.threads, queriesMax: 2, waitingMax: 16 },
  })
  const { writer } = database
  let turn: Promise<unknown> = Promise.resolve()
  /** One statement at a time is the writer's. */
  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work)
    turn = next.catch(() => {})
    return next
  }
  const daysWithin = async (fromMs: number, toMs: number): Promise<string[]> =>
    (await readdir(directory)).filter((name) => {
      const day = Number(dayName.exec(name)?.[1] ?? Number.NaN)
      return day * msPerDay <= toMs && (day + 1) * msPerDay > fromMs
    })
  const filesOf = (names: readonly string[]): string =>
    `read_parquet([${names.map((name) => quoted(join(directory, name))).join(', ')}])`
  const write = async (select: string, name: string): Promise<void> => {
    const path = join(directory, name)
    await writer.run(
      `copy (${select}) to ${quoted(`${path}.part`)} (format parquet, compression zstd, row_group_size 100000)`,
    )
    await syncPath(`${path}.part`)
    await rename(`${path}.part`, path)
    await syncPath(directory)
  }
  const setWanted = async (keys: readonly CaseKey[]): Promise<void> => {
    await writer.run('create or replace temp table wanted (id VARCHAR, sequence BIGINT)')
    const appender = await writer.createAppender('wanted')
    for (const { id, sequence } of keys) {
      appender.appendVarchar(id)
      appender.appendBigInt(BigInt(sequence))
      appender.endRow()
    }
    appender.closeSync()
  }
  const none = 'select sequence, id as kind, sequence as at_ms from wanted limit 0'

  /** A stretch that can still change, while it is gone through. */
  let open: { from: number; to: number; file: string } | undefined

  /** @returns the name of its file */
  const joinedFile = async (stretch: JoinRequest, isBegun: boolean): Promise<string> => {
    const { from, to, aroundMs, settledMs, isWhole, basis, cases } = stretch
    const name = `joined-${padded(from)}-${padded(to)}-${basis}.parquet`
    if (existsSync(join(directory, name))) return name
    if (isBegun && open?.from === from && open.to === to) return open.file
    const keys = await cases()
    let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const { fromMs, toMs } of keys) {
      firstMs = Math.min(firstMs, fromMs ?? toMs ?? firstMs)
      lastMs = Math.max(lastMs, toMs ?? fromMs ?? lastMs)
    }
    const isSettled = isWhole && lastMs + aroundMs < settledMs
    const file = isSettled ? name : `open-${padded(from)}-${basis}.parquet`
    await exclusive(async () => {
      await setWanted(keys)
      const days = await daysWithin(firstMs - aroundMs, lastMs + aroundMs)
      const joined = `select distinct sequence, kind, at_ms from wanted join ${filesOf(days)} as seen on seen.case_id = wanted.id order by sequence`
      await write(days.length === 0 ? none : joined, file)
      await writer.run('drop table wanted')
    })
    open = isSettled ? undefined : { from, to, file }
    return file
  }

  return {
    putDay: (day, sources, traces) =>
      exclusive(async () => {
        await writer.run('create or replace temp table incoming (case_id VARCHAR, kind VARCHAR, at_ms BIGINT)')
        const appender = await writer.createAppender('incoming')
        const pace = createPace()
        for (const { caseId, kind, atMs } of traces) {
          await pace(true)
          appender.appendVarchar(caseId)
          appender.appendVarchar(kind)
          appender.appendBigInt(BigInt(atMs))
          appender.endRow()
        }
        appender.closeSync()
        const name = `day-${String(day).padStart(5, '0')}-${sources}.parquet`
        await write('select distinct * from incoming order by case_id, kind, at_ms', name)
        await writer.run('drop table incoming')
      }),
    inOrder: async (stretch, first, last) => {
      const file = await joinedFile(stretch, first > stretch.from)
      const found = await database.query(
        `select sequence, kind, at_ms from ${filesOf([file])} where sequence between ${first} and ${last} order by sequence, at_ms`,
        [],
      )
      return found.map((row) => ({
        sequence: Number(row['sequence']),
        kind: row['kind'] as CaseTrace['kind'],
        atMs: Number(row['at_ms']),
      }))
    },
    forget: async (beforeDay) => {
      for (const name of await readdir(directory)) {
        const day = dayName.exec(name)?.[1]
        if (day !== undefined && Number(day) < beforeDay) await rm(join(directory, name), { force: true })
      }
    },
    stats: async () => {
      const found = { days: 0, bytes: 0, joinedBytes: 0 }
      for (const name of await readdir(directory)) {
        const isDay = dayName.test(name)
        if (!isDay && !joinedName.test(name)) continue
        const { size } = await stat(join(directory, name))
        if (isDay) found.days++
        found[isDay ? 'bytes' : 'joinedBytes'] += size
      }
      return found
    },
    close: async () => {
      await turn
      await database.close()
    },
  }
}

function padded(sequence: number): string {
  return String(sequence).padStart(12, '0')
}
