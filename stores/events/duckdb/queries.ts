// What can be asked of the parts and the hot tables.

import { CodedError } from '#core/errors.ts'
import type { Event } from '#core/event.ts'
import { columnNames, columns, isColumn } from '../columns.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { parseKql, type SqlCondition, sqlOf } from '../kql/index.ts'
import { originalExpression, quote } from '../kql/sql.ts'
import type { EventStore, FieldInfo, SearchRequest, TimeRange } from '../store.ts'
import { narrowed } from './may-hold-sql.ts'
import { restColumn, toEvent } from './rows.ts'
import { type Extent, type Window, windowsOf } from './windows.ts'

export type Source = Extent & ({ path: string } | { table: string })

/** What a query reads: fixed for its duration. */
export interface Snapshot {
  /** Tables and files with what they cover. */
  sources: Source[]
  restFields: ReadonlySet<string>
  query(text: string, values: readonly string[], signal?: AbortSignal): Promise<Record<string, unknown>[]>
}

export interface QueryDeps {
  /** Holds its tables and files until `work` is done. */
  read<T>(work: (snapshot: Snapshot) => Promise<T>): Promise<T>
  nowMs(): number
}

export type EventQueries = Pick<
  EventStore,
  'search' | 'count' | 'histogram' | 'topValues' | 'groupCount' | 'get' | 'context' | 'fields'
>

const limitMax = 1000
const bucketsMax = 2000
const topMax = 1000
const idsPerGroup = 100
const allColumns = [...columnNames.map(quote), restColumn].join(', ')

