import { writeAudit } from '#stores/state/audit.ts'
import type { Actor } from '#stores/state/state.ts'
import { writeHistory } from '../lifecycle/tables.ts'
import { authorize, changeAlert, type VerbContext } from './context.ts'

/** Nobody takes care of it any more. */
export async function unacknowledge(context: VerbContext, actor: Actor, id: string): Promise<void> {
  authorize(actor, 'acknowledge alerts')
  await changeAlert(context, id, async (tx, row, nowMs) => {
    if (row.acknowledgedMs === null) return undefined
    await writeHistory(tx, [{ alertId: id, atMs: nowMs, kind: 'unacknowledge', actor: actor.name, text: '' }])
    await writeAudit(tx, actor, 'alert.unacknowledge', id, { title: row.title, by: row.acknowledgedBy ?? '' })
    return { change: 'unacknowledged', set: { acknowledgedBy: null, acknowledgedMs: null } }
  })
}
