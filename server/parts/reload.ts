// Everything that lies in files of its own and can change while the observatory runs, read again at once.

import type { LiveRulebook } from '#alerts/incidents/rulebook/live-rulebook.ts'
import type { EventRules } from '#analytics/event-rules/index.ts'
import type { MetricRules } from '#analytics/metric-rules/index.ts'
import type { Logger } from '#core/logger.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'
import type { ParserSet } from '#pipeline/parse/parser-set.ts'
import type { LiveWatchRules } from '#security/sensitive/watch/live-rules.ts'
import type { Sigma } from '#security/sigma/service.ts'
import type { RoutingPart } from './routing.ts'
import type { SecurityRules } from './security-rules.ts'

/** @returns what is wrong; what cannot be read leaves in force what was there */
export type Reload = () => Promise<SourceProblem[]>

export function createReload(parts: {
  parsers: Pick<ParserSet, 'reload'>
  rules: Pick<EventRules, 'reload'>
  metricRules: Pick<MetricRules, 'reload'>
  /** Undefined: Sigma is switched off. */
  sigma: Pick<Sigma, 'reload' | 'problems'> | undefined
  rulebook: Pick<LiveRulebook, 'reload'>
  securityRules: Pick<SecurityRules, 'reload'>
  routing: Pick<RoutingPart, 'reload'>
  sensitive: Pick<LiveWatchRules, 'reload'>
  logger: Logger
}): Reload {
  const { parsers, rules, metricRules, sigma, rulebook, securityRules, routing, sensitive, logger } = parts
  return async () => {
    const problems = [
      ...parsers.reload(),
      ...(await rules.reload()),
      ...metricRules.reload(),
      ...rulebook.reload(),
      ...securityRules.reload(),
      ...sensitive.reload(),
    ]
    for (const problem of problems)
      logger.warn({ problem: formatProblem(problem) }, 'a file is wrong; what it was stays in force')
    await sigma?.reload()
    return [...problems, ...(sigma?.problems() ?? []), ...(await routing.reload())]
  }
}
