// The learned classifiers joined to the log and the alerts.
import { join } from 'node:path'
import type { Registry } from 'prom-client'
import type { Finding } from '#core/finding.ts'
import type { Consumer } from '#pipeline/log/consumer.ts'
import type { LearnConfig } from '#security/learn/config.ts'
import { isContext } from '#security/learn/finding.ts'
import { createLearnedModels, type LearnedModels } from '#security/learn/service.ts'
import { StatefulConsumer, type StatefulConsumerDeps } from './stateful-consumer.ts'

export interface LearnPart {
  models: LearnedModels
  /** None while every model is off. */
  consumers: Consumer[]
}

export function createLearnPart(
  config: LearnConfig,
  deps: StatefulConsumerDeps & {
    directory: string
    metrics: Registry
    /** What is no alert by itself. */
    onContext(findings: readonly Finding[]): void
  },
): LearnPart {
  const models = createLearnedModels(config, deps)
  if (models.isIdle) return { models, consumers: [] }
  const alerting: StatefulConsumerDeps['alerting'] = {
    submit: async (findings) => {
      const alerts = findings.filter((one) => !isContext(one))
      if (alerts.length > 0) await deps.alerting.submit(alerts)
      deps.onContext(findings.filter(isContext))
    },
  }
  const path = join(deps.directory, 'models.jsonl')
  return {
    models,
    consumers: [new StatefulConsumer({ name: 'models', path, from: 'told' }, models, { ...deps, alerting })],
  }
}
