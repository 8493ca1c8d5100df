// Reads the rule files of a folder. A file that became wrong keeps its last good version.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { readYaml, type SourceProblem, type YamlSource } from '#core/yaml-source.ts'
import { type EventRuleSource, eventRuleSchema } from './contract.ts'
import { type CompileKql, RuleAtWork } from './rule.ts'

export interface LoadedRule {
  text: string
  source: YamlSource<EventRuleSource>
  rule: RuleAtWork
}

export function ruleFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yml') || name.endsWith('.yaml'))
    .sort()
}

export function loadRules(
  directory: string,
  before: ReadonlyMap<string, LoadedRule>,
  compileKql: CompileKql,
): { rules: Map<string, LoadedRule>; problems: SourceProblem[] } {
  const rules = new Map<string, LoadedRule>()
  const problems: SourceProblem[] = []
  const owner = new Map<string, string>()
  for (const name of ruleFiles(directory)) {
    const file = join(directory, name)
    const text = readFileSync(file, 'utf8')
    const known = before.get(name)
    const loaded = known?.text === text ? known : (loadRule(file, text, compileKql, problems) ?? known)
    if (!loaded) continue
    const { id } = loaded.rule.source
    const other = owner.get(id)
    if (other !== undefined) {
      const cause = `the id "${id}" is already used by ${other}`
      problems.push({ file, line: loaded.source.lineOf(['id']), cause, hint: 'Give it another id.' })
      continue
    }
    owner.set(id, file)
    rules.set(name, loaded)
  }
  return { rules, problems }
}

function loadRule(
  file: string,
  text: string,
  compileKql: CompileKql,
  problems: SourceProblem[],
): LoadedRule | undefined {
  const source = readYaml(file, text, eventRuleSchema)
  problems.push(...source.problems)
  if (!source.value) return undefined
  for (const key of ['query', 'followed_by'] as const) {
    const query = source.value[key]
    if (query === undefined) continue
    try {
      compileKql(query)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      problems.push({ file, line: source.lineOf([key]), cause: `${key}: ${error.message}`, hint: error.hint })
      return undefined
    }
  }
  return { text, source, rule: new RuleAtWork(source.value, file, compileKql) }
}
