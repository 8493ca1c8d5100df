import { readFileSync } from 'node:fs'
import { runScript } from '#stores/metrics/promql/promqltest.ts'
import { type Command, misuse } from './command.ts'

export const promqltest: Command = {
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
}
