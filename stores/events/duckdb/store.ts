// The event store on one machine. The log is the write-ahead log: new rows go to a table in memory, which becomes a
// sorted, compressed Parquet file when it is large or old enough. A crash forgets the table, and the log is read again
// from where the last file ends.
//
// A query fixes which tables and files it reads before it begins, and those are not removed while it runs.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BIGINT, type DuckDBAppender, DuckDBDataChunk, VARCHAR } from '@duckdb/node-api'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Event } from '#core/event.ts'
import type { Logger } from '#core/logger.ts'
import { columnNames, columns } from '../columns.ts'
import type { EventStore } from '../store.ts'
import { type EventDatabase, openDatabase } from './database.ts'
import { runMerge } from './merge.ts'
import {
  checkPart,
  dayMs,
  dayOf,
  makeDay,
  type Part,
  publishPart,
  quarantine,
  readParts,
  removePart,
  syncDirectory,
} from './parts.ts'
import { createQueries, type EventQueries, type Snapshot, tablesOf } from './queries.ts'
import { RecentIds } from './recent-ids.ts'
import { createTableSql, FieldNames, toRows } from './rows.ts'

export interface DuckEventsConfig {
  directory: string
  memoryBytesMax: number
  threads: number
  queriesMax: number
  waitingMax: number
  /** Rows in memory before they become a file. */
  hotRowsMax: number
  /** Age of the oldest row in memory before it becomes a file. */
  hotAgeMsMax: number
  /** Files of a level that are merged into one of the next. */
  mergeParts: number
  /** Files of so many rows are merged no more. */
  partRowsMax: number
  /** How far back a repeated event is recognised, in events. */
  recentIdsMax: number
  /** Names in the JSON column that are remembered for suggestions and wildcards. */
  restFieldsMax: number
}

export const duckEventsDefaults = {
  memoryBytesMax: 512 * 1024 * 1024,
  threads: 2,
  queriesMax: 4,
  waitingMax: 64,
  hotRowsMax: 50_000,
  hotAgeMsMax: 300_000,
  mergeParts: 12,
  partRowsMax: 4_000_000,
  recentIdsMax: 4_000_000,
  restFieldsMax: 10_000,
} as const satisfies Partial<DuckEventsConfig>

interface Hot {
  table: string
  rows: number
  minMs: number
  maxMs: number
  day: string
  fromOffset: number
  nextOffset: number
  sinceMs: number
}

export interface DuckEvents extends EventStore {
  /** Everything before this offset is in a file: the log need not hold it any longer. */
  durablePosition(): Promise<number>
  /** Log ranges whose events are no longer here because their file was damaged. */
  lost(): readonly { fromOffset: number; nextOffset: number }[]
  /** Puts back what the log still has of a lost range; in order, and no more than `hotRowsMax` events at once. */
  refill(events: readonly Event[], fromOffset: number, nextOffset: number): Promise<void>
  /** The lost range is settled: refilled, or the log no longer has it. */
  forgetLost(range: { fromOffset: number }): void
  /** Reads every file and compares checksums. Returns what is wrong. */
  verify(): Promise<{ path: string; cause: string }[]>
  /** Writes what is in memory to a file now. */
  seal(): Promise<void>
  /** Ages out the hot table and merges files; call it every few seconds. */
  tick(): Promise<void>
}

const rowsPerChunk = 2048
const mergeMemoryBytesMax = 256 * 1024 * 1024
/** Full tables that may wait for the disk. */
const hotTablesMax = 3
const types = [
  ...columnNames.map((name) => (columns[name] === 'long' || columns[name] === 'date' ? BIGINT : VARCHAR)),
  VARCHAR,
]
const order = '"@timestamp", "event.id"'
const parquet = '(format parquet, parquet_version v2, compression zstd, compression_level 9, row_group_size 122880)'

