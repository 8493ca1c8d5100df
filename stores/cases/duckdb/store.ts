// Cases as Parquet files that are written once: each append is a file whose name carries the sequences it holds. DuckDB
// reads them; there is no database file that can break. Files of one size are joined when there are eight. A version knows
// which one it replaces, so that what is current needs no look at everything.
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { createPace } from '#core/pace.ts'
import { quoted, syncPath } from '../../duckdb-files.ts'
import { type EventDatabase, openDatabase } from '../../events/duckdb/database.ts'
import type { CaseRecord, StoredCase } from '../case.ts'
import type { AppendCasesResult, CaseScan, CaseStore, CaseTally } from '../store.ts'
import { type IdIndex, openIdIndex } from './id-index.ts'

export interface DuckCasesConfig {
  directory: string
  memoryBytesMax: number
  threads: number
}

export const duckCasesDefaults = { memoryBytesMax: 512 * 1024 * 1024, threads: 2 } as const

const tierFiles = 8
const tierRows = 20_000
/** Larger files are joined no further. */
const fileRowsMax = 16_000_000
const pageMax = 1000
const batchRows = 20_000
/** Sequences that one query of a scan covers, at first and at most: sparse answers are asked in longer strides. */
const strideFirst = 50_000
const strideMax = 5_000_000
const columns = `sequence BIGINT, id VARCHAR, version INTEGER, known_ms BIGINT, hash VARCHAR, region VARCHAR,
  department VARCHAR, item VARCHAR, opened_ms BIGINT, closed_ms BIGINT, until_ms BIGINT, removed BOOLEAN, replaces BIGINT, late BOOLEAN, record VARCHAR`
/** What a stored case is made of. */
const stored = 'sequence, known_ms, hash, record'
const unitColumns = 'left(region, 6) as region6, department'
/** Months are China's: one zone, no summer time. */
const chinaMs = 8 * 3_600_000
const fileName = /^cases-(\d{12})-(\d{12})\.parquet$/

