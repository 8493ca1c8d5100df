// The command line: one table of commands, each with its help, exit code 1 on failure and 2 on wrong use.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { CodedError } from '#core/errors.ts'
import { runScript } from '#stores/metrics/promql/promqltest.ts'
import { backup, restore } from './backup.ts'
import { check } from './check.ts'
import { type Command, misuse } from './command.ts'
import { token, user } from './people.ts'
import { serve } from './serve.ts'
import { verify } from './verify.ts'

const commands: Record<string, Command> = {
  serve,
  check,
  user,
  token,
  backup,
  restore,
  verify,
  promqltest: {
    usage: 'guanlan promqltest FILE… [--json]',
    describe: "Runs Prometheus's PromQL test scripts against our engine; prints each eval that fails",
    async run({ positionals: files, json }) {
      if (files.length === 0) return misuse(this)
      let passed = 0
      let failed = 0
      for (const file of files) {
        const result = await runScript(readFileSync(file, 'utf8'))
        passed += result.passed
        failed += result.failures.length
        if (json) console.log(JSON.stringify({ file, ...result }))
        else for (const { line, query, why } of result.failures) console.log(`${file}:${line}: ${query}\n    ${why}`)
      }
      if (!json) console.log(`${passed} passed, ${failed} failed`)
      return failed === 0 ? 0 : 1
    },
  },
}

const [name = '', ...rest] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
if (!command || rest.includes('--help')) {
  for (const one of command ? [command] : Object.values(commands)) console.log(`${one.usage}\n    ${one.describe}`)
  process.exitCode = command || name === '' || name === '--help' ? 0 : 2
} else {
  try {
    const takesValue = Object.fromEntries(
      (command.options ?? []).map((option) => [option, { type: 'string' as const }]),
    )
    const { values, positionals } = parseArgs({
      args: rest,
      allowPositionals: true,
      options: { ...takesValue, json: { type: 'boolean' } },
    })
    const options = values as Record<string, string | boolean | undefined>
    process.exitCode = await command.run({ positionals, options, json: options['json'] === true })
  } catch (error) {
    console.error((error as Error).message)
    if (error instanceof CodedError) console.error(error.hint)
    process.exitCode = 1
  }
}
