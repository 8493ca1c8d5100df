// Behaviour of accounts and hosts joined to the log and the alerts. At its first start it learns from what the log holds.
import { join } from 'node:path'
import type { Registry } from 'prom-client'
import type { Entity } from '#core/entity.ts'
import type { Consumer } from '#pipeline/log/consumer.ts'
import type { BehaviourConfig } from '#security/behaviour/config.ts'
import { type BehaviourWatch, createBehaviour } from '#security/behaviour/service.ts'
import { StatefulConsumer, type StatefulConsumerDeps } from './stateful-consumer.ts'

export interface BehaviourPart {
  behaviour: BehaviourWatch
  /** None while it is off. */
  consumers: Consumer[]
}

export function createBehaviourPart(
  config: BehaviourConfig,
  deps: StatefulConsumerDeps & {
    directory: string
    metrics: Registry
    inventory: { find(name: string): Pick<Entity, 'department'> | undefined }
  },
): BehaviourPart {
  const behaviour = createBehaviour(config, {
    metrics: deps.metrics,
    departmentOf: (name) => deps.inventory.find(name)?.department ?? '',
  })
  if (!config.enabled) return { behaviour, consumers: [] }
  const path = join(deps.directory, 'behaviour.jsonl')
  return { behaviour, consumers: [new StatefulConsumer({ name: 'behaviour', path, from: 'first' }, behaviour, deps)] }
}
