// Cases from files into the data directory: looked at first with --dry-run. The server must not run meanwhile; a running one
// takes them at POST /api/kpi/cases/import.
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { caseMapping, importCases } from '#kpi/cases/import.ts'
import { readMapping } from '#kpi/cases/load.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { loadConfig } from '../../config.ts'
import { type CommandInput, print } from '../command.ts'
import { missing, mustExist, timeOf } from './files.ts'

const problemsShown = 20

export async function importFiles({ options, lists, json }: CommandInput): Promise<number> {
  const files = lists['cases'] ?? []
  const mappings = lists['mapping'] ?? []
  if (files.length === 0) throw missing('--cases')
  if (mappings.length === 0) throw missing('--mapping')
  for (const path of [...files, ...mappings]) mustExist(path)
  const { config } = loadConfig(process.env)
  await mkdir(config.data, { recursive: true })
  const lock = await lockData(config.data)
  const cases = createDuckCases({ ...duckCasesDefaults, directory: join(config.data, 'cases') })
  let wrong = false
  try {
    await cases.open()
    for (const [i, file] of files.entries()) {
      const found = await importCases(
        resolve(file),
        {
          mapping: caseMapping(readMapping(resolve(mappings[i] ?? mappings.at(-1)!))),
          source: typeof options['source'] === 'string' ? options['source'] : 'file',
          knownMs: timeOf(lists['known']?.[i], '--known', systemClock.nowMs()),
          dryRun: options['dry-run'] === true,
        },
        cases,
      )
      wrong ||= found.problems.length > 0
      const { rows, cases: told, fresh, duplicates, problems, kept } = found
      const lines = [
        `${file}: ${rows} rows, ${told} cases, ${fresh} new or corrected, ${duplicates} known; ${kept ? `${kept.stored} kept` : 'nothing kept'}`,
        ...problems.slice(0, problemsShown).map(({ row, cause, hint }) => `  row ${row}: ${cause}. ${hint}`),
        ...(problems.length > problemsShown ? [`  … and ${problems.length - problemsShown} more`] : []),
      ]
      print(json, { file, ...found }, lines.join('\n'))
    }
    return wrong ? 1 : 0
  } finally {
    await cases.close()
    await lock.release()
  }
}
