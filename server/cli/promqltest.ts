import { readFileSync } from 'node:fs'
import { runScript } from '#stores/metrics/promql/promqltest.ts'
import { type Command, misuse } from './command.ts'

export const promqltest: Command = {
  usage: 'guanlan promqltest FILE… [--json] [--no-range-check]',
  describe: "Runs Prometheus's PromQL test scripts against our engine; prints each eval that fails",
  flags: ['no-range-check'],
  async run({ positionals: files, json, options }) {
    if (files.length === 0) return misuse(this)
    const total = { passed: 0, failed: 0, skipped: 0, rangeChecks: 0, pinnedChecks: 0 }
    for (const file of files) {
      const result = await runScript(readFileSync(file, 'utf8'), { rangeCheck: options['no-range-check'] !== true })
      total.passed += result.passed
      total.failed += result.failures.length
      total.skipped += result.skipped.length
      total.rangeChecks += result.rangeChecks
      total.pinnedChecks += result.pinnedChecks
      if (json) console.log(JSON.stringify({ file, ...result }))
      else for (const { line, query, why } of result.failures) console.log(`${file}:${line}: ${query}\n    ${why}`)
    }
    if (!json)
      console.log(
        `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped (${total.rangeChecks} also as range queries, ${total.pinnedChecks} also pinned by @)`,
      )
    return total.failed === 0 ? 0 : 1
  },
}
