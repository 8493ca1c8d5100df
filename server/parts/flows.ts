// What connections are usual, joined to the log and the alerts. At its first start it learns from what the log holds.
import { join } from 'node:path'
import type { Registry } from 'prom-client'
import type { Entity } from '#core/entity.ts'
import type { Consumer } from '#pipeline/log/consumer.ts'
import type { FlowsConfig } from '#security/flows/config.ts'
import { createFlows, type FlowWatch } from '#security/flows/service.ts'
import { StatefulConsumer, type StatefulConsumerDeps } from './stateful-consumer.ts'

export interface FlowsPart {
  flows: FlowWatch
  /** None while it is off. */
  consumers: Consumer[]
}

export function createFlowsPart(
  config: FlowsConfig,
  deps: StatefulConsumerDeps & {
    directory: string
    metrics: Registry
    inventory: { find(name: string): Pick<Entity, 'id' | 'name'> | undefined }
  },
): FlowsPart {
  const flows = createFlows(config, { metrics: deps.metrics, entityOf: (address) => deps.inventory.find(address) })
  if (!config.enabled) return { flows, consumers: [] }
  const path = join(deps.directory, 'flows.jsonl')
  return { flows, consumers: [new StatefulConsumer({ name: 'flows', path, from: 'first' }, flows, deps)] }
}
