// The DuckDB instance: in memory, bounded, spilling to a directory of its own. The files are Parquet; DuckDB only reads
// and writes them, so none of its own file formats can break.
import { mkdir, rm } from 'node:fs/promises'
import {
  BOOLEAN,
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBScalarFunction,
  type DuckDBVarCharVector,
  VARCHAR,
} from '@duckdb/node-api'
import { CodedError } from '#core/errors.ts'
import { blockOf, inBlock } from '../kql/value.ts'

export interface DatabaseConfig {
  temporaryDirectory: string
  memoryBytesMax: number
  threads: number
  /** Queries at the same time; more wait. */
  queriesMax: number
  /** Queries that wait; more are refused. */
  waitingMax: number
}

export interface EventDatabase {
  /** For new rows. A connection does one thing at a time: a second statement would end the first. */
  readonly writer: DuckDBConnection
  /** For writing a table to its file meanwhile. */
  readonly sealer: DuckDBConnection
  /** A connection of its own for each query; an abort interrupts it. */
  query(text: string, values: readonly string[], signal?: AbortSignal): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

export async function openDatabase(config: DatabaseConfig): Promise<EventDatabase> {
  await rm(config.temporaryDirectory, { recursive: true, force: true })
  await mkdir(config.temporaryDirectory, { recursive: true })
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(config.threads),
    memory_limit: `${Math.floor(config.memoryBytesMax / 1024)}KiB`,
    temp_directory: config.temporaryDirectory,
    preserve_insertion_order: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allocator_background_threads: 'false',
    allocator_flush_threshold: '16MiB',
  })
  const writer = await instance.connect()
  await writer.run('set global parquet_metadata_cache = true')
  writer.registerScalarFunction(ipInBlock())
  const sealer = await instance.connect()
  const idle: DuckDBConnection[] = []
  const waiting: (() => void)[] = []
  let running = 0

  const enter = async (): Promise<void> => {
    if (running >= config.queriesMax) {
      if (waiting.length >= config.waitingMax)
        throw new CodedError('rate.limited', { seconds: 1 }, { retryAfterSeconds: 1 })
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    running++
  }
  const leave = (): void => {
    running--
    waiting.shift()?.()
  }

  return {
    writer,
    sealer,
    query: async (text, values, signal) => {
      signal?.throwIfAborted()
      await enter()
      try {
        signal?.throwIfAborted()
        const connection = idle.pop() ?? (await instance.connect())
        const abort = (): void => connection.interrupt()
        signal?.addEventListener('abort', abort)
        try {
          const reader = await connection.runAndReadAll(text, [...values])
          return reader.getRowObjects() as Record<string, unknown>[]
        } finally {
          signal?.removeEventListener('abort', abort)
          idle.push(connection)
        }
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof Error && error.message.startsWith('Out of Memory'))
          throw new CodedError('query.memory', {}, { cause: error, retryAfterSeconds: 2 })
        throw error
      } finally {
        leave()
      }
    },
    close: async () => {
      for (const connection of idle.splice(0)) connection.closeSync()
      writer.closeSync()
      sealer.closeSync()
      instance.closeSync()
      await rm(config.temporaryDirectory, { recursive: true, force: true })
    },
  }
}

/** IPv6 blocks, which SQL cannot decide cheaply. Both arguments are text. */
function ipInBlock(): DuckDBScalarFunction {
  return DuckDBScalarFunction.create({
    name: 'ip_in_block',
    returnType: BOOLEAN,
    parameterTypes: [VARCHAR, VARCHAR],
    mainFunction: (_info, input, output) => {
      const addresses = input.getColumnVector(0) as DuckDBVarCharVector
      const blocks = input.getColumnVector(1) as DuckDBVarCharVector
      for (let row = 0; row < input.rowCount; row++) {
        const address = addresses.getItem(row)
        const block = blockOf(blocks.getItem(row) ?? '')
        output.setItem(row, address !== null && block !== undefined && inBlock(address, block))
      }
      output.flush()
    },
  })
}
