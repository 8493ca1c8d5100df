// Users and tokens without a browser, on the machine itself, whether or not the server runs.
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { CodedError } from '#core/errors.ts'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import { silentLogger } from '#core/logger.ts'
import { suggest } from '#core/yaml-source.ts'
import { systemActor } from '#stores/state/audit.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { type Role, roles } from '#stores/state/state.ts'
import { createPeople, type People } from '../auth/people.ts'
import type { Scope } from '../auth/principal.ts'
import { type Config, loadConfig } from '../config.ts'
import { type Command, type CommandInput, misuse, print } from './command.ts'

const passwordCharsMin = 12
const allScopes: readonly Scope[] = ['read', 'write', 'ingest']

export const user: Command = {
  usage:
    'guanlan user add NAME --role ROLE [--password PASSWORD] [--regions CODE,…] [--departments NAME,…] | user list',
  describe: `Adds a user (roles: ${roles.join(', ')}); without a password one is made and shown once`,
  options: ['role', 'password', 'regions', 'departments', 'config'],
  run(input) {
    const [verb, name] = input.positionals
    if (verb === 'list')
      return withPeople(input, async (people) => {
        const list = await people.users()
        print(
          input.json,
          list,
          list.map((one) => `${one.name}\t${one.role}${one.disabled ? '\tdisabled' : ''}`).join('\n'),
        )
        return 0
      })
    if (verb !== 'add' || !name) return Promise.resolve(misuse(this))
    return withPeople(input, async (people) => {
      const given = input.options['password']
      const password = typeof given === 'string' ? given : randomBytes(15).toString('base64url')
      if (password.length < passwordCharsMin)
        throw new CodedError('option.invalid', {
          cause: `The password has less than ${passwordCharsMin} characters`,
          hint: 'Without --password one is made and shown once.',
        })
      const added = await people.addUser(systemActor, {
        ...{ name, password, role: roleOf(input, 'admin'), jurisdiction: jurisdictionOf(input) },
      })
      const shown = typeof given === 'string' ? {} : { password }
      print(
        input.json,
        { ...added, ...shown },
        `${added.name} (${added.role}) added${shown.password ? `; password: ${shown.password}` : ''}`,
      )
      return 0
    })
  },
}

export const token: Command = {
  usage:
    'guanlan token create [NAME] --role ROLE [--for USER] [--scopes read,write,ingest] [--days N] [--regions CODE,…] [--departments NAME,…] | token list | token remove ID',
  describe: 'Makes an API token for programs; it is shown once',
  options: ['role', 'scopes', 'for', 'days', 'regions', 'departments', 'config'],
  run(input) {
    const [verb, name] = input.positionals
    if (verb === 'list')
      return withPeople(input, async (people) => {
        const list = await people.tokens()
        print(
          input.json,
          list,
          list.map((one) => `${one.id}\t${one.name}\t${one.role}\t${one.scopes.join(',')}`).join('\n'),
        )
        return 0
      })
    if (verb === 'remove' && name)
      return withPeople(input, async (people) => {
        await people.removeToken(systemActor, name)
        print(input.json, { removed: name }, 'removed')
        return 0
      })
    if (verb !== 'create') return Promise.resolve(misuse(this))
    return withPeople(input, async (people) => {
      const scopes = String(input.options['scopes'] ?? allScopes.join()).split(',') as Scope[]
      const unknown = scopes.find((scope) => !allScopes.includes(scope))
      if (unknown !== undefined) throw notThere('scope', unknown, allScopes)
      const days = Number(input.options['days'] ?? 0)
      const expiresMs = days > 0 ? systemClock.nowMs() + days * 86_400_000 : null
      const owner = input.options['for']
      const body = { name: name ?? 'command line', role: roleOf(input, 'operator'), scopes, expiresMs }
      const made = await people.addToken(
        systemActor,
        { ...body, jurisdiction: jurisdictionOf(input) },
        typeof owner === 'string' ? owner : undefined,
      )
      print(input.json, made, made.secret)
      return 0
    })
  },
}

function jurisdictionOf({ options }: CommandInput): Jurisdiction {
  const list = (name: string): string[] =>
    String(options[name] ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  return { regions: list('regions'), departments: list('departments') }
}

function roleOf({ options }: CommandInput, absent: Role): Role {
  const role = options['role'] ?? absent
  if (!roles.includes(role as Role)) throw notThere('role', String(role), roles)
  return role as Role
}

function notThere(what: string, given: string, known: readonly string[]): CodedError {
  const hint = [suggest(given, known), `There are ${known.join(', ')}.`].filter((part) => part !== '').join(' ')
  return new CodedError('option.invalid', { cause: `There is no ${what} "${given}"`, hint })
}

async function withPeople(input: CommandInput, work: (people: People) => Promise<number>): Promise<number> {
  const path = input.options['config']
  const { config } = loadConfig(process.env, typeof path === 'string' ? path : undefined)
  return withState(config, async (state) =>
    work(createPeople({ sessionMs: 0, sessionIdleMs: 0 }, { database: state.database, clock: systemClock })),
  )
}

/** The running server's database when there is one, or one started for this command. */
export async function withState<T>(
  config: Config,
  /** `alone`: no server runs, and none can start meanwhile. */
  work: (state: ReturnType<typeof createState>, alone: boolean) => Promise<T>,
): Promise<T> {
  await mkdir(config.data, { recursive: true })
  const settings = { ...stateDefaults, databaseUrl: config.database.url, directory: join(config.data, 'state') }
  const lock = await lockData(config.data).catch((error: unknown) => {
    if (error instanceof CodedError && error.code === 'data.locked') return undefined
    throw error
  })
  const state = createState({ ...settings, useRunning: lock === undefined }, silentLogger)
  try {
    await state.open()
    return await work(state, lock !== undefined)
  } finally {
    await state.close()
    await lock?.release()
  }
}
