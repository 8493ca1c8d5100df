// The acts of a case against one another and against the times of the case: in the order, and at the times, that the unit's own
// cases have. A case that was made up or moved has times that nobody lived through.
import type { CaseRecord } from '../contract.ts'
import { apart, judged, suspect } from './case-rules.ts'
import type { UnitRows } from './unit-rows.ts'

/** Longer procedures are looked at as far as this. */
const actsMax = 40
/** What so many of a unit's cases have in common is how its cases go. */
const usualMin = 0.8
const casesMin = 20
const msPerSecond = 1000

/** What is kept of the acts of a case: their names in order of time, each with the time of the case that it agrees with. */
export function actsOf({ steps, openedMs, acceptedMs, closedMs }: CaseRecord): string {
  // What is dated after the closing is a question of its own.
  const acts = steps.filter(({ atMs }) => closedMs === null || atMs <= closedMs)
  if (acts.length < 2) return ''
  const isAt = (atMs: number, ms: number | null): boolean => ms !== null && Math.abs(atMs - ms) < msPerSecond
  return acts
    .slice(0, actsMax)
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ name, atMs }) => `${isAt(atMs, openedMs) ? 'o' : ''}${isAt(atMs, acceptedMs) ? 'a' : ''}\u001f${name}`)
    .join('\u001e')
}

interface Act {
  name: string
  isAtOpening: boolean
  isAtAcceptance: boolean
}

/** Of a procedure in which an act comes twice nothing is said of that act. */
function parse(pattern: string): Act[] {
  const acts = pattern.split('\u001e').map((part): Act => {
    const [at = '', name = ''] = part.split('\u001f')
    return { name, isAtOpening: at.includes('o'), isAtAcceptance: at.includes('a') }
  })
  const often = Map.groupBy(acts, ({ name }) => name)
  return acts.filter(({ name }) => often.get(name)!.length === 1)
}

interface ActSigns {
  /** An act stands before one that it usually comes after. */
  isOutOfOrder: boolean
  /** An act that usually has the time of the opening or of the acceptance has another. */
  isElsewhere: boolean
}

/** @param patterns of each different pattern how many cases have it */
function actSigns(patterns: ReadonlyMap<string, number>): Map<string, ActSigns> {
  const orders = new Map<string, number>()
  const places = new Map<string, { cases: number; opening: number; acceptance: number }>()
  const parsed = [...patterns].map(([pattern, cases]) => ({ pattern, cases, acts: parse(pattern) }))
  for (const { acts, cases } of parsed)
    acts.forEach((act, i) => {
      const place = places.get(act.name) ?? { cases: 0, opening: 0, acceptance: 0 }
      places.set(act.name, place)
      place.cases += cases
      if (act.isAtOpening) place.opening += cases
      if (act.isAtAcceptance) place.acceptance += cases
      for (const later of acts.slice(i + 1)) {
        const order = `${act.name}\u001f${later.name}`
        orders.set(order, (orders.get(order) ?? 0) + cases)
      }
    })
  const isAgainstOrder = (first: Act, then: Act): boolean => {
    const [as, against] = [
      orders.get(`${first.name}\u001f${then.name}`) ?? 0,
      orders.get(`${then.name}\u001f${first.name}`) ?? 0,
    ]
    return as + against >= casesMin && against >= (as + against) * usualMin
  }
  const isUsual = (part: number, whole: number): boolean => whole >= casesMin && part >= whole * usualMin
  return new Map(
    parsed.map(({ pattern, acts }) => [
      pattern,
      {
        isOutOfOrder: acts.some((act, i) => acts.slice(i + 1).some((later) => isAgainstOrder(act, later))),
        isElsewhere: acts.some((act) => {
          const { cases, opening, acceptance } = places.get(act.name)!
          return (!act.isAtOpening && isUsual(opening, cases)) || (!act.isAtAcceptance && isUsual(acceptance, cases))
        }),
      },
    ]),
  )
}

/** An act before one that it usually comes after. */
export function actsOutOfOrder(rows: UnitRows): Uint8Array {
  return verdictsOf(rows, ({ isOutOfOrder }) => isOutOfOrder)
}

/** An act of the opening or acceptance that has another time. */
export function actsElsewhere(rows: UnitRows): Uint8Array {
  return verdictsOf(rows, ({ isElsewhere }) => isElsewhere)
}

function verdictsOf({ acts }: UnitRows, isMeant: (signs: ActSigns) => boolean): Uint8Array {
  const patterns = new Map<string, number>()
  for (const pattern of acts) if (pattern !== '') patterns.set(pattern, (patterns.get(pattern) ?? 0) + 1)
  const signs = actSigns(patterns)
  return Uint8Array.from(acts, (pattern) => (pattern === '' ? apart : isMeant(signs.get(pattern)!) ? suspect : judged))
}
