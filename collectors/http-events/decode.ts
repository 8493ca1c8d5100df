// Objects as senders write them: flat or nested ECS, a time in any usual form.
import type { RawEvent } from '#core/event.ts'
import { isTooDeep } from '../body.ts'

export type LineReason = 'json' | 'not-an-object' | 'too-deep' | 'line-too-long'

export const lineCharsMax = 1024 * 1024

/** One line of NDJSON. */
export function decodeLine(line: string): RawEvent | LineReason {
  if (line.length > lineCharsMax) return 'line-too-long'
  if (isTooDeep(line)) return 'too-deep'
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'json'
  }
  return decodeObject(value)
}

export function decodeObject(value: unknown): RawEvent | LineReason {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not-an-object'
  const fields = value as Record<string, unknown>
  const event: RawEvent = { fields }
  // Nested or flat: the sender's own identity makes a repeated batch harmless.
  const id = fields['event.id'] ?? (fields['event'] as { id?: unknown } | null | undefined)?.id
  if (typeof id === 'string' && id !== '') event.id = id
  const original = fields['event.original'] ?? (fields['event'] as { original?: unknown } | null | undefined)?.original
  if (typeof original === 'string') event.original = original
  return event
}
