// Where a page of a search ended: the time and id of its last event.
import { CodedError } from '#core/errors.ts'

export interface Place {
  ms: number
  id: string
}

export function writeCursor({ ms, id }: Place): string {
  return Buffer.from(JSON.stringify([ms, id])).toString('base64url')
}

/** @throws CodedError `query.invalid` */
export function readCursor(text: string): Place {
  try {
    const [ms, id] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as [unknown, unknown]
    if (typeof ms === 'number' && Number.isSafeInteger(ms) && typeof id === 'string') return { ms, id }
  } catch {
    // Told below.
  }
  throw new CodedError('query.invalid', {
    cause: 'The page marker is not one of ours',
    position: 0,
    hint: 'Begin again without "after".',
  })
}
