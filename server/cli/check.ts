import { checkEventRules } from '#analytics/event-rules/index.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'
import { checkDefinitions } from '#kpi/definitions/check.ts'
import { checkParsers } from '#pipeline/parse/check.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import { findRules, readConfig } from '../config.ts'
import type { Command } from './command.ts'

export const check: Command = {
  usage: 'guanlan check [--config FILE] [--json]',
  describe: 'Reads the configuration, every parser and every rule, runs their own samples, and names each problem',
  options: ['config'],
  run: async ({ options, json }) => {
    const given =
      typeof options['config'] === 'string' ? options['config'] : (process.env['GUANLAN_CONFIG'] ?? 'guanlan.yaml')
    const { value: config, problems } = readConfig(process.env, given)
    const found: SourceProblem[] = [...problems]
    const checked: Record<string, number> = {}
    const parsers = checkParsers(findRules(config?.rules.parsers ?? 'rules/parsers'))
    const rules = checkEventRules(findRules(config?.rules.events.directory ?? 'rules/events'), (query) =>
      compileKql(query),
    )
    found.push(...parsers.problems, ...rules.problems)
    const definitions = checkDefinitions(findRules('rules/kpi'))
    found.push(...definitions.problems)
    checked['KPI definitions'] = definitions.files
    checked['KPI tests'] = definitions.tests
    checked['parsers'] = parsers.files
    checked['parser samples'] = parsers.samples
    checked['event rules'] = rules.files
    checked['rule tests'] = rules.tests
    if (json) console.log(JSON.stringify({ checked, problems: found }))
    else {
      for (const problem of found) console.log(formatProblem(problem))
      const counts = Object.entries(checked).map(([what, count]) => `${count} ${what}`)
      console.log(`${counts.join(', ')}: ${found.length === 0 ? 'all good' : `${found.length} problems`}`)
    }
    return found.length === 0 ? 0 : 1
  },
}
