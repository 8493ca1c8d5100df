// What the rules of a group ask, each question once however many rules ask it.
import ipaddr from 'ipaddr.js'
import { compileRegex } from '#core/regex.ts'
import { any, type Comparison, type PatternPart, type Test, type TextOp, type TimePart } from '../1-parse/ast.ts'
import { matchesGlob } from '../1-parse/pattern.ts'

/** Answered by the automaton of its field while the event is read. */
export interface TextAtom {
  kind: 'text'
  id: number
  /** null: looked for in every value. */
  field: string | null
  op: TextOp
  text: string
  cased: boolean
  /** How many rules ask it: a rough measure of how often it holds. */
  uses: number
}

/** Answered when a rule asks, and remembered for the event. */
export interface LazyAtom {
  kind: 'lazy'
  id: number
  field: string | null
  /** One value as text; undefined when the field is absent or null. */
  holds(value: string | undefined, ask: Ask): boolean
  /** Absent fields are asked too; lists are asked as a whole. */
  whole: boolean
  /** A text without which it cannot hold. */
  needs: TextAtom | undefined
  cost: number
}

export interface Ask {
  /** The values of another field of the event. */
  valuesOf(field: string): readonly string[]
  isPresent(field: string): boolean
  isNull(field: string): boolean
}

export type Atom = TextAtom | LazyAtom

export class Atoms {
  readonly all: Atom[] = []
  readonly #byKey = new Map<string, Atom>()

  of(field: string | null, test: Test): Atom {
    const key = `${field ?? '\u0001'}\u0000${keyOf(test)}`
    let atom = this.#byKey.get(key)
    if (!atom) {
      atom = this.#make(field, test)
      this.#byKey.set(key, atom)
    }
    if (atom.kind === 'text') atom.uses++
    return atom
  }

  #make(field: string | null, test: Test): Atom {
    // The automaton finds something, not nothing.
    if (test.kind === 'text' && test.text !== '') {
      const { op, text, cased } = test
      const atom: TextAtom = { kind: 'text', id: this.all.length, field, op, text, cased, uses: 0 }
      this.all.push(atom)
      return atom
    }
    // What it needs first, so that its id is its place in the list.
    const needs = test.kind === 'glob' ? this.#longestPiece(field, test.parts, test.cased) : undefined
    const atom: LazyAtom = { kind: 'lazy', id: this.all.length, field, needs, ...lazyOf(test, field) }
    this.all.push(atom)
    return atom
  }

  #longestPiece(field: string | null, parts: readonly PatternPart[], cased: boolean): TextAtom | undefined {
    const pieces = parts.filter((part) => typeof part === 'string').sort((a, b) => b.length - a.length)
    if (!pieces[0]) return undefined
    return this.of(field, { kind: 'text', op: 'contains', text: pieces[0], cased }) as TextAtom
  }
}

function keyOf(test: Test): string {
  if (test.kind !== 'glob') return JSON.stringify(test)
  return `glob ${test.cased} ${test.parts.map((part) => (typeof part === 'string' ? JSON.stringify(part) : String(part))).join('')}`
}

function lazyOf(test: Test, field: string | null): Pick<LazyAtom, 'holds' | 'whole' | 'cost'> {
  const one = (
    cost: number,
    holds: (value: string, ask: Ask) => boolean,
  ): Pick<LazyAtom, 'holds' | 'whole' | 'cost'> => ({
    ...{ cost, whole: false },
    holds: (value, ask) => value !== undefined && holds(value, ask),
  })
  switch (test.kind) {
    case 'text':
      return one(1, (value) => value === '')
    case 'glob': {
      const { parts, cased } = test
      if (parts.length === 1 && parts[0] === any) return one(1, () => true)
      return one(3, (value) => matchesGlob(parts, cased ? value : value.toLowerCase()))
    }
    case 'regex': {
      const { source, ...options } = test
      const regex = compileRegex(source, options)
      return one(10, (value) => regex.test(value))
    }
    case 'cidr': {
      const [network, bits] = ipaddr.parseCIDR(test.network)
      return one(5, (value) => {
        if (!ipaddr.isValid(value)) return false
        const address = ipaddr.process(value)
        return address.kind() === network.kind() && address.match(network as never, bits)
      })
    }
    case 'compare': {
      const { comparison, number } = test
      return one(2, (value) => value.trim() !== '' && compare(Number(value), comparison, number))
    }
    case 'time': {
      const { part, comparison, number } = test
      return one(4, (value) => compare(timePartOf(value, part), comparison, number))
    }
    case 'null':
      return {
        ...{ cost: 1, whole: true },
        holds: (_, ask) => field !== null && (!ask.isPresent(field) || ask.isNull(field)),
      }
    case 'exists': {
      const { present } = test
      return { cost: 1, whole: true, holds: (_, ask) => field !== null && ask.isPresent(field) === present }
    }
    case 'field': {
      const { field: other, op, cased } = test
      const fold = (text: string): string => (cased ? text : text.toLowerCase())
      // Both must be there: nothing is not equal to nothing.
      return one(4, (value, ask) => ask.valuesOf(other).some((text) => textHolds(fold(value), op, fold(text))))
    }
    case 'never':
      return { cost: 0, whole: true, holds: () => false }
  }
}

function textHolds(value: string, op: TextOp, text: string): boolean {
  switch (op) {
    case 'equals':
      return value === text
    case 'contains':
      return value.includes(text)
    case 'starts':
      return value.startsWith(text)
    case 'ends':
      return value.endsWith(text)
  }
}

export function compare(value: number, comparison: Comparison, number: number): boolean {
  switch (comparison) {
    case 'eq':
      return value === number
    case 'neq':
      return value !== number
    case 'lt':
      return value < number
    case 'lte':
      return value <= number
    case 'gt':
      return value > number
    case 'gte':
      return value >= number
  }
}

/** As it stands in the text: the specification asks for no conversion of time zones. NaN when it is no time. */
export function timePartOf(value: string, part: TimePart): number {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?/.exec(value)
  if (!match) {
    const ms = /^\d{12,14}$/.test(value) ? Number(value) : Number.NaN
    return Number.isNaN(ms) ? ms : timePartOf(new Date(ms).toISOString(), part)
  }
  const [year, month, day, hour, minute] = match.slice(1).map(Number) as [number, number, number, number, number]
  switch (part) {
    case 'year':
      return year
    case 'month':
      return month
    case 'day':
      return day
    case 'hour':
      return hour
    case 'minute':
      return minute
    case 'week':
      return isoWeek(Date.UTC(year, month - 1, day))
  }
}

/** ISO 8601: the week that holds the year's first Thursday is the first. */
function isoWeek(dayMs: number): number {
  const day = new Date(dayMs)
  const thursday = new Date(dayMs + (4 - (day.getUTCDay() || 7)) * 86_400_000)
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1)
  return Math.ceil(((thursday.getTime() - first) / 86_400_000 + 1) / 7)
}