export function createDuckEvents(config: DuckEventsConfig, deps: { clock: Clock; logger: Logger }): DuckEvents {
  const { clock, logger } = deps
  let database: EventDatabase | undefined
  let parts: Part[] = []
  let hots: Hot[] = []
  let spare: string[] = []
  let appender: { table: string; appender: DuckDBAppender } | undefined
  let position = 0
  let stored = 0
  let recent = new RecentIds(config.recentIdsMax)
  let restFields = new FieldNames(config.restFieldsMax)
  let lost: { fromOffset: number; nextOffset: number }[] = []
  let sealing: Promise<void> | undefined
  let sealerTurn: Promise<unknown> = Promise.resolve()
  let merging: Promise<void> | undefined
  const reading = new Set<Promise<unknown>>()
  let closing = new AbortController()

  const opened = (): EventDatabase => {
    if (!database) throw new Error('the event store is not open')
    return database
  }

  const read: <T>(work: (snapshot: Snapshot) => Promise<T>) => Promise<T> = async (work) => {
    const snapshot: Snapshot = {
      sources: [
        ...parts.map(({ path, minMs, maxMs, rows }) => ({ path, minMs, maxMs, rows })),
        ...hots.map(({ table, minMs, maxMs, rows }) => ({ table, minMs, maxMs, rows })),
      ],
      restFields,
      query: opened().query,
    }
    const running = work(snapshot)
    reading.add(running)
    try {
      return await running
    } catch (error) {
      if (!isDamage(error)) throw error
      await setAsideDamaged(error)
      return await read(work)
    } finally {
      reading.delete(running)
    }
  }

  /** A file that DuckDB cannot read any more, although its size is right. */
  const setAsideDamaged = async (error: unknown): Promise<void> => {
    const damaged: Part[] = []
    for (const part of parts)
      if ((await checkPart(part).catch((cause: Error) => cause.message)) !== undefined) damaged.push(part)
    if (damaged.length === 0) throw error
    parts = parts.filter((part) => !damaged.includes(part))
    stored -= damaged.reduce((sum, { rows }) => sum + rows, 0)
    for (const part of damaged) await setAside(part, 'its checksum does not fit')
  }

  const setAside = async (
    part: { path: string; fromOffset: number; nextOffset: number },
    cause: string,
  ): Promise<void> => {
    const target = await quarantine(config.directory, part)
    lost.push({ fromOffset: part.fromOffset, nextOffset: part.nextOffset })
    logger.error(
      { file: part.path, quarantined: target, cause },
      'a file of events is damaged; it is rebuilt from the log',
    )
  }

  /** Waits for every query that may still read what is about to go. */
  const readersGone = async (): Promise<void> => {
    await Promise.allSettled([...reading])
  }

  const newHot = async (day: string): Promise<Hot> => {
    let table = spare.pop()
    if (table === undefined) {
      table = `hot_${hots.length + spare.length}_${position}`
      await opened().writer.run(createTableSql(table))
    }
    const hot: Hot = {
      table,
      rows: 0,
      minMs: Number.POSITIVE_INFINITY,
      maxMs: Number.NEGATIVE_INFINITY,
      day,
      fromOffset: position,
      nextOffset: position,
      sinceMs: clock.monotonicMs(),
    }
    hots.push(hot)
    return hot
  }

  const write = async (table: string, events: readonly Event[]): Promise<void> => {
    if (appender?.table !== table) {
      appender?.appender.closeSync()
      appender = { table, appender: await opened().writer.createAppender(table) }
    }
    for (let from = 0; from < events.length; from += rowsPerChunk) {
      const batch = events.slice(from, from + rowsPerChunk)
      const chunk = DuckDBDataChunk.create(types, batch.length)
      toRows(batch, restFields).forEach((cells, column) => {
        chunk.setColumnValues(column, cells)
      })
      appender.appender.appendDataChunk(chunk)
    }
    appender.appender.flushSync()
  }

  /** The events of the batch that are new, by their ids. */
  const unseen = async (events: readonly Event[]): Promise<Event[]> => {
    const batch = new Map<string, Event>()
    const doubtful: string[] = []
    for (const event of events) {
      const id = event['event.id']
      if (batch.has(id)) continue
      batch.set(id, event)
      if (recent.has(id)) doubtful.push(id)
    }
    for (let from = 0; from < doubtful.length; from += 1000) {
      const ids = doubtful.slice(from, from + 1000)
      const list = ids.map((_, i) => `$${i + 1}`).join(', ')
      const found = await read(async (snapshot) => {
        const from = tablesOf(
          snapshot.sources,
          (sql) => `select "event.id" as id from ${sql} where "event.id" in (${list})`,
        )
        return from === undefined ? [] : snapshot.query(from, ids)
      })
      for (const { id } of found) batch.delete(id as string)
    }
    return [...batch.values()]
  }

  /** One statement at a time on its connection. */
  const onSealer = (statement: string): Promise<unknown> => {
    const mine = sealerTurn.then(() => opened().sealer.run(statement))
    sealerTurn = mine.catch(() => {})
    return mine
  }

  const writePart = async (hot: Hot): Promise<Part> => {
    await makeDay(config.directory, hot.day)
    const temporary = join(config.directory, hot.day, `${hot.fromOffset}-${hot.nextOffset}.parquet.tmp`)
    await onSealer(`copy (select * from ${hot.table} order by ${order}) to ${text(temporary)} ${parquet}`)
    const { day, fromOffset, nextOffset, rows, minMs, maxMs } = hot
    return publishPart(config.directory, temporary, {
      ...{ day, fromOffset, nextOffset, rows, minMs, maxMs },
      restFields: [...restFields],
    })
  }

  const sealHot = async (hot: Hot): Promise<void> => {
    const part = await writePart(hot)
    parts.push(part)
    hots = hots.filter((one) => one !== hot)
    await readersGone()
    if (appender?.table === hot.table) {
      appender.appender.closeSync()
      appender = undefined
    }
    await onSealer(`truncate ${hot.table}`)
    spare.push(hot.table)
  }

  /** One at a time; while one table is written to its file, the next takes the new rows. */
  const startSeal = async (): Promise<{ done: Promise<void> } | undefined> => {
    await sealing?.catch(() => {})
    const hot = hots.find(({ rows }) => rows > 0)
    if (!hot) return undefined
    const active = hots.at(-1)
    if (active === hot) await newHot(hot.day)
    const running = sealHot(hot).finally(() => {
      sealing = undefined
    })
    sealing = running
    // Whoever waits sees the error; without a waiter it must not end the process.
    running.catch((error: unknown) => logger.error({ err: error }, 'events could not be written to a file'))
    return { done: running }
  }

  const hotFor = async (day: string): Promise<Hot> => {
    const active = hots.at(-1) ?? (await newHot(day))
    if (active.rows > 0 && (active.rows >= config.hotRowsMax || active.day !== day)) await startSeal()
    const hot = hots.at(-1)!
    hot.day = day
    return hot
  }

  const merge = async (): Promise<void> => {
    const group = mergeable(parts, config.mergeParts, config.partRowsMax)
    if (!group) return
    const first = group[0]!
    const last = group.at(-1)!
    // Its own name: after a crash the process of the one before may still be ending.
    const name = `${first.fromOffset}-${last.nextOffset}.${process.pid}.parquet.tmp`
    const temporary = join(config.directory, first.day, name)
    // In the order of arrival, which nearly is the order of time: nothing needs to be sorted, memory stays small.
    const files = fileSql(group.map(({ path }) => path))
    const statement = `copy (select * from ${files}) to ${text(temporary)} ${parquet}`
    await runMerge({ statement, memoryBytesMax: mergeMemoryBytesMax }, closing.signal)
    const merged = await publishPart(config.directory, temporary, {
      day: first.day,
      fromOffset: first.fromOffset,
      nextOffset: last.nextOffset,
      rows: group.reduce((sum, { rows }) => sum + rows, 0),
      minMs: Math.min(...group.map(({ minMs }) => minMs)),
      maxMs: Math.max(...group.map(({ maxMs }) => maxMs)),
      restFields: [...new Set(group.flatMap((part) => part.restFields))],
    })
    // A part that was dropped by retention meanwhile does not come back.
    if (!group.every((part) => parts.includes(part))) return removePart(merged)
    parts = parts.flatMap((part) => (part === first ? [merged] : group.includes(part) ? [] : [part]))
    await readersGone()
    for (const part of group) await removePart(part)
  }

  const durableTo = (): number =>
    Math.min(...hots.filter(({ rows }) => rows > 0).map(({ fromOffset }) => fromOffset), position)

  const savePosition = async (): Promise<void> => {
    const sealedTo = durableTo()
    const path = join(config.directory, 'position')
    await writeFile(`${path}.tmp`, String(sealedTo), { flush: true })
    await rename(`${path}.tmp`, path)
    await syncDirectory(config.directory)
  }

  const seal = async (): Promise<void> => {
    while (hots.some(({ rows }) => rows > 0)) {
      const started = await startSeal()
      await started?.done
    }
    await savePosition()
  }

  const queries: EventQueries = createQueries({ read, nowMs: () => clock.nowMs() })

  return {
    ...queries,
    open: async () => {
      await mkdir(config.directory, { recursive: true })
      const { memoryBytesMax, threads, queriesMax, waitingMax } = config
      database = await openDatabase({
        ...{ memoryBytesMax, threads, queriesMax, waitingMax },
        temporaryDirectory: join(config.directory, 'tmp'),
      })
      const found = await readParts(config.directory)
      parts = found.parts
      lost = []
      hots = []
      spare = []
      closing = new AbortController()
      for (const part of found.bad) await setAside(part, part.cause)
      restFields = new FieldNames(
        config.restFieldsMax,
        parts.flatMap((part) => part.restFields),
      )
      const saved = Number(await readFile(join(config.directory, 'position'), 'utf8').catch(() => '0'))
      position = Math.max(Number.isSafeInteger(saved) ? saved : 0, 0, ...parts.map(({ nextOffset }) => nextOffset))
      stored = parts.reduce((sum, { rows }) => sum + rows, 0)
      recent = new RecentIds(config.recentIdsMax)
      for (;;) {
        try {
          await readRecentIds(parts, config.recentIdsMax, opened(), recent)
          return
        } catch (error) {
          await setAsideDamaged(error)
          recent = new RecentIds(config.recentIdsMax)
        }
      }
    },

    append: async (events, nextOffset) => {
      // Nothing could be written for a while (a full disk): the log holds what comes, memory does not.
      if (hots.reduce((sum, { rows }) => sum + rows, 0) >= hotTablesMax * config.hotRowsMax) {
        const started = await startSeal()
        await started?.done
      }
      const fresh = await unseen(events)
      if (fresh.length > 0) {
        const hot = await hotFor(dayOf(fresh[0]!['event.ingested']))
        await write(hot.table, fresh)
        if (hot.rows === 0) {
          hot.fromOffset = position
          hot.sinceMs = clock.monotonicMs()
        }
        hot.rows += fresh.length
        hot.nextOffset = nextOffset
        for (const event of fresh) {
          const ms = event['@timestamp']
          if (ms < hot.minMs) hot.minMs = ms
          if (ms > hot.maxMs) hot.maxMs = ms
          recent.add(event['event.id'])
        }
        stored += fresh.length
      }
      position = nextOffset
      return fresh.length
    },

    position: async () => position,
    durablePosition: async () => durableTo(),
    lost: () => lost,
    forgetLost: ({ fromOffset }) => {
      lost = lost.filter((range) => range.fromOffset !== fromOffset)
    },
    refill: async (events, fromOffset, nextOffset) => {
      if (events.length === 0) return
      const table = `refill_${fromOffset}`
      await opened().writer.run(createTableSql(table))
      await write(table, events)
      appender?.appender.closeSync()
      appender = undefined
      const times = events.map((event) => event['@timestamp'])
      const part = await writePart({
        ...{ table, fromOffset, nextOffset, sinceMs: 0, rows: events.length },
        day: dayOf(events[0]!['event.ingested']),
        minMs: times.reduce((a, b) => Math.min(a, b)),
        maxMs: times.reduce((a, b) => Math.max(a, b)),
      })
      await opened().writer.run(`drop table ${table}`)
      parts.push(part)
      parts.sort((a, b) => a.fromOffset - b.fromOffset)
      stored += events.length
    },
    verify: async () => {
      const wrong: { path: string; cause: string }[] = []
      for (const part of parts) {
        const cause = await checkPart(part).catch((error: Error) => error.message)
        if (cause !== undefined) wrong.push({ path: part.path, cause })
      }
      return wrong
    },
    seal,
    tick: async () => {
      const active = hots.at(-1)
      const isOld = active && active.rows > 0 && clock.monotonicMs() - active.sinceMs >= config.hotAgeMsMax
      if (isOld) await startSeal()
      merging ??= merge()
        .catch((error: unknown) => {
          if (!closing.signal.aborted) logger.warn({ err: error }, 'files of events could not be merged')
        })
        .finally(() => {
          merging = undefined
        })
      await merging
    },

    retain: async ({ ageDaysMax, bytesMax, nowMs }) => {
      const oldest = dayOf(nowMs - ageDaysMax * dayMs)
      const dropped: string[] = []
      const drop = async (day: string): Promise<void> => {
        const gone = parts.filter((part) => part.day === day)
        parts = parts.filter((part) => part.day !== day)
        await savePosition()
        await readersGone()
        for (const part of gone) await removePart(part)
        stored -= gone.reduce((sum, { rows }) => sum + rows, 0)
        dropped.push(day)
      }
      for (const day of days(parts)) if (day < oldest) await drop(day)
      while (bytesOf(parts) > bytesMax && days(parts).length > 1) await drop(days(parts)[0]!)
      return dropped
    },
    stats: async () => {
      const extents = [...parts, ...hots].filter(({ rows }) => rows > 0)
      return {
        events: stored,
        bytesOnDisk: bytesOf(parts),
        oldestMs: extents.length === 0 ? null : Math.min(...extents.map(({ minMs }) => minMs)),
        newestMs: extents.length === 0 ? null : Math.max(...extents.map(({ maxMs }) => maxMs)),
      }
    },
    close: async () => {
      if (!database) return
      const ending = database
      closing.abort()
      await seal().catch((error: unknown) => logger.warn({ err: error }, 'events stay in the log until the next start'))
      await merging
      await readersGone()
      appender?.appender.closeSync()
      appender = undefined
      database = undefined
      await ending.close()
    },
  }
}