export function createDuckCases(config: DuckCasesConfig): CaseStore {
  let database: EventDatabase | undefined
  let files: string[] = []
  let last = 0
  let lastKnownMs = 0
  let turn: Promise<unknown> = Promise.resolve()
  let ids: IdIndex | undefined

  const db = (): EventDatabase => {
    if (!database) throw new CodedError('store.unavailable', { store: 'case', cause: 'it is not open' })
    return database
  }
  const index = (): IdIndex => {
    if (!ids) throw new CodedError('store.unavailable', { store: 'case', cause: 'it is not open' })
    return ids
  }
  /** One writer at a time. */
  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work)
    turn = next.catch(() => {})
    return next
  }
  const source = (): string =>
    files.length === 0
      ? `(select * from (values (0::bigint)) limit 0)`
      : `read_parquet([${files.map((file) => quoted(join(config.directory, file))).join(', ')}])`
  const rows = async (sql: string, signal?: AbortSignal): Promise<StoredCase[]> => {
    if (files.length === 0) return []
    const found: StoredCase[] = []
    const pace = createPace()
    for (const row of await db().query(sql, [], signal)) {
      found.push(storedOf(row))
      await pace(true)
    }
    return found
  }

  /** Whole rows of these ids, or some columns of them, in order of arrival. */
  const ofIds = async (
    ids: readonly string[],
    what: string,
    before = Number.POSITIVE_INFINITY,
  ): Promise<Record<string, unknown>[]> => {
    const wanted = new Set(ids)
    const candidates = (await index().candidates(ids)).filter((sequence) => sequence < before)
    const found: Record<string, unknown>[] = []
    for (let from = 0; from < candidates.length; from += batchRows) {
      const part = candidates.slice(from, from + batchRows)
      const range = `sequence between ${part[0]} and ${part.at(-1)}`
      const sql = `select ${what} from ${source()} where ${range} and sequence in (${part.join(', ')}) order by sequence`
      for (const row of await db().query(sql, [])) if (wanted.has(row['id'] as string)) found.push(row)
    }
    return found
  }

  const write = async (arrived: readonly Incoming[]): Promise<void> => {
    const { writer } = db()
    await writer.run(`create or replace temp table incoming (${columns})`)
    const appender = await writer.createAppender('incoming')
    for (const { record, knownMs, sequence, hash, replaces } of arrived) {
      appender.appendBigInt(BigInt(sequence))
      appender.appendVarchar(record.id)
      appender.appendInteger(record.version)
      appender.appendBigInt(BigInt(knownMs))
      for (const text of [hash, record.region, record.department, record.item]) appender.appendVarchar(text)
      for (const ms of [record.openedMs ?? record.acceptedMs, record.closedMs, untilMs(record)])
        if (ms === null) appender.appendNull()
        else appender.appendBigInt(BigInt(ms))
      appender.appendBoolean(record.withdrawnRecord)
      if (typeof replaces === 'number') appender.appendBigInt(BigInt(replaces))
      else appender.appendNull()
      appender.appendBoolean(replaces === 'late')
      appender.appendVarchar(JSON.stringify(record))
      appender.endRow()
    }
    appender.closeSync()
    const name = nameOf(arrived[0]!.sequence, arrived.at(-1)!.sequence)
    await copy('select * from incoming', name)
    await writer.run('drop table incoming')
    files.push(name)
    await index().add(
      arrived.map(({ record }) => record.id),
      arrived[0]!.sequence,
    )
  }

  /** Written beside, synced, then renamed: a crash leaves either all of it or nothing. */
  const copy = async (select: string, name: string): Promise<void> => {
    const path = join(config.directory, name)
    await db().writer.run(
      `copy (${select}) to ${quoted(`${path}.part`)} (format parquet, compression zstd, row_group_size 50000)`,
    )
    await syncPath(`${path}.part`)
    await rename(`${path}.part`, path)
    await syncPath(config.directory)
  }

  const joinSmall = async (): Promise<void> => {
    for (;;) {
      const tail = files.slice(-tierFiles)
      const tiers = new Set(tail.map((name) => tierOf(rowsOf(name))))
      const rowsOfAll = tail.reduce((sum, name) => sum + rowsOf(name), 0)
      if (tail.length < tierFiles || tiers.size > 1 || rowsOfAll > fileRowsMax) return
      const [, from] = fileName.exec(tail[0]!)!
      const [, , to] = fileName.exec(tail.at(-1)!)!
      const name = nameOf(Number(from), Number(to))
      const list = tail.map((file) => quoted(join(config.directory, file))).join(', ')
      await copy(`select * from read_parquet([${list}])`, name)
      files = [...files.slice(0, -tierFiles), name]
      for (const file of tail) await rm(join(config.directory, file), { force: true })
    }
  }

  return {
    open: async () => {
      await mkdir(config.directory, { recursive: true })
      database = await openDatabase({
        ...{ temporaryDirectory: join(config.directory, 'tmp'), memoryBytesMax: config.memoryBytesMax },
        ...{ threads: config.threads, queriesMax: 4, waitingMax: 64 },
      })
      files = await sound(config.directory)
      const [, , to] = fileName.exec(files.at(-1) ?? '') ?? []
      last = Number(to ?? 0)
      if (files.length > 0) {
        const described = await database.query(`describe select * from ${source()}`, [])
        if (!described.some((column) => column['column_name'] === 'replaces'))
          throw new CodedError('store.unavailable', {
            store: 'case',
            cause: `the files in ${config.directory} are of a build before versions knew what they replace: move them away and load the cases again`,
          })
        const [row] = await database.query(`select max(known_ms) as known from ${source()}`, [])
        lastKnownMs = Number(row?.['known'] ?? 0)
      }
      ids = await openIdIndex(config.directory, last)
      for (let indexed = ids.saved; indexed < last; ) {
        const to = Math.min(last, indexed + strideFirst)
        const sql = `select id from ${source()} where sequence between ${indexed + 1} and ${to} order by sequence`
        const found = await database.query(sql, [])
        await ids.add(
          found.map((row) => row['id'] as string),
          indexed + 1,
        )
        indexed = to
      }
    },
    append: (records, knownMs) =>
      exclusive(async () => {
        const result: AppendCasesResult = { stored: 0, duplicates: 0, conflicts: [], late: 0, lastSequence: last }
        const versions = new Map<string, Known>()
        const rowsThere = await ofIds([...new Set(records.map(({ id }) => id))], 'id, version, hash, sequence')
        for (const row of rowsThere)
          learn(versions, row['id'] as string, Number(row['version']), row['hash'] as string, Number(row['sequence']))
        const fresh: Incoming[] = []
        // A clock that steps back must not make a later version known before an earlier one.
        const at = Math.max(knownMs, lastKnownMs)
        for (const record of records) {
          const hash = recordHash(record)
          const before = versions.get(record.id)
          const same = before?.hashes.get(record.version)
          if (same === hash) result.duplicates++
          else if (same !== undefined) result.conflicts.push({ id: record.id, version: record.version })
          else {
            const isLate = before !== undefined && before.version > record.version
            if (isLate) result.late++
            const sequence = last + fresh.length + 1
            fresh.push({ record, knownMs: at, sequence, hash, replaces: isLate ? 'late' : (before?.sequence ?? null) })
            learn(versions, record.id, record.version, hash, sequence)
          }
        }
        if (fresh.length > 0) {
          await write(fresh)
          last += fresh.length
          lastKnownMs = at
          await joinSmall()
        }
        return { ...result, stored: fresh.length, lastSequence: last }
      }),
    versions: async (id) => (await ofIds([id], `id, ${stored}`)).map(storedOf),
    history: async (wanted, before) => {
      const found = new Map<string, StoredCase[]>()
      for (const one of (await ofIds(wanted, `id, ${stored}`, before)).map(storedOf)) {
        const versions = found.get(one.record.id)
        if (versions) versions.push(one)
        else found.set(one.record.id, [one])
      }
      return found
    },
    known: async (wanted) => new Set((await ofIds(wanted, 'id')).map((row) => row['id'] as string)),
    corrected: async () => {
      if (files.length === 0) return []
      const found = await db().query(`select id from ${source()} group by id having count(*) > 1 order by id`, [])
      return found.map((row) => row['id'] as string)
    },
    since: (sequence, limit) => {
      const from = whole(sequence)
      const to = whole(sequence + limit)
      return rows(`select ${stored} from ${source()} where sequence > ${from} and sequence <= ${to} order by sequence`)
    },
    keys: async (from, to) => {
      if (files.length === 0) return []
      const range = `sequence between ${whole(from)} and ${whole(to)}`
      const found = await db().query(
        `select sequence, id, opened_ms, closed_ms from ${source()} where ${range} order by sequence`,
        [],
      )
      const ms = (value: unknown): number | null => (value === null ? null : Number(value))
      return found.map((row) => ({
        ...{ sequence: Number(row['sequence']), id: row['id'] as string },
        ...{ fromMs: ms(row['opened_ms']), toMs: ms(row['closed_ms']) },
      }))
    },
    async *scan(request) {
      const end = last
      let stride = strideFirst
      for (let from = 1; from <= end; ) {
        const to = Math.min(end, from + stride - 1)
        const asked = current(source(), request, { from, to })
        const batch = await rows(`select ${stored} from (${asked}) order by sequence`, request.signal)
        for (let at = 0; at < batch.length; at += batchRows) yield batch.slice(at, at + batchRows)
        from = to + 1
        if (batch.length < batchRows / 4) stride = Math.min(strideMax, stride * 2)
        else if (batch.length > batchRows) stride = Math.max(strideFirst, Math.floor(stride / 2))
      }
    },
    page: async (request) => {
      if (files.length === 0) return { cases: [], total: 0 }
      // Between which of them it lies first: what replaces them is then looked for there alone.
      const [span] = await db().query(
        `select min(sequence) as first, max(sequence) as last from (${candidates(source(), request)})`,
        [],
        request.signal,
      )
      if (span === undefined || span['first'] === null) return { cases: [], total: 0 }
      const base = current(source(), request, { from: Number(span['first']), to: Number(span['last']) })
      const limit = Math.min(request.limit, pageMax)
      // What is replaced is looked up once, for number and order alike; whole records are read of the page alone.
      const order = 'order by closed_ms desc nulls last, id'
      const page = await db().query(
        `select sequence, count(*) over () as total from (${base}) ${order} limit ${whole(limit)} offset ${whole(request.offset)}`,
        [],
        request.signal,
      )
      if (page.length === 0) {
        if (request.offset === 0) return { cases: [], total: 0 }
        const [row] = await db().query(`select count(*) as total from (${base})`, [], request.signal)
        return { cases: [], total: Number(row?.['total'] ?? 0) }
      }
      const sequences = page.map((row) => Number(row['sequence']))
      const range = `sequence between ${Math.min(...sequences)} and ${Math.max(...sequences)}`
      const found = await rows(
        `select ${stored} from ${source()} where ${range} and sequence in (${sequences.join(', ')})`,
        request.signal,
      )
      const bySequence = new Map(found.map((one) => [one.sequence, one]))
      return { cases: sequences.map((sequence) => bySequence.get(sequence)!), total: Number(page[0]!['total']) }
    },
    lastSequence: async () => last,
    tally: async (sequence) => {
      if (files.length === 0) return { months: [], arrivals: [] }
      const arrived = `select * from ${source()} where sequence <= ${whole(sequence)}`
      const latest = `select * from (${arrived} qualify row_number() over (partition by id order by version desc, sequence desc) = 1) where not removed`
      const months = ['opened', 'closed'].map(
        (cohort) =>
          `select ${unitColumns}, '${cohort}' as cohort, strftime(epoch_ms(${cohort}_ms + ${chinaMs}), '%Y-%m') as month, count(*) as count from current where ${cohort}_ms is not null group by all`,
      )
      const counted = await db().query(`with current as (${latest}) ${months.join(' union all ')}`, [])
      const days = await db().query(
        `select ${unitColumns}, (known_ms + ${chinaMs}) // 86400000 as day, max(known_ms) as last_ms from (${arrived}) group by all order by day`,
        [],
      )
      const unitOf = (row: Record<string, unknown>) => ({
        region: row['region6'] as string,
        department: row['department'] as string,
      })
      return {
        months: counted.map((row) => ({
          ...unitOf(row),
          cohort: row['cohort'] as CaseTally['months'][number]['cohort'],
          ...{ month: row['month'] as string, count: Number(row['count']) },
        })),
        arrivals: days.map((row) => ({ ...unitOf(row), day: Number(row['day']), lastMs: Number(row['last_ms']) })),
      }
    },
    stats: async () => {
      if (files.length === 0) return { versions: 0, cases: 0, bytesOnDisk: 0 }
      const [row] = await db().query(`select count(*) as versions, count(distinct id) as cases from ${source()}`, [])
      const sizes = await Promise.all(files.map(async (file) => (await stat(join(config.directory, file))).size))
      return {
        ...{ versions: Number(row?.['versions'] ?? 0), cases: Number(row?.['cases'] ?? 0) },
        bytesOnDisk: sizes.reduce((sum, size) => sum + size, 0),
      }
    },
    close: async () => {
      await turn
      await database?.close()
      database = undefined
    },
  }
}

