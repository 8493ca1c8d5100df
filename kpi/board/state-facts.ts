// Facts that are a state (items, systems, resources, …) in the cubes that count them: which are held, and which come and go
// when a publication, a day of validity or another year makes them others.
import { withLimits } from '../cases/item-fields.ts'
import type { Fact } from '../contract.ts'
import { currentFacts } from '../engine/compute.ts'
import type { Cube } from '../engine/cube.ts'
import type { Calendar } from '../time/calendar.ts'

/** What limits are converted by. */
export interface Conversion {
  calendar: Calendar
  year: number
}

export interface StateFacts {
  /** Moves the cube from what it holds to what is in force now. */
  update(cube: Cube, facts: readonly Fact[], atMs: number, conversion: Conversion): void
  /** Whether an update would change nothing. */
  isCurrent(facts: readonly Fact[], atMs: number, conversion: Conversion): boolean
}

export function createStateFacts(kind: Fact['kind']): StateFacts {
  let held = new Map<string, Fact>()
  let by: Conversion | undefined
  /** Between these times nothing of them begins or ends. */
  let [atLeastMs, nextMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let from: readonly Fact[] | undefined
  const isSameBy = ({ calendar, year }: Conversion): boolean =>
    by !== undefined && by.year === year && by.calendar.version === calendar.version
  const seen = (fact: Fact, { calendar, year }: Conversion): Fact['fields'] => {
    const { fields } = withCity(fact)
    return kind === 'item' ? withLimits(fields, calendar, year) : fields
  }
  return {
    update: (cube, facts, atMs, conversion) => {
      const now = new Map(currentFacts(facts, kind, atMs, atMs).map((fact) => [fact.id, fact]))
      const same = isSameBy(conversion)
      const stays = (one: Fact | undefined, other: Fact | undefined): boolean =>
        same && one !== undefined && other !== undefined && isSame(one, other)
      for (const [id, fact] of held) if (!stays(fact, now.get(id))) cube.addFact(seen(fact, by!), -1)
      for (const [id, fact] of now) if (!stays(held.get(id), fact)) cube.addFact(seen(fact, conversion), 1)
      held = now
      by = conversion
      from = facts
      atLeastMs = atMs
      nextMs = nextChange(facts, kind, atMs)
    },
    isCurrent: (facts, atMs, conversion) =>
      facts === from && atMs < nextMs && atMs >= atLeastMs && isSameBy(conversion),
  }
}

/** Published rows never change: the same version of the same span is the same row. */
function isSame(one: Fact, other: Fact): boolean {
  return one.version === other.version && one.validFromMs === other.validFromMs && one.validToMs === other.validToMs
}

function nextChange(facts: readonly Fact[], kind: Fact['kind'], atMs: number): number {
  let next = Number.POSITIVE_INFINITY
  for (const fact of facts) {
    if (fact.kind !== kind) continue
    for (const ms of [fact.validFromMs, fact.validToMs, fact.knownMs])
      if (ms !== null && ms > atMs && ms < next) next = ms
  }
  return next
}

/** Cities are the first four digits of a region's code, for the catalogue as for cases. */
export function withCity(fact: Fact): Fact {
  return { ...fact, fields: { ...fact.fields, city: String(fact.fields['region'] ?? '').slice(0, 4) } }
}
