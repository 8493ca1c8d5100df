// Joins files in a process of its own with the lowest claim on the processor: receivers and their acknowledgements come
// first. Started by merge.ts, one job on its first line of input; it ends with the store, whose end closes that input.
import { setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import type { MergeJob } from './merge.ts'

// Before DuckDB starts its threads, which inherit it.
setPriority(19)
const { DuckDBInstance } = await import('@duckdb/node-api')

const lines = createInterface({ input: process.stdin })
lines.once('line', async (line) => {
  const { statement, memoryBytesMax } = JSON.parse(line) as MergeJob
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: '1',
      memory_limit: `${Math.floor(memoryBytesMax / 1024)}KiB`,
      preserve_insertion_order: 'true',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
    const connection = await instance.connect()
    await connection.run(statement)
    process.exit(0)
  } catch (error) {
    process.stderr.write(error instanceof Error ? error.message : String(error), () => process.exit(1))
  }
})
lines.once('close', () => process.exit(1))