/** Of each case the highest version known by then, unless its sender removed it. @param among only these sequences */
function current(source: string, request: CaseScan, among?: { from: number; to: number }): string {
  const known = request.knownMs === undefined ? '' : ` and known_ms <= ${whole(request.knownMs)}`
  // A range spares reading what other versions replaced; what replaces came later.
  const range = among
    ? `sequence > ${among.from} and replaces between ${among.from} and ${among.to}`
    : 'replaces is not null'
  const replaced = `select replaces from ${source} where ${range}${known}`
  return `select * from (${candidates(source, request, among)}) as one anti join (${replaced}) as other on one.sequence = other.replaces`
}

/** The same with what was replaced since. */
function candidates(
  source: string,
  { knownMs, department, region, item, items, category, fromMs, toMs, cohort, openAtMs }: CaseScan,
  among?: { from: number; to: number },
): string {
  const conditions = ['not removed', 'not late']
  if (among) conditions.push(`sequence between ${among.from} and ${among.to}`)
  if (knownMs !== undefined) conditions.push(`known_ms <= ${whole(knownMs)}`)
  if (department !== undefined) conditions.push(`department = ${quoted(department)}`)
  if (region !== undefined) conditions.push(`starts_with(region, ${quoted(region)})`)
  if (item !== undefined) conditions.push(`item = ${quoted(item)}`)
  if (items !== undefined) conditions.push(items.length === 0 ? 'false' : `item in (${items.map(quoted).join(', ')})`)
  if (category !== undefined) conditions.push(`json_extract_string(record, '$.category') = ${quoted(category)}`)
  if (openAtMs !== undefined) conditions.push(`(closed_ms is null or until_ms > ${whole(openAtMs)})`)
  const where = (more: readonly string[]): string =>
    `select * from ${source} where ${[...conditions, ...more].join(' and ')}`
  if (fromMs === undefined || toMs === undefined) return where([])
  const [from, to] = [whole(fromMs), whole(toMs)]
  const inRange = (one: string): string => `${one}_ms >= ${from} and ${one}_ms < ${to}`
  if (cohort) return where([inRange(cohort)])
  // Each by itself: a range of one column lets whole groups of rows be left out, either of two columns does not.
  const notClosed = `(closed_ms is null or closed_ms < ${from} or closed_ms >= ${to})`
  return `${where([inRange('closed')])} union all ${where([inRange('opened'), notClosed])}`
}

