import { runUnitTests } from '#analytics/metric-rules/index.ts'
import type { PromqlFeatures } from '#stores/metrics/promql/index.ts'
import { type Command, misuse } from './command.ts'

/** promtool's names. */
const features: Record<string, Partial<PromqlFeatures>> = {
  'promql-experimental-functions': { experimental: true },
  'promql-duration-expr': {},
  'promql-binop-fill-modifiers': { experimental: true },
  'promql-delayed-name-removal': { delayedNameRemoval: true },
  'promql-unquoted-utf8-names': { unquotedNames: true },
}

export const test: Command = {
  usage: 'guanlan test rules FILE… [--enable-feature promql-experimental-functions,…] [--json]',
  describe: 'Runs unit tests of metric rules, files as `promtool test rules` takes them; exit code 1 when one fails',
  lists: ['enable-feature'],
  async run({ positionals: [what, ...files], lists, json }) {
    const asked = (lists['enable-feature'] ?? []).flatMap((one) => one.split(','))
    const unknown = asked.find((name) => !Object.hasOwn(features, name))
    if (unknown !== undefined) console.error(`unknown feature ${unknown}. Known: ${Object.keys(features).join(', ')}`)
    if (what !== 'rules' || files.length === 0 || unknown !== undefined) return misuse(this)
    const promql = Object.assign({}, ...asked.map((name) => features[name]))
    let failed = false
    for (const file of files) {
      let result: Awaited<ReturnType<typeof runUnitTests>>
      try {
        result = await runUnitTests(file, promql)
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
