import { runUnitTests } from '#analytics/metric-rules/index.ts'
import { type Command, misuse } from './command.ts'

export const test: Command = {
  usage: 'guanlan test rules FILE… [--json]',
  describe: 'Runs unit tests of metric rules, files as `promtool test rules` takes them; exit code 1 when one fails',
  async run({ positionals: [what, ...files], json }) {
    if (what !== 'rules' || files.length === 0) return misuse(this)
    let failed = false
    for (const file of files) {
      let result: Awaited<ReturnType<typeof runUnitTests>>
      try {
        result = await runUnitTests(file)
      } catch (error) {
        result = { checks: 0, failures: [(error as Error).message], warnings: [] }
      }
      if (!json) for (const warning of result.warnings) console.log(`  WARNING: ${warning}`)
      failed ||= result.failures.length > 0
      if (json) console.log(JSON.stringify({ file, ...result }))
      else if (result.failures.length === 0)
        console.log(`Unit Testing:  ${file}\n  SUCCESS (${result.checks} checks)\n`)
      else console.log(`Unit Testing:  ${file}\n  FAILED:\n  ${result.failures.join('\n\n  ')}\n`)
    }
    return failed ? 1 : 0
  },
}
