// The state store over PostgreSQL: the embedded server, or the one DATABASE_URL names.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import type { Health } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import { type EmbeddedServer, startEmbedded } from './embedded/server.ts'
import * as schema from './schema/index.ts'
import type { Database, StateStore } from './state.ts'

export interface StateConfig {
  /** postgres://user:password@host:port/database; empty for the embedded server. */
  databaseUrl: string
  /** Where the embedded server keeps its data. */
  directory: string
  /** Another process of this machine runs the embedded server: it is used, not started. */
  useRunning?: boolean
  connectionsMax: number
  connectTimeoutMs: number
  /** One statement may take so long before the server ends it. */
  statementTimeoutMs: number
  startTimeoutMs: number
  stopTimeoutMs: number
}

export const stateDefaults = {
  databaseUrl: '',
  connectionsMax: 10,
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 30_000,
  startTimeoutMs: 60_000,
  stopTimeoutMs: 20_000,
} as const satisfies Partial<StateConfig>

export interface PostgresState extends StateStore {
  health(): Health
  bytesOnDisk(): Promise<number>
  /** PID of the embedded server, to count its memory. */
  readonly pid: number | undefined
}

const reviveMsMin = 500
const reviveMsMax = 15_000

const migrationsFolder = new URL('./migrations', import.meta.url).pathname

/** Two observatories on one database must not migrate at once. */
const migrationLock = 0x6775_616e

export function createState(config: StateConfig, logger: Logger): PostgresState {
  let server: EmbeddedServer | undefined
  let pool: pg.Pool | undefined
  let database: Database | undefined
  let failure = ''
  let closing = false

  const connect = (options: pg.PoolConfig): pg.Pool => {
    const made = new pg.Pool({
      ...options,
      max: config.connectionsMax,
      connectionTimeoutMillis: config.connectTimeoutMs,
      statement_timeout: config.statementTimeoutMs,
      application_name: 'guanlan',
    })
    // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
    made.on('error', (error) => logger.warn({ cause: error.message }, 'a connection to the state database broke'))
    return made
  }

  /** A full disk or a lack of memory ends it; it comes back when it can, and its own log replays what was committed. */
  const revive = async (cause: string): Promise<void> => {
    const { socketDirectory } = server!
    failure = `The embedded PostgreSQL ended (${cause}) and is being started again`
    logger.error({ cause }, 'the embedded PostgreSQL ended; it is started again')
    for (let pauseMs = reviveMsMin; !closing; pauseMs = Math.min(2 * pauseMs, reviveMsMax)) {
      await sleep(pauseMs)
      if (closing) return
      try {
        const next = await startEmbedded(config, logger, socketDirectory)
        if (closing) return await next.stop()
        server = next
        next.onExit((again) => void revive(again))
        failure = ''
        logger.info({}, 'the embedded PostgreSQL is back')
        return
      } catch (error) {
        failure = (error as Error).message
        logger.warn({ err: error }, 'the embedded PostgreSQL could not be started')
      }
    }
  }

  const close = async (): Promise<void> => {
    closing = true
    await pool?.end().catch(() => {})
    pool = undefined
    database = undefined
    await server?.stop()
    server = undefined
  }

  return {
    get database() {
      if (!database) throw new CodedError('store.unavailable', { store: 'state', cause: 'it is not open' })
      return database
    },
    get pid() {
      return server?.pid
    },
    open: async () => {
      try {
        failure = ''
        closing = false
        if (config.databaseUrl) pool = connect({ connectionString: config.databaseUrl })
        else if (config.useRunning) pool = connect(socketOptions(await runningSocket(config.directory)))
        else {
          server = await startEmbedded(config, logger)
          server.onExit((cause) => void revive(cause))
          pool = connect(socketOptions(server.socketDirectory))
        }
        await migrateOnce(pool)
        database = drizzle(pool, { schema })
      } catch (error) {
        await close()
        if (error instanceof CodedError) throw error
        throw new CodedError('store.unavailable', { store: 'state', cause: (error as Error).message }, { cause: error })
      }
    },
    close,
    bytesOnDisk: async () => {
      const result = await pool?.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes')
      return Number(result?.rows[0]?.bytes ?? 0)
    },
    health: () => (failure ? { state: 'failed', detail: failure } : { state: 'ok', detail: '' }),
  }
}

function socketOptions(directory: string): pg.PoolConfig {
  return { host: directory, user: 'guanlan', database: 'postgres' }
}

/** Line 5 of postmaster.pid is the directory of the socket. */
async function runningSocket(directory: string): Promise<string> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => '')
  const socketDirectory = text.split('\n')[4]
  if (!socketDirectory)
    throw new CodedError('store.unavailable', { store: 'state', cause: 'its server is still starting' })
  return socketDirectory
}

async function migrateOnce(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    await migrate(drizzle(client), { migrationsFolder })
    await client.query('select pg_advisory_unlock($1)', [migrationLock])
  } finally {
    client.release()
  }
}
