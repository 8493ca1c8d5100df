// Facts that are a state (items, systems, resources, …) in the cubes that count them: which are held, and which come and go
// when a publication, a day of validity or another year makes them others.
import { createPace } from '#core/pace.ts'
import { withLimits } from '../cases/item-fields.ts'
import { factsInForce, unchangedAround } from '../catalogue/in-force.ts'
import type { Fact } from '../contract.ts'
import type { Cube } from '../engine/cube.ts'
import type { Calendar } from '../time/calendar.ts'

/** What limits are converted by. */
export interface Conversion {
  calendar: Calendar
  year: number
}

export interface StateFacts {
  /**
   * Moves the cube from what it holds to what is in force now. A whole catalogue is counted into a cube of its own, while
   * the old one answers and others have their turn.
   * @returns the cube that answers from now on
   */
  update(cube: Cube, facts: readonly Fact[], atMs: number, conversion: Conversion, emptyCube: () => Cube): Promise<Cube>
  /** Whether an update would change nothing. */
  isCurrent(facts: readonly Fact[], atMs: number, conversion: Conversion): boolean
}

/** Rows that are moved in one turn. */
const movedAtOnceMax = 500

/** @param readsLimits whether anything is asked of limits in days */
export function createStateFacts(kind: Fact['kind'], readsLimits: boolean): StateFacts {
  let held: ReadonlyMap<string, Fact> = new Map()
  let by: Conversion | undefined
  /** Between these times nothing of them begins or ends. */
  let [fromMs, untilMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let of: readonly Fact[] | undefined
  const isSameBy = ({ calendar, year }: Conversion): boolean =>
    by !== undefined && by.year === year && by.calendar.version === calendar.version
  const seen = (fact: Fact, { calendar, year }: Conversion): Fact['fields'] => {
    const { fields } = withCity(fact)
    return readsLimits ? withLimits(fields, calendar, year) : fields
  }
  return {
    update: async (cube, facts, atMs, conversion, emptyCube) => {
      const list = await factsInForce(facts, kind, { validMs: atMs, knownMs: atMs })
      const pace = createPace()
      const now = new Map<string, Fact>()
      const gone: Fact[] = []
      const come: Fact[] = []
      const same = isSameBy(conversion) || !readsLimits
      for (const fact of list) {
        await pace(true)
        now.set(fact.id, fact)
        const before = held.get(fact.id)
        if (same && before && isSame(before, fact)) continue
        come.push(fact)
        if (before) gone.push(before)
      }
      for (const [id, fact] of held) {
        await pace(true)
        if (!now.has(id)) gone.push(fact)
      }
      const isLittle = come.length + gone.length <= movedAtOnceMax
      const made = isLittle ? cube : emptyCube()
      if (isLittle) {
        for (const fact of gone) made.addFact(seen(fact, by ?? conversion), -1)
        for (const fact of come) made.addFact(seen(fact, conversion), 1)
      } else
        for (const fact of list) {
          await pace(true)
          made.addFact(seen(fact, conversion), 1)
        }
      held = now
      by = conversion
      of = facts
      ;[fromMs, untilMs] = unchangedAround(facts, kind, atMs)
      return made
    },
    isCurrent: (facts, atMs, conversion) =>
      facts === of && atMs >= fromMs && atMs < untilMs && (isSameBy(conversion) || !readsLimits),
  }
}

/** Published rows never change: the same version of the same span is the same row. */
function isSame(one: Fact, other: Fact): boolean {
  return one.version === other.version && one.validFromMs === other.validFromMs && one.validToMs === other.validToMs
}

/** Cities are the first four digits of a region's code, for the catalogue as for cases. */
export function withCity(fact: Fact): Fact {
  return { ...fact, fields: { ...fact.fields, city: String(fact.fields['region'] ?? '').slice(0, 4) } }
}
