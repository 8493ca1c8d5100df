// A copy of everything, taken while the server runs: the stores' files do not change once written, and the state is read
// in one transaction. What is only in memory is in the log, which is copied last.

import { cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { type Config, loadConfig } from '../config.ts'
import { type Command, misuse, print } from './command.ts'
import { withState } from './people.ts'
import { commandLineActor } from './recorded-files.ts'
import { dumpState, loadState } from './state-dump.ts'

/** The state has its own form; the rest belongs to the process that runs. */
const notCopied = new Set(['state', 'lock'])

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
    const rows = await withState(config, async ({ database }) => {
      // Everything is about to leave: said before, and so in the backup as well.
      await writeAudit(database, commandLineActor(), 'backup', directory)
      return dumpState(database, join(partial, 'state'))
    })
    for (const name of await kept(config.data)) await copyIfThere(join(config.data, name), join(partial, name))
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
    for (const name of await kept(directory))
      if (name !== 'backup.json') await copyIfThere(join(directory, name), join(config.data, name))
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

/** What is kept beside the state, the log last: what is only in memory is in it. */
async function kept(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => !notCopied.has(name) && name !== 'log')
  return [...names, 'log']
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
