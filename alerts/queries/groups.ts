// Open alerts by the groups in which people hear of them.
import type { Alert } from '../alert.ts'
import { placesOf } from '../group/membership.ts'
import type { Routing } from '../routing/alertmanager-file.ts'

export interface OpenGroup {
  receiver: string
  labels: Record<string, string>
  alertIds: string[]
}

/** @param direct the receivers that are told of single alerts */
export function openGroups(
  routing: Routing | undefined,
  open: Iterable<Alert>,
  direct: (alert: Alert) => string[],
): OpenGroup[] {
  const groups = new Map<string, OpenGroup>()
  const put = (key: string, receiver: string, labels: Record<string, string>, id: string): void => {
    const group = groups.get(key) ?? { receiver, labels, alertIds: [] }
    group.alertIds.push(id)
    groups.set(key, group)
  }
  for (const alert of open) {
    if (alert.state !== 'firing' && alert.state !== 'unknown') continue
    for (const { route, groupId, labels } of routing ? placesOf(routing.root, alert) : [])
      put(groupId, route.receiver, labels, alert.id)
    for (const receiver of direct(alert)) put(`${alert.id} ${receiver}`, receiver, alert.labels, alert.id)
  }
  return [...groups.values()]
}