/** After this nothing of it changes by itself; null while it is open. */
function untilMs({
  openedMs,
  acceptedMs,
  closedMs,
  dueMs,
  plannedMs,
  steps,
  stops,
  ratings,
}: CaseRecord): number | null {
  if (closedMs === null) return null
  // Closed before it was due: it falls into the month of its due date when that comes.
  let until = Math.max(closedMs, ...[openedMs, acceptedMs, dueMs, plannedMs].map((ms) => ms ?? closedMs))
  for (const { atMs } of [...steps, ...ratings]) until = Math.max(until, atMs)
  for (const { fromMs, toMs } of stops) until = Math.max(until, fromMs, toMs ?? fromMs)
  return until
}

/** @property replaces sequence of the version that was current before; `late`: a higher one was known already */
type Incoming = StoredCase & { replaces: number | 'late' | null }

interface Known {
  /** The highest. */
  version: number
  sequence: number
  hashes: Map<number, string>
}

function learn(of: Map<string, Known>, id: string, version: number, hash: string, sequence: number): void {
  const known = of.get(id)
  if (!known) of.set(id, { version, sequence, hashes: new Map([[version, hash]]) })
  else {
    known.hashes.set(version, hash)
    if (version >= known.version) Object.assign(known, { version, sequence })
  }
}

