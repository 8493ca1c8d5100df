// Incidents on the machine itself: out with evidence and manifest, whether or not the server runs, and checked anywhere.
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Registry } from 'prom-client'
import { verifyArchive } from '#alerts/incidents/evidence/verify.ts'
import type { Incidents } from '#alerts/incidents/incidents.ts'
import { systemClock } from '#core/clock.ts'
import { everywhere } from '#core/jurisdiction.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { systemActor } from '#stores/state/audit.ts'
import type { Database } from '#stores/state/state.ts'
import { loadConfig } from '../config.ts'
import { createIncidentsPart } from '../parts/incidents.ts'
import { type Command, type CommandInput, misuse, print } from './command.ts'
import { withState } from './people.ts'
import { recorded } from './recorded-files.ts'

export const incident: Command = {
  usage:
    'guanlan incident list | export ID|#NUMBER [--out FILE.tar] [--config FILE] | verify FILE.tar [--manifest SHA256]',
  describe: 'Exports an incident with its evidence, or checks an exported one without a server',
  options: ['out', 'config', 'manifest'],
  run(input) {
    const [verb, what = ''] = input.positionals
    if (verb === 'verify' && what !== '') return verify(input, what)
    if (verb === 'list') return list(input)
    if (verb === 'export' && what !== '') return exportOne(input, what)
    return Promise.resolve(misuse(this))
  },
}

const listedMax = 1000

async function list({ options, json }: CommandInput): Promise<number> {
  return withIncidents(options['config'], async (incidents) => {
    const all = await Promise.all(
      (['open', 'snoozed', 'closed'] as const).map((view) =>
        incidents.queue({ view, me: '', within: everywhere, limit: listedMax }),
      ),
    )
    const rows = all.flatMap((one) => one.rows.map((row) => row.incident))
    const lines = rows.map((row) => `#${row.number}\t${row.id}\t${row.state}\t${row.severity}\t${row.title.en}`)
    print(json, rows, lines.join('\n'))
    return 0
  })
}

async function exportOne({ options, json }: CommandInput, what: string): Promise<number> {
  return withIncidents(options['config'], async (incidents, deps) => {
    const id = /^#?\d+$/.test(what) ? await idOf(incidents, Number(what.replace('#', ''))) : what
    const { manifest, manifestSha256, stream } = await incidents.archive(systemActor, id, everywhere)
    const { number } = manifest.incident
    const out = typeof options['out'] === 'string' ? options['out'] : `incident-${number}.tar`
    // Under another name until it is whole.
    const partial = `${out}.partial`
    const write = async (): Promise<void> => {
      try {
        await pipeline(stream, createWriteStream(partial, { mode: 0o600 }))
        await rename(partial, out)
      } catch (error) {
        await rm(partial, { force: true })
        throw error
      }
    }
    await recorded(
      deps,
      [{ path: out, subject: 'incident', format: 'tar', query: `incident export #${number}` }],
      write,
    )
    const files = manifest.files.length
    print(json, { file: out, files, manifestSha256 }, `${out}: ${files} files\nmanifest SHA-256 ${manifestSha256}`)
    return 0
  })
}

async function idOf(incidents: Incidents, number: number): Promise<string> {
  for (const view of ['open', 'snoozed', 'closed'] as const) {
    const { rows } = await incidents.queue({ view, me: '', within: everywhere, q: `#${number}`, limit: listedMax })
    const found = rows.find(({ incident: { number: other } }) => other === number)
    if (found) return found.incident.id
  }
  return `#${number}`
}

async function verify({ options, json }: CommandInput, file: string): Promise<number> {
  const expected = typeof options['manifest'] === 'string' ? options['manifest'].toLowerCase() : ''
  const check = await verifyArchive(file, expected)
  const { incident: about, exportedBy, exportedMs, files, manifestSha256, withheld, problems } = check
  const lines = [
    `incident #${about.number} ${about.title}`,
    `exported by ${exportedBy} at ${new Date(exportedMs).toISOString()}`,
    `manifest SHA-256 ${manifestSha256}${expected === '' ? ' (compare it with the one on the timeline)' : ''}`,
    ...files.map(({ name, bytes, problem }) => `${problem === '' ? 'ok      ' : 'DAMAGED '} ${name} (${bytes} bytes)`),
    ...(withheld > 0 ? [`${withheld} pieces of evidence were withheld from who exported it`] : []),
    ...problems,
    problems.length === 0 ? `${files.length} files are what was exported` : `${problems.length} problems`,
  ]
  print(json, check, lines.join('\n'))
  return problems.length === 0 ? 0 : 1
}

async function withIncidents(
  file: string | boolean | undefined,
  work: (incidents: Incidents, deps: { data: string; database: Database }) => Promise<number>,
): Promise<number> {
  const { config } = loadConfig(process.env, typeof file === 'string' ? file : undefined)
  return withState(config, ({ database }) =>
    work(
      createIncidentsPart(config, {
        ...{ database, clock: systemClock, random: systemRandom, logger: silentLogger, metrics: new Registry() },
        // Neither a list nor an export asks for events, and nothing is told.
        events: { search: async () => ({ events: [] }), get: async () => undefined },
        alerting: { submit: async () => {}, open: () => [] },
        directory: join(config.data, 'evidence'),
      }).incidents,
      { data: config.data, database },
    ),
  )
}