export function createQueries({ read, nowMs }: QueryDeps): EventQueries {
  const condition = (query: string, snapshot: Snapshot): SqlCondition =>
    sqlOf(parseKql(query), { restFields: snapshot.restFields, nowMs: nowMs() })

  /** Pages through windows until there are enough. */
  const find = async (
    snapshot: Snapshot,
    where: SqlCondition,
    range: TimeRange,
    order: 'newest' | 'oldest',
    limit: number,
    signal?: AbortSignal,
  ): Promise<Event[]> => {
    const direction = order === 'newest' ? 'desc' : 'asc'
    const events: Event[] = []
    for (const window of windowsOf(range, snapshot.sources, order)) {
      const from = fromSql(snapshot, window, where.text)
      if (!from) continue
      const text = `select * from ${from} order by "@timestamp" ${direction}, "event.id" ${direction} limit ${limit - events.length}`
      const rows = await snapshot.query(text, where.values, signal)
      for (const row of rows) events.push(toEvent(row))
      if (events.length >= limit) break
    }
    return events
  }

  const all = async (
    query: string,
    range: TimeRange,
    select: (snapshot: Snapshot, from: string, where: SqlCondition) => string,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>[]> =>
    read(async (snapshot) => {
      const where = condition(query, snapshot)
      const from = fromSql(snapshot, range, where.text)
      return from ? snapshot.query(select(snapshot, from, where), where.values, signal) : []
    })

  const queries: EventQueries = {
    search: (request) =>
      read(async (snapshot) => {
        const limit = bounded('limit', request.limit, limitMax)
        const where = pageCondition(narrowed(condition(request.query, snapshot), request.mayHold), request)
        const events = await find(snapshot, where, request, request.order, limit + 1, request.signal)
        if (events.length <= limit) return { events }
        events.length = limit
        const last = events.at(-1)!
        return { events, next: writeCursor({ ms: last['@timestamp'], id: last['event.id'] }) }
      }),

    count: async (query, range, signal) => {
      const [row] = await all(query, range, (_snapshot, from) => `select count(*) as n from ${from}`, signal)
      return Number(row?.['n'] ?? 0)
    },

    histogram: async (query, range, intervalMs, signal) => {
      if (!(intervalMs >= 1) || !Number.isInteger(intervalMs))
        throw new CodedError('query.limit', { what: 'need a whole interval in milliseconds', limit: 1 })
      const first = Math.floor(range.fromMs / intervalMs)
      const count = Math.max(0, Math.ceil(range.toMs / intervalMs) - first)
      if (count > bucketsMax) throw new CodedError('query.limit', { what: `make ${count} buckets`, limit: bucketsMax })
      const rows = await all(
        query,
        range,
        (_snapshot, from) =>
          `select cast(floor("@timestamp" / ${intervalMs}.0) as bigint) as bucket, count(*) as n from ${from} group by 1`,
        signal,
      )
      const counts = new Map(rows.map((row) => [Number(row['bucket']), Number(row['n'])]))
      return Array.from({ length: count }, (_, i) => ({
        fromMs: (first + i) * intervalMs,
        count: counts.get(first + i) ?? 0,
      }))
    },

    topValues: async (query, range, field, limit, signal) => {
      const rows = await all(
        query,
        range,
        (snapshot, from) => {
          const values = valuesSql(field, snapshot)
          // An event counts once per distinct value, and once in the total.
          return `with v as (select unnest(list_distinct(${values})) as value, row_number() over () as r from ${from})
            select value, count(*) as n, (select count(*) from (select ${values} as l from ${from}) where len(l) > 0) as total
            from v group by value order by n desc, value limit ${bounded('limit', limit, topMax)}`
        },
        signal,
      )
      return {
        values: rows.map((row) => ({ value: String(row['value']), count: Number(row['n']) })),
        total: Number(rows[0]?.['total'] ?? 0),
      }
    },

    groupCount: async (query, range, fields, limit) => {
      const rows = await all(query, range, (snapshot, from) => {
        const keys = fields.map((field, i) => `${textSql(field, snapshot)} as k${i}`).join(', ')
        const names = fields.map((_, i) => `k${i}`)
        const group = names.length > 0 ? `group by ${names.join(', ')}` : ''
        return `select ${[...names, 'count(*) as n'].join(', ')}, min(t) as first_ms, max(t) as last_ms,
            array_to_string(max(id, ${idsPerGroup}), chr(10)) as ids
          from (select ${keys ? `${keys}, ` : ''}"@timestamp" as t, "event.id" as id from ${from}) ${group}
          order by n desc limit ${bounded('limit', limit, topMax)}`
      })
      return rows
        .filter((row) => Number(row['n']) > 0)
        .map((row) => ({
          key: fields.map((_, i) => String(row[`k${i}`] ?? '')),
          count: Number(row['n']),
          eventIds: String(row['ids'] ?? '').split('\n'),
          firstMs: Number(row['first_ms']),
          lastMs: Number(row['last_ms']),
        }))
    },

    get: (id) =>
      read(async (snapshot) => {
        const [event] = await find(snapshot, { text: '"event.id" = $1', values: [id] }, always, 'newest', 1)
        return event
      }),

    context: (id, fields, before, after) =>
      read(async (snapshot) => {
        const [event] = await find(snapshot, { text: '"event.id" = $1', values: [id] }, always, 'newest', 1)
        if (!event) return []
        const values: string[] = []
        const same = fields.map((field) => {
          const value = event[field]
          if (value === undefined || value === null) return `${textSql(field, snapshot)} is null`
          values.push(Array.isArray(value) ? value.join('\n') : String(value))
          return `${textSql(field, snapshot)} = $${values.length}`
        })
        const ms = event['@timestamp']
        values.push(event['event.id'])
        const id$ = `$${values.length}`
        const side = (operator: '<' | '>'): SqlCondition => ({
          text: [
            'true',
            ...same,
            `("@timestamp" ${operator} ${ms} or ("@timestamp" = ${ms} and "event.id" ${operator} ${id$}))`,
          ].join(' and '),
          values,
        })
        const limits = [before, after].map((limit) => Math.min(Math.max(0, limit), limitMax)) as [number, number]
        const older =
          limits[0] === 0
            ? []
            : await find(snapshot, side('<'), { fromMs: always.fromMs, toMs: ms + 1 }, 'newest', limits[0])
        const newer =
          limits[1] === 0 ? [] : await find(snapshot, side('>'), { fromMs: ms, toMs: always.toMs }, 'oldest', limits[1])
        return [...older.reverse(), event, ...newer]
      }),

    fields: () =>
      read(async ({ restFields }) => {
        const kinds: Record<(typeof columns)[keyof typeof columns], FieldInfo['type']> = {
          keyword: 'keyword',
          text: 'text',
          long: 'long',
          ip: 'ip',
          date: 'date',
        }
        const known: FieldInfo[] = columnNames.map((name) => ({ name, type: kinds[columns[name]] }))
        const others = [...restFields].filter((name) => !isColumn(name))
        return [...known, ...others.map((name): FieldInfo => ({ name, type: 'keyword' }))].sort((a, b) =>
          a.name < b.name ? -1 : 1,
        )
      }),
  }
  return queries
}

const always: TimeRange = { fromMs: Number.MIN_SAFE_INTEGER, toMs: Number.MAX_SAFE_INTEGER }

/** Undefined when nothing can match. */
function fromSql(snapshot: Snapshot, { fromMs, toMs }: Window, where: string): string | undefined {
  const sources = snapshot.sources.filter(({ minMs, maxMs, rows }) => rows > 0 && maxMs >= fromMs && minMs < toMs)
  if (sources.length === 0) return undefined
  const times = `"@timestamp" >= ${fromMs} and "@timestamp" < ${toMs}`
  return `(${tablesOf(sources, (sql) => `select ${allColumns} from ${sql} where ${times} and (${where})`)})`
}

/** One statement for all files and one for each table, together. */
export function tablesOf(sources: readonly Source[], select: (sql: string) => string): string | undefined {
  const paths = sources.flatMap((source) => ('path' in source ? [`'${source.path.replaceAll("'", "''")}'`] : []))
  const tables = sources.flatMap((source) => ('table' in source ? [source.table] : []))
  const from = [...(paths.length > 0 ? [`read_parquet([${paths.join(', ')}])`] : []), ...tables]
  return from.length === 0 ? undefined : from.map(select).join(' union all ')
}

function pageCondition(where: SqlCondition, { after, order }: SearchRequest): SqlCondition {
  if (after === undefined) return where
  const { ms, id } = readCursor(after)
  const operator = order === 'newest' ? '<' : '>'
  const values = [...where.values, id]
  const place = `("@timestamp" ${operator} ${ms} or ("@timestamp" = ${ms} and "event.id" ${operator} $${values.length}))`
  return { text: `(${where.text}) and ${place}`, values }
}

/** Every value of a field as a list of text. */
function valuesSql(field: string, snapshot: Snapshot): string {
  const column = isColumn(field) ? `[cast(${columnSql(field)} as varchar)]` : undefined
  const rest = snapshot.restFields.has(field) ? restSql(field) : undefined
  const lists = [column, rest].filter((one) => one !== undefined)
  if (lists.length === 0) return 'cast([] as varchar[])'
  const joined = lists.length === 1 ? lists[0]! : `list_concat(${lists.join(', ')})`
  return `list_filter(${joined}, lambda x: x is not null)`
}

/** One text per event: its value, or its values one per line. */
function textSql(field: string, snapshot: Snapshot): string {
  return `nullif(array_to_string(${valuesSql(field, snapshot)}, chr(10)), '')`
}

function restSql(field: string): string {
  const path = `'$.${JSON.stringify(field).replaceAll("'", "''")}[*]'`
  return `coalesce(json_extract_string(${restColumn}, ${path}), cast([] as varchar[]))`
}

function columnSql(field: string): string {
  return field === 'event.original' ? originalExpression : quote(field)
}

function bounded(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new CodedError('query.limit', { what: `have a ${name} of ${value}`, limit: max })
  return value
}