function rowsOf(name: string): number {
  const [, from, to] = fileName.exec(name)!.map(Number) as [number, number, number]
  return to - from + 1
}

function tierOf(count: number): number {
  return Math.floor(Math.log(count / tierRows + 1) / Math.log(tierFiles))
}

function storedOf(row: Record<string, unknown>): StoredCase {
  return {
    record: JSON.parse(row['record'] as string) as CaseRecord,
    knownMs: Number(row['known_ms']),
    sequence: Number(row['sequence']),
    hash: row['hash'] as string,
  }
}

/** What a crash left half done is removed; a gap between files is said, not skipped. */
async function sound(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).sort()
  for (const name of names) if (name.endsWith('.part')) await rm(join(directory, name), { force: true })
  const found = names.filter((name) => fileName.test(name))
  const kept: string[] = []
  let next = 1
  for (const name of found) {
    const [, from, to] = fileName.exec(name)!.map(Number) as [number, number, number]
    // A joined file was renamed, and the crash came before its parts were removed.
    const whole = found.some((other) => other !== name && covers(other, from, to))
    if (whole) {
      await rm(join(directory, name), { force: true })
      continue
    }
    if (from !== next)
      throw new CodedError('store.unavailable', {
        store: 'case',
        cause: `the cases ${next} to ${from - 1} are missing in ${directory}`,
      })
    kept.push(name)
    next = to + 1
  }
  return kept
}

function covers(other: string, from: number, to: number): boolean {
  const [, first, last] = fileName.exec(other)!.map(Number) as [number, number, number]
  return first <= from && last >= to && last - first > to - from
}

function nameOf(from: number, to: number): string {
  return `cases-${String(from).padStart(12, '0')}-${String(to).padStart(12, '0')}.parquet`
}

function whole(value: number): string {
  return BigInt(Math.trunc(Math.min(Math.max(value, -8.64e15), 8.64e15))).toString()
}
