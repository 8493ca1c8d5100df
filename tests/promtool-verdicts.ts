// Rule files and their unit tests, judged by a real promtool and by ours: the verdict must be the same, file by file.
// npm run test:promtool -- [--promtool PROGRAM] [FILE or DIRECTORY…]
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readRuleFile, runUnitTests } from '#analytics/metric-rules/index.ts'
import { formatProblem } from '#core/yaml-source.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { promtool: { type: 'string', default: 'promtool' }, verbose: { type: 'boolean', default: false } },
})
const root = resolve(import.meta.dirname, '..')
const given = positionals.length > 0 ? positionals : [join(root, '../shared/data/rules'), join(root, 'rules/metrics')]

interface Verdict {
  good: boolean
  why: string
}

const files = given.flatMap((one) => {
  if (!existsSync(one)) return []
  return statSync(one).isDirectory() ? globSync(join(one, '**/*.{yml,yaml,rules}')).sort() : [one]
})

function promtool(args: string[]): Verdict {
  const { status, stdout, stderr, error } = spawnSync(values.promtool, args, { encoding: 'utf8', timeout: 120_000 })
  if (error) throw error
  return { good: status === 0, why: `${stdout}${stderr}`.trim() }
}

async function ours(kind: 'rules' | 'tests', file: string): Promise<Verdict> {
  try {
    if (kind === 'tests') {
      const { failures } = await runUnitTests(file)
      return { good: failures.length === 0, why: failures.join('\n') }
    }
    const promql = { experimental: false }
    const { problems } = readRuleFile(file, readFileSync(file, 'utf8'), { intervalMs: 60_000, promql })
    return { good: problems.length === 0, why: problems.map(formatProblem).join('\n') }
  } catch (error) {
    return { good: false, why: (error as Error).message }
  }
}

const counts = { rules: { good: 0, refused: 0, differ: 0 }, tests: { good: 0, refused: 0, differ: 0 } }
for (const file of files) {
  const text = readFileSync(file, 'utf8')
  const kind = /^\s*["']?(rule_files|tests|evaluation_interval)["']?\s*:/m.test(text)
    ? 'tests'
    : /^\s*(- )?["']?groups["']?\s*:/m.test(text)
      ? 'rules'
      : undefined
  if (!kind) continue
  const theirs = promtool(kind === 'tests' ? ['test', 'rules', file] : ['check', 'rules', '--lint=none', file])
  const own = await ours(kind, file)
  const count = counts[kind]
  if (own.good !== theirs.good) {
    count.differ++
    console.log(`${file}: ${kind}: promtool ${theirs.good ? 'good' : 'refused'}, ours ${own.good ? 'good' : 'refused'}`)
    console.log(indented(own.good ? theirs.why : own.why))
  } else {
    count[own.good ? 'good' : 'refused']++
    if (!own.good && values.verbose)
      console.log(`${file}\n  ours\n${indented(own.why)}\n  promtool\n${indented(theirs.why)}`)
  }
}
for (const [kind, { good, refused, differ }] of Object.entries(counts))
  console.log(
    `${kind === 'rules' ? 'rule files' : 'unit tests'}: ${good + refused} of ${good + refused + differ} with promtool's verdict (${good} good, ${refused} refused)`,
  )
process.exitCode = counts.rules.differ + counts.tests.differ === 0 ? 0 : 1

function indented(text: string): string {
  return text
    .split('\n')
    .slice(0, 12)
    .map((line) => `    ${line.slice(0, 240)}`)
    .join('\n')
}