function fileSql(paths: readonly string[]): string {
  return `read_parquet([${paths.map(text).join(', ')}])`
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

function days(parts: readonly Part[]): string[] {
  return [...new Set(parts.map(({ day }) => day))].sort()
}

function bytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Neighbours of one day and about one size, enough of them to be worth it. */
function mergeable(parts: readonly Part[], count: number, rowsMax: number): Part[] | undefined {
  const level = ({ rows }: Part): number => Math.floor(Math.log(Math.max(1, rows)) / Math.log(count))
  let run: Part[] = []
  for (const part of parts) {
    const before = run.at(-1)
    const fits = before?.day === part.day && before.nextOffset <= part.fromOffset && level(before) === level(part)
    run = fits ? [...run, part] : [part]
    const rows = run.reduce((sum, one) => sum + one.rows, 0)
    if (rows > rowsMax) run = [part]
    else if (run.length >= count) return run
  }
  return undefined
}

async function readRecentIds(
  parts: readonly Part[],
  idsMax: number,
  database: EventDatabase,
  recent: RecentIds,
): Promise<void> {
  const newest: Part[] = []
  let rows = 0
  for (const part of [...parts].reverse()) {
    if (rows >= idsMax) break
    newest.unshift(part)
    rows += part.rows
  }
  for (const part of newest) {
    const reader = await database.writer.stream(`select "event.id" from ${fileSql([part.path])}`)
    for await (const chunk of reader.yieldRows()) for (const [id] of chunk) recent.add(id as string)
  }
}

/** DuckDB has many words for a file it cannot read: whatever is neither ours, nor asked for, nor a lack of memory. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof CodedError || error.name === 'AbortError') return false
  return !/^(INTERRUPT|Out of Memory|Binder|Parser|Conversion)/i.test(error.message)
}
