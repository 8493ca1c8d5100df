// Metric rules at work: what they read, what they write, and how far the data has come.

import type { Registry } from 'prom-client'
import { createMetricRules, type MetricRules, type MetricRulesConfig } from '#analytics/metric-rules/index.ts'
import type { Clock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'
import type { Pipeline } from '#pipeline/pipeline.ts'
import type { PromqlFeatures } from '#stores/metrics/promql/index.ts'
import type { MetricStore } from '#stores/metrics/store.ts'

export interface MetricRulesPartDeps {
  clock: Clock
  logger: Logger
  metrics: MetricStore
  promql: PromqlFeatures
  pipeline: Pipeline
  registry: Registry
  externalUrl: string
  /** Records of samples that wait in the log. */
  behind(): number
  onFinding(finding: Finding): void | Promise<void>
}

export function createMetricRulesPart(config: MetricRulesConfig, deps: MetricRulesPartDeps): MetricRules {
  const { clock, logger, metrics, pipeline, promql, registry, externalUrl, behind, onFinding } = deps
  const tell = (problems: readonly SourceProblem[]): void => {
    for (const problem of problems)
      logger.warn({ problem: formatProblem(problem) }, 'a metric rule file is wrong; what it was stays in force')
  }
  const rules = createMetricRules(config, {
    ...{ clock, store: metrics, promql, onFinding, externalUrl, metrics: registry },
    // While samples wait in the log, only what has been applied counts.
    watermarkMs: async () =>
      behind() === 0 ? clock.nowMs() : Math.min(clock.nowMs(), (await metrics.stats()).newestMs ?? 0),
    writeSamples: (samples, group) => pipeline.samples(samples, [], { receiver: 'metric-rules', source: group }),
  })
  tell(rules.problems)
  rules.watch(tell)
  return rules
}
