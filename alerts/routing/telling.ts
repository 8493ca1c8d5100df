// Who is told of what, worked out once: the receivers of the configuration and, where there is one, the tree of an
// Alertmanager file. Another file makes another one of these; nothing in it changes.
import type { AlertingConfig } from '../config.ts'
import { createInhibitor, type Inhibitor } from '../mute/inhibit.ts'
import type { AlertReceiverConfig } from '../notify/config.ts'
import { createRouter, type Router } from '../notify/route.ts'
import type { Routing } from './alertmanager-file.ts'
import { integrate } from './integrations.ts'

export interface Telling {
  routing: Routing | undefined
  /** Those behind the names of the tree. */
  routed: ReadonlyMap<string, readonly AlertReceiverConfig[]>
  /** Told of single alerts, by what they say themselves. */
  direct: readonly AlertReceiverConfig[]
  /** All of them, each once. */
  told: readonly AlertReceiverConfig[]
  takers: Router
  inhibitor: Inhibitor
}

export function tellingOf(config: AlertingConfig, routing: Routing | undefined): Telling {
  const { routed, direct } = integrate(routing, config.receivers, {
    file: config.alertmanagerFile,
    allowPrivate: config.alertmanagerAllowPrivate,
  })
  return {
    ...{ routing, routed, direct },
    told: [...new Set([...direct, ...[...routed.values()].flat()])],
    takers: createRouter(direct),
    inhibitor: createInhibitor([...config.inhibitRules, ...(routing?.inhibitRules ?? [])]),
  }
}
