import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import type { Actor } from '#stores/state/state.ts'
import { writeHistory } from '../lifecycle/tables.ts'
import { authorize, changeAlert, cleanText, noteCharsMax, type VerbContext } from './context.ts'

/** What a person wants the next one to know; part of the alert's history, never changed afterwards. */
export async function addNote(context: VerbContext, actor: Actor, id: string, note: string): Promise<void> {
  authorize(actor, 'add notes to alerts')
  const text = cleanText(note, noteCharsMax)
  if (text === '') throw new CodedError('body.invalid', { cause: 'the note is empty' })
  await changeAlert(context, id, async (tx, row, nowMs) => {
    await writeHistory(tx, [{ alertId: id, atMs: nowMs, kind: 'note', actor: actor.name, text }])
    await writeAudit(tx, actor, 'alert.note', id, { title: row.title })
    return { change: 'updated', set: {} }
  })
}
