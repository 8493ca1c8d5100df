import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkRulebook } from '#alerts/incidents/rulebook/rulebook.ts'
import { ignoredText } from '#alerts/routing/integrations.ts'
import { checkEventRules } from '#analytics/event-rules/index.ts'
import { readRuleFile, runUnitTests } from '#analytics/metric-rules/index.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'
import { checkDefinitions } from '#kpi/definitions/check.ts'
import { checkParsers } from '#pipeline/parse/check.ts'
import { checkWatchRules } from '#security/sensitive/watch/rules.ts'
import { loadRules } from '#security/sigma/load.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import type { PromqlFeatures } from '#stores/metrics/promql/index.ts'
import { findRules, readConfig } from '../config.ts'
import { readRouting } from '../parts/routing.ts'
import type { Command } from './command.ts'

export const check: Command = {
  usage: 'guanlan check [--config FILE] [--json]',
  describe: 'Reads the configuration, every parser and every rule, runs their own samples, and names each problem',
  options: ['config'],
  run: async ({ options, json }) => {
    const given =
      typeof options['config'] === 'string' ? options['config'] : (process.env['GUANLAN_CONFIG'] ?? 'guanlan.yaml')
    const { value: config, problems } = readConfig(process.env, given)
    const routing = config && readRouting(config.alerts)
    const found: SourceProblem[] = [...problems, ...(routing?.problems ?? [])]
    const notes = (routing?.ignored ?? []).map((one) => ({
      ...{ file: config!.alerts.alertmanagerFile, line: one.line, cause: ignoredText(one), hint: '' },
    }))
    const checked: Record<string, number> = {}
    const parsers = checkParsers(findRules(config?.rules.parsers ?? 'rules/parsers'))
    const rules = checkEventRules(findRules(config?.rules.events.directory ?? 'rules/events'), (query) =>
      compileKql(query),
    )
    found.push(...parsers.problems, ...rules.problems)
    const definitions = checkDefinitions(findRules(config?.rules.kpi ?? 'rules/kpi'))
    found.push(...definitions.problems)
    checked['KPI definitions'] = definitions.files
    checked['KPI tests'] = definitions.tests
    checked['parsers'] = parsers.files
    checked['parser samples'] = parsers.samples
    checked['event rules'] = rules.files
    checked['rule tests'] = rules.tests
    const metric = await checkMetricRules(
      findRules(config?.rules.metrics.directory ?? 'rules/metrics'),
      config?.metrics.promql,
    )
    found.push(...metric.problems)
    let sigmaRules = 0
    for (const directory of config?.security.sigma.directories ?? ['rules/sigma']) {
      const sigma = await loadRules(findRules(directory), { placeholders: new Map(), license: '' })
      found.push(...sigma.problems)
      sigmaRules += sigma.rules.length + sigma.correlations.length
    }
    checked['metric rule files'] = metric.files
    checked['metric rule checks'] = metric.checks
    const incidents = checkRulebook({
      incidents: findRules(config?.incidents.rules ?? 'rules/incidents'),
      playbooks: findRules(config?.incidents.playbooks ?? 'rules/playbooks'),
    })
    found.push(...incidents.problems)
    checked['kinds of incidents'] = incidents.kinds
    checked['playbooks'] = incidents.playbooks
    const watch = checkWatchRules(findRules(config?.security.sensitive.rules ?? 'rules/dlp'))
    found.push(...watch.problems)
    checked['rules over sensitive data'] = watch.rules
    checked['Sigma rules'] = sigmaRules
    if (json) console.log(JSON.stringify({ checked, problems: found, notes }))
    else {
      for (const problem of found) console.log(formatProblem(problem))
      for (const note of notes) console.log(`note: ${formatProblem(note)}`)
      const counts = Object.entries(checked).map(([what, count]) => `${count} ${what}`)
      console.log(`${counts.join(', ')}: ${found.length === 0 ? 'all good' : `${found.length} problems`}`)
    }
    return found.length === 0 ? 0 : 1
  },
}

/** Prometheus's own files; `x_test.yml` are their unit tests. */
async function checkMetricRules(
  directory: string,
  promql: PromqlFeatures | undefined,
): Promise<{ files: number; checks: number; problems: SourceProblem[] }> {
  const names = readdirSync(directory).filter((name) => /\.ya?ml$/.test(name))
  const problems: SourceProblem[] = []
  let checks = 0
  for (const name of names) {
    const file = join(directory, name)
    if (/_test\.ya?ml$/.test(name)) {
      const result = await runUnitTests(file, promql)
      checks += result.checks
      problems.push(...result.failures.map((cause) => ({ file, line: 0, cause, hint: '' })))
    } else
      problems.push(
        ...readRuleFile(file, readFileSync(file, 'utf8'), { intervalMs: 60_000, ...(promql && { promql }) }).problems,
      )
  }
  return { files: names.filter((name) => !/_test\./.test(name)).length, checks, problems }
}
