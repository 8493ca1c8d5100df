// The command line: one table of commands, each with its help, exit code 1 on failure and 2 on wrong use.
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CodedError } from '#core/errors.ts'
import type { Command } from './command.ts'

// Where it cannot be written, each start compiles anew. Threads read the variable.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../node_modules/.cache/guanlan')
enableCompileCache(process.env['NODE_COMPILE_CACHE'])

/** Loaded when asked for: a small tool does not wait for the parts of a large one. */
const commands: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./serve.ts')).serve,
  check: async () => (await import('./check.ts')).check,
  alerts: async () => (await import('./alerts.ts')).alerts,
  grafana: async () => (await import('./grafana.ts')).grafana,
  test: async () => (await import('./test-rules.ts')).test,
  backtest: async () => (await import('./backtest.ts')).backtest,
  user: async () => (await import('./people.ts')).user,
  token: async () => (await import('./people.ts')).token,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./backup.ts')).restore,
  security: async () => (await import('./security.ts')).security,
  verify: async () => (await import('./verify.ts')).verify,
  incident: async () => (await import('./incident.ts')).incident,
  intel: async () => (await import('./intel.ts')).intel,
  sigma: async () => (await import('./sigma.ts')).sigma,
  kpi: async () => (await import('./kpi.ts')).kpi,
  dlp: async () => (await import('./dlp.ts')).dlp,
  witness: async () => (await import('./witness.ts')).witness,
  ml: async () => (await import('./ml.ts')).ml,
  promqltest: async () => (await import('./promqltest.ts')).promqltest,
}

// A reader that has seen enough (head) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

const [name = '', ...rest] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? await commands[name]!() : undefined
if (!command || rest.includes('--help')) {
  const asked = command ? [command] : await Promise.all(Object.values(commands).map((load) => load()))
  for (const one of asked) console.log(`${one.usage}\n    ${one.describe}`)
  process.exitCode = command || name === '' || name === '--help' ? 0 : 2
} else {
  try {
    const takesValue = Object.fromEntries(
      (command.options ?? []).map((option) => [option, { type: 'string' as const }]),
    )
    const takesMany = Object.fromEntries(
      (command.lists ?? []).map((option) => [option, { type: 'string' as const, multiple: true }]),
    )
    const flags = Object.fromEntries((command.flags ?? []).map((flag) => [flag, { type: 'boolean' as const }]))
    const { values, positionals } = parseArgs({
      args: rest,
      allowPositionals: true,
      options: { ...takesValue, ...takesMany, ...flags, json: { type: 'boolean' } },
    })
    const given = Object.entries(values as Record<string, string | boolean | string[] | undefined>)
    const lists = Object.fromEntries(given.filter((one): one is [string, string[]] => Array.isArray(one[1])))
    const options = Object.fromEntries(
      given.filter((one): one is [string, string | boolean | undefined] => !Array.isArray(one[1])),
    )
    process.exitCode = await command.run({ positionals, options, lists, json: options['json'] === true })
  } catch (error) {
    console.error((error as Error).message)
    if (error instanceof CodedError) console.error(error.hint)
    process.exitCode = 1
  }
}
