// Which downloads a file came from, on the machine itself, whether or not the server runs.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { fragmentBytesMax } from '#security/sensitive/mark/read-file.ts'
import { createValueHash } from '#security/sensitive/value-hash.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { loadConfig } from '../config.ts'
import { createExportLedger, type Traced } from '../parts/export-ledger.ts'
import { loadOrMakeKey } from '../parts/sensitive-data.ts'
import { print } from './command.ts'
import { withState } from './people.ts'
import { commandLineActor } from './recorded-files.ts'

export async function trace(file: string, configFile: string | undefined, json: boolean): Promise<number> {
  const { config } = loadConfig(process.env, configFile)
  if (statSync(file).size > fragmentBytesMax) throw new CodedError('body.too-large', { limit: fragmentBytesMax })
  const traced = await withState(config, async ({ database }) => {
    const key = loadOrMakeKey(join(config.data, 'sensitive.key'))
    const exports = createExportLedger({ database, clock: systemClock, key, hash: createValueHash(key) })
    const found = await exports.trace(readFileSync(file))
    await writeAudit(database, commandLineActor(), 'sensitive.trace', 'exports', {
      file,
      found: found.found.map(({ id }) => id),
    })
    return found
  })
  print(json, traced, textOf(file, traced))
  return traced.found.length > 0 ? 1 : 0
}

function textOf(file: string, { lines, markedRows, tellingRows, exportsCompared, found }: Traced): string {
  const head = `${file}: ${lines} lines, ${tellingRows} that say something, ${markedRows} with marks; ${exportsCompared} downloads compared`
  if (found.length === 0) return `${head}\nIt fits none of them.`
  const told = found.map(({ id, by, marks, rows, log10Chance, isOutmarked, entry }) => {
    const evidence =
      by === 'hash'
        ? `the same ${entry.bytes} bytes`
        : by === 'mark'
          ? `${marks.agree} of ${marks.read} marks are its own`
          : `${rows.held} of ${rows.read} rows were in it${isOutmarked ? ', the marks are of another' : ''}`
    return `${id}  ${entry.actor} (${entry.role}) ${new Date(entry.atMs).toISOString()} ${entry.format}, ${entry.rows} rows, query ${entry.query || '(all)'}\n    ${evidence}; by chance: 10^${Math.round(log10Chance)}`
  })
  return [head, ...told].join('\n')
}
