import { and, eq } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { users } from '#stores/state/schema/people.ts'
import type { Transaction } from '#stores/state/state.ts'
import { changeIncident, type Hand, type IncidentContext } from '../change.ts'

/** Who answers for it; null gives it back to the queue. */
export async function assignIncident(
  context: IncidentContext,
  hand: Hand,
  id: string,
  owner: string | null,
): Promise<void> {
  return changeIncident(context, hand, id, async (tx, row) => {
    if (owner === row.owner) return undefined
    if (owner !== null && owner !== hand.actor.name) await mustBePerson(tx, owner)
    return {
      set: { owner, snoozedUntilMs: null },
      entries: [{ kind: 'owner', text: owner ?? '', detail: { before: row.owner } }],
    }
  })
}

const peopleMax = 50

/** Who works on it beside the owner. */
export async function setPeople(
  context: IncidentContext,
  hand: Hand,
  id: string,
  people: readonly string[],
): Promise<void> {
  return changeIncident(context, hand, id, async (tx, row) => {
    const wanted = [...new Set(people)].slice(0, peopleMax)
    for (const name of wanted) if (!row.people.includes(name)) await mustBePerson(tx, name)
    return {
      set: { people: wanted },
      entries: [{ kind: 'people', text: wanted.join(', '), detail: { before: row.people } }],
    }
  })
}

export async function mustBePerson(tx: Transaction, name: string): Promise<void> {
  const found = await tx
    .select({ name: users.name })
    .from(users)
    .where(and(eq(users.name, name), eq(users.disabled, false)))
  if (found.length === 0)
    throw new CodedError('incident.invalid', {
      cause: `nobody here is called ${name.slice(0, 100)}`,
      hint: 'Name a person as they sign in.',
    })
}
