// The state as lines of JSON, one file per table, written and read by PostgreSQL's own conversions: every type comes back
// as it was, and a table is never whole in memory.
import { createReadStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { getTableName, is, sql } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import { CodedError } from '#core/errors.ts'
import * as schema from '#stores/state/schema/index.ts'
import type { Database } from '#stores/state/state.ts'

const rowsPerTurn = 500
/** Rows of files and sketches are large. */
const largeRowsPerTurn = 10
const batchCharsMax = 16 * 1024 * 1024

/** In the order in which rows may be inserted: what is referred to comes first. */
export function tablesInOrder(): PgTable[] {
  const all = (Object.values(schema) as unknown[]).filter((one): one is PgTable => is(one, PgTable))
  const ordered = new Set<PgTable>()
  const visit = (table: PgTable, path: readonly PgTable[]): void => {
    if (ordered.has(table) || path.includes(table)) return
    for (const { reference } of getTableConfig(table).foreignKeys) visit(reference().foreignTable, [...path, table])
    ordered.add(table)
  }
  for (const table of all) visit(table, [])
  return [...ordered]
}

/** @returns rows per table, all of one moment */
export async function dumpState(database: Database, directory: string): Promise<Record<string, number>> {
  await mkdir(directory, { recursive: true })
  const counts: Record<string, number> = {}
  await database.transaction(
    async (tx) => {
      for (const table of tablesInOrder()) {
        const name = getTableName(table)
        const file = await open(join(directory, `${name}.ndjson`), 'w')
        counts[name] = 0
        const perTurn = holdsBytes(table) ? largeRowsPerTurn : rowsPerTurn
        await tx.execute(sql`declare dump cursor for select row_to_json(t)::text as line from ${table} t`)
        while (true) {
          const { rows } = await tx.execute<{ line: string }>(sql`fetch ${sql.raw(String(perTurn))} from dump`)
          if (rows.length === 0) break
          await file.write(`${rows.map(({ line }) => line).join('\n')}\n`)
          counts[name] += rows.length
        }
        await tx.execute(sql`close dump`)
        await file.sync()
        await file.close()
      }
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  )
  return counts
}

/** @throws CodedError `restore.not-empty` when a table holds rows: all or nothing is restored */
export async function loadState(database: Database, directory: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  await database.transaction(async (tx) => {
    for (const table of tablesInOrder()) {
      const name = getTableName(table)
      const [there] = (await tx.execute(sql`select 1 from ${table} limit 1`)).rows
      if (there) throw new CodedError('restore.not-empty', { what: `the table ${name}` })
      counts[name] = 0
      let batch: string[] = []
      let chars = 0
      const flush = async (): Promise<void> => {
        if (batch.length === 0) return
        // Generated columns make themselves again; numbers that the database gave out are kept.
        const columns = sql.join(writable(table), sql`, `)
        await tx.execute(sql`insert into ${table} (${columns}) overriding system value
          select ${columns} from json_populate_recordset(null::${table}, ${`[${batch.join(',')}]`}::json)`)
        counts[name]! += batch.length
        batch = []
        chars = 0
      }
      // A backup of an older version lacks the tables that came since.
      const lines = createInterface({ input: await readable(join(directory, `${name}.ndjson`)) })
      for await (const line of lines) {
        batch.push(line)
        chars += line.length
        if (batch.length >= rowsPerTurn || chars >= batchCharsMax) await flush()
      }
      await flush()
    }
    const { rows: numbered } = await tx.execute<{ name: string; column: string }>(sql`
      select table_name as name, column_name as column from information_schema.columns
      where table_schema = 'public' and (is_identity = 'YES' or column_default like 'nextval(%')`)
    for (const { name, column } of numbered)
      await tx.execute(sql`select setval(pg_get_serial_sequence(${name}, ${column}),
        greatest(1, (select coalesce(max(${sql.identifier(column)}), 1) from ${sql.identifier(name)})))`)
  })
  return counts
}

const holdsBytes = (table: PgTable): boolean =>
  getTableConfig(table).columns.some((column) => column.getSQLType() === 'bytea')

function writable(table: PgTable): ReturnType<typeof sql.identifier>[] {
  return getTableConfig(table)
    .columns.filter(({ generated }) => !generated)
    .map(({ name }) => sql.identifier(name))
}

async function readable(path: string): Promise<NodeJS.ReadableStream> {
  try {
    const file = await open(path)
    return file.createReadStream()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return createReadStream('/dev/null')
    throw error
  }
}
