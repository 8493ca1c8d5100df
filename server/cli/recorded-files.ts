// What the command line takes out of the data stands in the ledger of downloads, like what leaves over HTTP: written down
// before the file is made, and with its length and SHA-256 once it is there.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { everywhere } from '#core/jurisdiction.ts'
import { createValueHash } from '#security/sensitive/value-hash.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import { createExportLedger } from '../parts/export-ledger.ts'
import { loadOrMakeKey } from '../parts/sensitive-data.ts'

/** A file that the work is to make, and what stands in the ledger of it. */
export interface RecordedFile {
  path: string
  subject: 'incident' | 'kpi.brief' | 'kpi.bundle'
  format: string
  /** What was asked for, as one would type it. */
  query: string
}

/** Whoever runs a command has an account on this machine and none of ours. */
export function commandLineActor(): Actor {
  const name = [process.env['SUDO_USER'], accountName()].filter(Boolean).join(' as ')
  return { kind: 'system', id: 'command-line', name: `command line: ${name}`, role: 'system', address: '' }
}

function accountName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a number that no account has.
    return `uid ${process.getuid?.() ?? '?'}`
  }
}

/** @param data the data directory, for the key of the ledger */
export async function recorded<T>(
  { data, database }: { data: string; database: Database },
  files: readonly RecordedFile[],
  work: () => Promise<T>,
): Promise<T> {
  const key = loadOrMakeKey(join(data, 'sensitive.key'))
  const exports = createExportLedger({ database, clock: systemClock, key, hash: createValueHash(key) })
  const actor = commandLineActor()
  const begun: { id: string; file: RecordedFile }[] = []
  for (const file of files) {
    const { path: _, ...start } = file
    begun.push({ id: await exports.beginFile(actor, { ...start, jurisdiction: everywhere }), file })
  }
  const end = async (complete: boolean): Promise<void> => {
    for (const { id, file } of begun)
      await exports.endFile(actor, id, file.subject, { ...(await measured(file)), complete })
  }
  try {
    const result = await work()
    await end(true)
    return result
  } catch (error) {
    // Part of it may be out all the same.
    await end(false)
    throw error
  }
}

const newLine = 10

async function measured({ path, format }: RecordedFile): Promise<{ bytes: number; rows: number; sha256: string }> {
  const hash = createHash('sha256')
  let [bytes, rows] = [0, 0]
  if (existsSync(path))
    for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(part)
      bytes += part.length
      if (format === 'ndjson') for (const byte of part) if (byte === newLine) rows++
    }
  return { bytes, rows, sha256: hash.digest('hex') }
}
