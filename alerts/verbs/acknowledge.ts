import { writeAudit } from '#stores/state/audit.ts'
import type { Actor } from '#stores/state/state.ts'
import { writeHistory } from '../lifecycle/tables.ts'
import { authorize, changeAlert, cleanText, noteCharsMax, type VerbContext } from './context.ts'

/** Someone has seen it and takes care. Done twice it changes nothing: the first stays named. */
export async function acknowledge(context: VerbContext, actor: Actor, id: string, note = ''): Promise<void> {
  authorize(actor, 'acknowledge alerts')
  await changeAlert(context, id, async (tx, row, nowMs) => {
    if (row.acknowledgedMs !== null) return undefined
    const text = cleanText(note, noteCharsMax)
    await writeHistory(tx, [{ alertId: id, atMs: nowMs, kind: 'acknowledge', actor: actor.name, text }])
    await writeAudit(tx, actor, 'alert.acknowledge', id, { title: row.title, note: text })
    return { change: 'acknowledged', set: { acknowledgedBy: actor.name, acknowledgedMs: nowMs } }
  })
}
