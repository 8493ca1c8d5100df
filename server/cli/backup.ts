// A copy of everything, taken while the server runs: the stores' files do not change once written, and the state is read
// in one transaction. What is only in memory is in the log, which is copied last.

import { createReadStream } from 'node:fs'
import { cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { getTableName, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { CodedError } from '#core/errors.ts'
import * as schema from '#stores/state/schema/index.ts'
import type { Database } from '#stores/state/state.ts'
import { type Config, loadConfig } from '../config.ts'
import { type Command, misuse, print } from './command.ts'
import { withState } from './people.ts'

/** In the order in which rows may be inserted: what is referred to comes first. */
const tables = [
  schema.users,
  schema.sessions,
  schema.apiTokens,
  schema.setupTokens,
  schema.entities,
  schema.alerts,
  schema.alertHistory,
  schema.alertChanges,
  schema.notifications,
  schema.audit,
]
/** Copied as they are. The state has its own form, and temporary files are nobody's. */
const folders = ['events', 'metrics', 'positions', 'log']
const files = ['event-rules.json', 'sources.json']
const rowsPerInsert = 500

export const backup: Command = {
  usage: 'guanlan backup DIRECTORY [--config FILE]',
  describe: 'Copies everything that is kept into a new directory, whether or not the server runs',
  options: ['config'],
  run: async function ({ positionals: [target = ''], options, json }) {
    if (target === '') return misuse(this)
    const { config } = loadConfig(process.env, typeof options['config'] === 'string' ? options['config'] : undefined)
    const directory = resolve(target)
    await mustNotExist(directory)
    // Under another name until it is whole: half a backup must not look like one.
    const partial = `${directory}.partial`
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial, { recursive: true, mode: 0o700 })
    const rows = await withState(config, ({ database }) => dumpState(database, join(partial, 'state')))
    for (const folder of folders) await copyIfThere(join(config.data, folder), join(partial, folder))
    for (const file of files) await copyIfThere(join(config.data, file), join(partial, file))
    await writeFile(join(partial, 'backup.json'), JSON.stringify({ version: 1, rows }), { flush: true })
    await rename(partial, directory)
    print(
      json,
      { directory, rows },
      `backed up to ${directory}: ${Object.entries(rows)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ')}`,
    )
    return 0
  },
}

export const restore: Command = {
  usage: 'guanlan restore DIRECTORY [--config FILE]',
  describe: 'Puts a backup into the data directory, which must be empty; the server must not run',
  options: ['config'],
  run: async function ({ positionals: [source = ''], options, json }) {
    if (source === '') return misuse(this)
    const { config } = loadConfig(process.env, typeof options['config'] === 'string' ? options['config'] : undefined)
    const directory = resolve(source)
    if (!(await exists(join(directory, 'backup.json'))))
      throw new CodedError('not-found', { what: `A backup in ${directory}` })
    await mustBeEmpty(config)
    for (const folder of folders) await copyIfThere(join(directory, folder), join(config.data, folder))
    for (const file of files) await copyIfThere(join(directory, file), join(config.data, file))
    const rows = await withState(config, ({ database }) => loadState(database, join(directory, 'state')))
    print(
      json,
      { rows },
      `restored into ${config.data}: ${Object.entries(rows)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ')}`,
    )
    return 0
  },
}

async function dumpState(database: Database, directory: string): Promise<Record<string, number>> {
  await mkdir(directory, { recursive: true })
  const counts: Record<string, number> = {}
  await database.transaction(
    async (tx) => {
      for (const table of tables) {
        const rows = await tx.select().from(table as PgTable)
        counts[getTableName(table)] = rows.length
        await writeFile(
          join(directory, `${getTableName(table)}.ndjson`),
          rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
        )
      }
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  )
  return counts
}

async function loadState(database: Database, directory: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  await database.transaction(async (tx) => {
    for (const table of tables) {
      const name = getTableName(table)
      const [there] = (await tx.execute(sql`select 1 from ${table as PgTable} limit 1`)).rows
      if (there) throw new CodedError('restore.not-empty', { what: `the table ${name}` })
      let batch: Record<string, unknown>[] = []
      counts[name] = 0
      const flush = async (): Promise<void> => {
        if (batch.length > 0) await tx.insert(table as PgTable).values(batch)
        counts[name]! += batch.length
        batch = []
      }
      for await (const line of createInterface({ input: createReadStream(join(directory, `${name}.ndjson`)) })) {
        batch.push(JSON.parse(line))
        if (batch.length >= rowsPerInsert) await flush()
      }
      await flush()
    }
    // Numbers that the database gives out go on after the largest that came back.
    for (const [table, column] of [
      ['alert_history', 'id'],
      ['alert_changes', 'sequence'],
      ['notifications', 'sequence'],
      ['audit', 'id'],
    ] as const)
      await tx.execute(
        sql`select setval(pg_get_serial_sequence(${table}, ${column}), greatest(1, (select coalesce(max(${sql.identifier(column)}), 1) from ${sql.identifier(table)})))`,
      )
  })
  return counts
}

async function copyIfThere(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return
  await mkdir(dirname(to), { recursive: true })
  // A file that goes while it is copied was merged into another, which is in the log as well.
  await cp(from, to, {
    recursive: true,
    filter: (path) => !path.endsWith('.tmp') && !path.endsWith('/events/tmp'),
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return cp(from, to, { recursive: true, force: true })
  })
}

async function mustNotExist(directory: string): Promise<void> {
  if (await exists(directory)) throw new CodedError('restore.not-empty', { what: directory })
}

async function mustBeEmpty(config: Config): Promise<void> {
  const names = await readdir(config.data).catch(() => [])
  if (names.length > 0) throw new CodedError('restore.not-empty', { what: config.data })
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
