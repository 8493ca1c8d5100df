// A department's MySQL or MariaDB: one connection, read only transactions of one page each, every value as text.
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { FieldPacket } from 'mysql2'
import mysql from 'mysql2/promise'
import { CodedError } from '#core/errors.ts'
import { type Column, type Connect, connectTimeoutMs, momentMs, type RemoteDatabase, type Values } from './database.ts'
import {
  anyRowQuery,
  columnsQuery,
  type Dialect,
  numberText,
  pageQuery,
  relationOf,
  type Statement,
  stepsQuery,
} from './page-query.ts'
import type { Address, PullSource } from './source.ts'

const { Types } = mysql
const graceMs = 5000

export async function openMysql(source: PullSource, address: Address, connect: Connect): Promise<RemoteDatabase> {
  const { host, port, user, password, database } = address
  const { mode, caFile, serverName } = source.tls
  const named = serverName ?? host
  if (mode !== 'off' && isIP(named) !== 0)
    throw new CodedError('pull.source', {
      source: source.id,
      ...{ cause: 'with an address instead of a name its certificate cannot be checked' },
      hint: 'Give tls.serverName: the name in its certificate.',
    })
  const connection = await mysql.createConnection({
    // The name for the certificate; where the connection goes is decided by `stream`.
    ...{ host: mode === 'off' ? host : named, port, user, password, database },
    stream: () => connect(host, port, source.allow),
    ...(mode === 'off'
      ? {}
      : {
          ssl: {
            ...{ rejectUnauthorized: true, verifyIdentity: true },
            ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }),
          },
        }),
    connectTimeout: connectTimeoutMs,
    charset: 'utf8mb4',
    rowsAsArray: true,
    // A server may ask its client for a file: never.
    flags: ['-LOCAL_FILES'],
    typeCast: (field) => {
      if (field.type !== 'BIT') return field.string()
      const bytes = field.buffer()
      return bytes && BigInt(`0x${bytes.toString('hex') || '0'}`).toString()
    },
  })
  let broken: Error | undefined
  connection.on('error', (error: Error) => {
    broken = error
  })
  const ask = async ({ text, parameters }: Statement): Promise<[Values[], FieldPacket[]]> => {
    if (broken) throw broken
    const timeout = source.statementTimeout + graceMs
    const [rows, fields] = await connection.query({ sql: text, values: parameters, timeout })
    return [rows as unknown as Values[], fields]
  }
  const run = (text: string) => ask({ text, parameters: [] })
  const readOnly = async <T>(work: () => Promise<T>): Promise<T> => {
    await run('start transaction read only')
    try {
      const result = await work()
      await run('commit')
      return result
    } catch (error) {
      await connection.query('rollback').catch(() => {})
      throw broken ?? error
    }
  }

  let version: string
  let isMaria = false
  try {
    ;[[[version]]] = (await run('select version()')) as unknown as [[[string]]]
    isMaria = /mariadb/i.test(version)
    const limit = isMaria
      ? `max_statement_time = ${source.statementTimeout / 1000}`
      : `max_execution_time = ${source.statementTimeout}`
    // UTC, so that an instant has one text; a DATETIME is what its department meant by it.
    await run(`set session time_zone = '+00:00', ${limit}, lock_wait_timeout = ${Math.ceil(graceMs / 1000)}`)
    await run('set session transaction isolation level repeatable read, read only')
  } catch (error) {
    connection.destroy()
    throw broken ?? error
  }

  return {
    version: isMaria ? `MariaDB ${version.split('-')[0]}` : `MySQL ${version}`,
    nowMs: async () => {
      const [[row]] = await readOnly(() => run('select unix_timestamp(now(3)) * 1000'))
      return Math.floor(Number(row![0]))
    },
    excessRights: async () => {
      const [rows] = await readOnly(() => run('show grants'))
      return rows.flatMap(([grant]) => excess(grant ?? ''))
    },
    columns: (of) =>
      readOnly(async () => {
        const [, fields] = await run(columnsQuery(relationOf(of === 'cases' ? source : source.steps!, dialect)))
        return fields.map(columnOf)
      }),
    page: (request) => readOnly(async () => zoned(await ask(pageQuery(relationOf(source, dialect), request, dialect)))),
    steps: (columns, of, ids) =>
      readOnly(async () => zoned(await ask(stepsQuery(relationOf(source.steps!, dialect), columns, of, ids, dialect)))),
    hasRow: async (updated, after) => {
      const { text, parameters } = anyRowQuery(relationOf(source, dialect), updated, after, dialect)
      const bounded = isMaria
        ? `set statement max_statement_time = ${momentMs / 1000} for ${text}`
        : text.replace('select', `select /*+ MAX_EXECUTION_TIME(${momentMs}) */`)
      try {
        const [rows] = await readOnly(() => ask({ text: bounded, parameters }))
        return rows.length > 0
      } catch (error) {
        const { errno } = error as { errno?: number }
        if (errno === 1969 || errno === 3024) return undefined
        throw error
      }
    },
    close: async () => {
      await connection.end().catch(() => connection.destroy())
    },
  }
}

const dialect: Dialect = {
  quote: (name) => `\`${name.replaceAll('`', '``')}\``,
  value: (text, { family, zoned }, parameters) => {
    if (family === 'number') return numberText(text)
    parameters.push(zoned ? text.replace(/Z$/, '') : text)
    return '?'
  },
}

const numbers = new Set<number>([
  ...[Types.DECIMAL, Types.TINY, Types.SHORT, Types.LONG, Types.FLOAT, Types.DOUBLE],
  ...[Types.LONGLONG, Types.INT24, Types.YEAR, Types.NEWDECIMAL, Types.BIT],
])
const times = new Set<number>([Types.TIMESTAMP, Types.DATETIME, Types.DATE])

function columnOf({ name, columnType = 0 }: FieldPacket): Column {
  const type = Object.entries(Types).find(([, number]) => number === columnType)?.[0] ?? `type ${columnType}`
  const family = numbers.has(columnType) ? 'number' : times.has(columnType) ? 'time' : 'text'
  return { name, type: type.toLowerCase(), family, zoned: type.startsWith('TIMESTAMP') }
}

/** A TIMESTAMP is an instant, and its text says so. */
function zoned([rows, fields]: [Values[], FieldPacket[]]): Values[] {
  fields.forEach((field, at) => {
    if (columnOf(field).zoned) for (const row of rows) if (row[at] !== null) row[at] = `${row[at]}Z`
  })
  return rows
}

const harmless = new Set(['USAGE', 'SELECT', 'SHOW VIEW', 'SHOW DATABASES'])

/** `GRANT SELECT, INSERT ON db.* TO …`: what is granted beside reading; a role cannot be looked into. */
function excess(grant: string): string[] {
  const match = /^GRANT (?<rights>.+?) ON (?<where>.+?) TO /.exec(grant)
  if (!match?.groups) return /^GRANT .+ TO /.test(grant) ? [`role: ${grant.slice(6, 80)}`] : []
  const { rights, where } = match.groups as { rights: string; where: string }
  const extra = rights
    .replace(/\([^)]*\)/g, '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => !harmless.has(one))
  const further = / WITH GRANT OPTION/.test(grant) ? ['GRANT OPTION'] : []
  return [...extra, ...further].map((one) => `${one} on ${where}`)
}
