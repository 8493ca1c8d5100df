import { CodedError } from '#core/errors.ts'
import { cleanText, noteCharsMax } from '../../verbs/context.ts'
import { changeIncident, type Hand, type IncidentContext } from '../change.ts'

/** What a person wants the others to know; never changed afterwards. */
export async function noteIncident(context: IncidentContext, { actor }: Hand, id: string, note: string): Promise<void> {
  const text = cleanText(note, noteCharsMax)
  if (text === '') throw new CodedError('body.invalid', { cause: 'the note is empty' })
  return changeIncident(context, { actor }, id, async () => ({ entries: [{ kind: 'note', text }] }))
}
