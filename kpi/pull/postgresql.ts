// A department's PostgreSQL: one connection, read only transactions of one page each, every value as the server writes it.
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { type Column, type Connect, type Family, momentMs, type RemoteDatabase, type Values } from './database.ts'
import {
  anyRowQuery,
  columnsQuery,
  type Dialect,
  pageQuery,
  relationOf,
  type Statement,
  stepsQuery,
} from './page-query.ts'
import type { Address, PullSource } from './source.ts'

const lockTimeoutMs = 5000
const families: Record<string, Family> = { N: 'number', D: 'time', B: 'boolean' }

export async function openPostgres(source: PullSource, address: Address, connect: Connect): Promise<RemoteDatabase> {
  const { host, port, user, password, database } = address
  const { mode, caFile, serverName } = source.tls
  const client = new pg.Client({
    // The name for the certificate; where the connection goes is decided by `stream`.
    ...{ host: serverName ?? host, port, user, password, database, application_name: 'guanlan-pull' },
    stream: () => {
      const socket = connect(host, port, source.allow)
      // The driver would connect it again, to an address that nobody checked.
      socket.connect = () => socket
      return socket
    },
    ssl:
      mode === 'off'
        ? false
        : {
            rejectUnauthorized: true,
            ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }),
          },
    connectionTimeoutMillis: 2 * lockTimeoutMs,
    query_timeout: source.statementTimeout + lockTimeoutMs,
    types: { getTypeParser: () => (text: string) => text },
  })
  let broken: Error | undefined
  client.on('error', (error: Error) => {
    broken = error
  })
  try {
    await client.connect()
    // UTC, so that an instant has one text; the ISO form and all digits, so that a cursor comes back as it went.
    await client.query(`set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set extra_float_digits = 1;
      set intervalstyle = 'iso_8601'; set client_encoding = 'UTF8'; set default_transaction_read_only = on;
      set statement_timeout = ${source.statementTimeout}; set lock_timeout = ${lockTimeoutMs};
      set idle_in_transaction_session_timeout = ${source.statementTimeout}`)
  } catch (error) {
    await client.end().catch(() => {})
    throw broken ?? error
  }

  const readOnly = async <T>(work: () => Promise<T>): Promise<T> => {
    if (broken) throw broken
    await client.query('begin transaction isolation level repeatable read read only')
    try {
      const result = await work()
      await client.query('commit')
      return result
    } catch (error) {
      await client.query('rollback').catch(() => {})
      throw broken ?? error
    }
  }
  const ask = ({ text, parameters }: Statement) => client.query<Values>({ text, values: parameters, rowMode: 'array' })
  const texts = async (text: string): Promise<string[]> =>
    (await readOnly(() => ask({ text, parameters: [] }))).rows.map(([one]) => one ?? '')

  return {
    version: `PostgreSQL ${(await texts('show server_version'))[0]}`,
    nowMs: async () => Number((await texts('select (extract(epoch from clock_timestamp()) * 1000)::bigint'))[0]),
    excessRights: () => texts(rightsQuery),
    columns: (of) =>
      readOnly(async () => {
        const { fields } = await ask({
          text: columnsQuery(relationOf(of === 'cases' ? source : source.steps!, dialect)),
          parameters: [],
        })
        const oids = [...new Set(fields.map(({ dataTypeID }) => dataTypeID))]
        const { rows } = await ask({
          text: `select oid::text, format_type(oid, null), typcategory::text from pg_type where oid::text = any($1)`,
          parameters: [`{${oids.join(',')}}`],
        })
        const types = new Map(rows.map(([oid, type, category]) => [Number(oid), { type: type!, category: category! }]))
        return fields.map(({ name, dataTypeID }): Column => {
          const { type = 'unknown', category = '' } = types.get(dataTypeID) ?? {}
          const family = type.startsWith('time ') ? 'text' : (families[category] ?? 'text')
          return { name, type, family, zoned: type === 'timestamp with time zone' }
        })
      }),
    page: (request) =>
      readOnly(async () => {
        const { rows, fields } = await ask(pageQuery(relationOf(source, dialect), request, dialect))
        return plain(rows, fields)
      }),
    steps: (columns, of, ids) =>
      readOnly(async () => {
        const { rows, fields } = await ask(stepsQuery(relationOf(source.steps!, dialect), columns, of, ids, dialect))
        return plain(rows, fields)
      }),
    hasRow: async (updated, after) => {
      try {
        return await readOnly(async () => {
          await client.query(`set local statement_timeout = ${momentMs}`)
          const { rows } = await ask(anyRowQuery(relationOf(source, dialect), updated, after, dialect))
          return rows.length > 0
        })
      } catch (error) {
        if ((error as { code?: string }).code === '57014') return undefined
        throw error
      }
    },
    close: () => client.end().catch(() => {}),
  }
}

const dialect: Dialect = {
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  // The type's name comes from the server's own catalogue.
  value: (text, { type }, parameters) => {
    parameters.push(text)
    return `$${parameters.length}::${type}`
  },
}

const timestampTz = 1184
const boolean = 16

/** `+00` is an offset that not every reader knows, `t` no word for yes. */
function plain(rows: Values[], fields: readonly { dataTypeID: number }[]): Values[] {
  fields.forEach(({ dataTypeID }, at) => {
    if (dataTypeID === timestampTz) for (const row of rows) row[at] = row[at]?.replace(/\+00$/, 'Z') ?? null
    if (dataTypeID === boolean)
      for (const row of rows) if (row[at] !== null) row[at] = row[at] === 't' ? 'true' : 'false'
  })
  return rows
}

/** What a reader does not need; one line each. */
const rightsQuery = `
  select 'superuser' from pg_roles where rolname = current_user and rolsuper
  union all select 'create roles' from pg_roles where rolname = current_user and rolcreaterole
  union all select 'create databases' from pg_roles where rolname = current_user and rolcreatedb
  union all select 'replication' from pg_roles where rolname = current_user and rolreplication
  union all select 'bypass row security' from pg_roles where rolname = current_user and rolbypassrls
  union all select 'member of ' || rolname from pg_roles
    where rolname in ('pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
      and pg_has_role(current_user, oid, 'usage')
  union all select 'create in schema ' || nspname from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema' and has_schema_privilege(oid, 'create')
  union all (select 'write to ' || oid::regclass::text from pg_class
    where relkind in ('r', 'p', 'v', 'f', 'm') and relnamespace in (select oid from pg_namespace
      where nspname !~ '^pg_' and nspname <> 'information_schema')
      and has_table_privilege(oid, 'insert, update, delete, truncate') order by 1 limit 10)`
