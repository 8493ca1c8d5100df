// What stands behind the names of the routing tree: receivers of ours with the same name, and webhooks of the file.
import type { SourceProblem } from '#core/yaml-source.ts'
import { type AlertReceiverConfig, type ReceiverConfig, receiverSchema } from '../notify/config.ts'
import { type FileReceiver, type FileWebhook, type Routing, routedReceivers } from './alertmanager-file.ts'

export interface Integrations {
  /** Those that the tree tells, by the name there. */
  routed: ReadonlyMap<string, readonly AlertReceiverConfig[]>
  /** Those that it does not name: told of single alerts by what they say themselves. */
  direct: AlertReceiverConfig[]
  problems: SourceProblem[]
}

export function integrate(
  routing: Routing | undefined,
  receivers: readonly ReceiverConfig[],
  { file, allowPrivate }: { file: string; allowPrivate: boolean },
): Integrations {
  const told = receivers.filter((one): one is AlertReceiverConfig => one.kind !== 'heartbeat')
  if (!routing) return { routed: new Map(), direct: told, problems: [] }
  const named = routedReceivers(routing)
  const routed = new Map<string, AlertReceiverConfig[]>()
  const problems: SourceProblem[] = []
  for (const receiver of routing.receivers) {
    const ours = told.filter(({ name }) => name === receiver.name)
    const webhooks = receiver.webhooks.map((webhook, at) => imported(receiver, webhook, at, allowPrivate))
    routed.set(receiver.name, [...ours, ...webhooks])
    if (receiver.others.length > 0 && ours.length === 0 && named.has(receiver.name))
      problems.push({
        ...{ file, line: receiver.line },
        cause: `receiver "${receiver.name}" has ${receiver.others.join(', ')}, of which only webhook_configs are taken from this file`,
        hint: `Give a receiver called "${receiver.name}" under alerts.receivers of guanlan.yaml.`,
      })
  }
  return { routed, direct: told.filter(({ name }) => !routed.has(name)), problems }
}

function imported(
  { name }: FileReceiver,
  webhook: FileWebhook,
  at: number,
  allowPrivate: boolean,
): AlertReceiverConfig {
  const { url, send_resolved: sendResolved, max_alerts: alertsMax, http_config: http } = webhook
  const { authorization, basic_auth: basic, bearer_token: bearer } = http
  const parsed = receiverSchema.parse({
    ...{ kind: 'webhook', name: 'imported', format: 'alertmanager', url, sendResolved, allowPrivate },
    alertsMax: Math.min(alertsMax, 1000),
    authorization: authorization
      ? `${authorization.type} ${authorization.credentials}`
      : basic
        ? `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`
        : bearer
          ? `Bearer ${bearer}`
          : '',
  })
  // As Alertmanager numbers them; no name of ours has a slash.
  return { ...parsed, name: `${name}/webhook[${at}]` } as AlertReceiverConfig
}
