import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { verifyJournal } from '#pipeline/log/journal/journal.ts'
import { verifyParts } from '#stores/events/duckdb/parts.ts'
import { loadConfig } from '../config.ts'
import type { Command } from './command.ts'

export const verify: Command = {
  usage: 'guanlan verify [DIRECTORY] [--json]',
  describe:
    'Reads every record of the log and every file of events, and names what is damaged or torn; changes nothing',
  options: ['config'],
  run: async ({ positionals: [given], options, json }) => {
    const configPath = typeof options['config'] === 'string' ? options['config'] : undefined
    const directory = given ?? loadConfig(process.env, configPath).config.data
    // A data directory, or a log directory alone.
    const logDirectory = existsSync(join(directory, 'log')) ? join(directory, 'log') : directory
    const log = await verifyJournal(logDirectory)
    const events = await verifyParts(join(directory, 'events'))
    if (json) console.log(JSON.stringify({ log, events }))
    else {
      for (const report of log) {
        const { topic, records, segments, first, next } = report
        console.log(`log ${topic}: ${records} records in ${segments} segments, offsets ${first} to ${next - 1}`)
        for (const { from, to, file } of report.lost) console.log(`  lost: offsets ${from} to ${to} in ${file}`)
        if (report.tornBytes > 0)
          console.log(`  torn: ${report.tornBytes} bytes at the end that were never acknowledged`)
      }
      console.log(`events: ${events.files} files`)
      for (const { path, cause } of events.wrong) console.log(`  damaged: ${path}: ${cause}`)
    }
    return log.some(({ lost }) => lost.length > 0) || events.wrong.length > 0 ? 1 : 0
  },
}
