// Identities of events. A derived id is shaped like a ULID: 10 characters of time, 4 of a counter within the
// millisecond, 12 that tell this process from any other. Ids of one process sort in the order of arrival.
import { createHash } from 'node:crypto'
import type { Random } from '#core/random.ts'

export const idCharsMax = 128

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const counterMax = 32 ** 4

export type NextId = (nowMs: number) => string

export function createIds(random: Random): NextId {
  let instance = ''
  for (let i = 0; i < 12; i++) instance += alphabet[Math.floor(random.next() * 32)]
  let lastMs = -1
  let timeText = ''
  let counter = 0
  return (nowMs) => {
    // A clock that steps back must not make an id twice, nor break the order.
    if (nowMs > lastMs || counter >= counterMax) {
      lastMs = nowMs > lastMs ? nowMs : lastMs + 1
      timeText = base32(lastMs, 10)
      counter = 0
    }
    return timeText + base32(counter++, 4) + instance
  }
}

/** A given id as it may be stored: one that is too long is replaced by its digest, which stays the same at a replay. */
export function boundId(id: string): string {
  if (id.length <= idCharsMax && id.isWellFormed()) return id
  return createHash('sha256').update(id).digest('hex')
}

function base32(value: number, length: number): string {
  let rest = value
  let text = ''
  for (let i = 0; i < length; i++) {
    text = alphabet[rest % 32]! + text
    rest = Math.floor(rest / 32)
  }
  return text
}
