import { CodedError } from '#core/errors.ts'
import { cleanText } from '../../verbs/context.ts'
import { changeIncident, type Hand, type IncidentContext } from '../change.ts'

const snoozeMaxMs = 7 * 86_400_000
const reasonMax = 2000

/** Out of the queue until then, with a reason; the hours of a duty to report run on. 0 ends it. */
export async function snoozeIncident(
  context: IncidentContext,
  hand: Hand,
  id: string,
  untilMs: number,
  reason: string,
): Promise<void> {
  return changeIncident(context, hand, id, async (_tx, row, nowMs) => {
    if (untilMs === 0)
      return row.snoozedUntilMs === null ? undefined : { set: { snoozedUntilMs: null }, entries: [{ kind: 'wake' }] }
    const text = cleanText(reason, reasonMax)
    if (text === '' || untilMs <= nowMs || untilMs > nowMs + snoozeMaxMs)
      throw new CodedError('incident.invalid', {
        cause: text === '' ? 'setting it aside needs a reason' : 'it can be set aside for up to seven days',
        hint: 'Say what you wait for, and until when.',
      })
    return { set: { snoozedUntilMs: untilMs }, entries: [{ kind: 'snooze', text, detail: { untilMs } }] }
  })
}
