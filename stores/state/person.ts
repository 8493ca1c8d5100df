// Where two people are asked for, it must be two people: a token counts as whoever it was made for, and one that is nobody's
// stands for nobody.
import { CodedError } from '#core/errors.ts'
import type { Actor } from './state.ts'

/** @throws CodedError `auth.nobody` for a token that belongs to no one */
export function personOf(actor: Actor): string {
  if (actor.kind !== 'token') return actor.name
  if (actor.person === undefined) throw new CodedError('auth.nobody', { name: actor.name })
  return actor.person
}
