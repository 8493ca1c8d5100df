// Texts anywhere in a value, most of which is never looked at (Wu and Manber, 1994). Of each text a piece is chosen, all of
// one length; a window of that length moves along the value. The two chars at its end say how far it may move without
// passing over a piece:
//
//   texts  sekurlsa::  kerberos::ptt      window of nine
//   value  C:\Windows\System32\ntdll.dll+9d4c4|…
//          └───────┘ "ws" is in no piece: on by eight or nine, not by one
//
// Where it may not move, texts are compared. Of two pieces of a text the one is better that ends in a rarer pair of chars:
// paths begin alike and file names end alike. The automaton reads every char, this one in five or so; with many short
// texts it is the other way round, so `cheapestScanners` reckons both.
import { Automaton } from './automaton.ts'
import { type Pattern, Trie } from './trie.ts'

export interface Scanner {
  /** Tells each atom that holds, possibly more than once. */
  scan(text: string, found: (atom: number) => void): void
  readonly bytes: number
}

/** Chars beyond share a place with others: they are then moved over less far, never too far. */
const charBits = 7
const charMask = 2 ** charBits - 1
const windowMax = 32

/** How often two chars follow one another in what rules look for, which is much like what events hold. */
export class PairCounts {
  readonly #counts = new Uint32Array(2 ** (2 * charBits))

  add(text: string): void {
    for (let i = 1; i < text.length; i++) this.#counts[pairOf(text.charCodeAt(i - 1), text.charCodeAt(i))]!++
  }

  endingAt(text: string, end: number): number {
    return this.#counts[pairOf(text.charCodeAt(end - 1), text.charCodeAt(end))]!
  }
}

interface Piece {
  pattern: Pattern
  /** Where the window stands in the text. */
  from: number
}

/** How far the window moves, before anything larger is built. */
export class Moves {
  readonly window: number
  readonly table = new Uint8Array(2 ** (2 * charBits))
  readonly pieces: readonly Piece[]

  /** @param patterns each of two chars at least */
  constructor(patterns: readonly Pattern[], pairs: PairCounts) {
    let window = windowMax
    for (const { text } of patterns) window = Math.min(window, text.length)
    this.window = window
    this.pieces = patterns.map((pattern) => ({ pattern, from: rarest(pattern.text, window, pairs) }))
    // A pair that is in no piece may still have the first char of one as its second.
    this.table.fill(window)
    for (const first of new Set(this.pieces.map(({ pattern, from }) => pattern.text.charCodeAt(from))))
      for (let before = 0; before <= charMask; before++) this.table[pairOf(before, first)] = window - 1
    for (const { pattern, from } of this.pieces)
      for (let i = 1; i < window; i++) {
        const pair = pairOf(pattern.text.charCodeAt(from + i - 1), pattern.text.charCodeAt(from + i))
        this.table[pair] = Math.min(this.table[pair]!, window - 1 - i)
      }
  }

  /** What a char of a value costs, where pairs come as often as in the texts themselves. */
  cost(): number {
    let total = 0
    let move = 0
    let stays = 0
    for (const { pattern } of this.pieces)
      for (let i = 1; i < pattern.text.length; i++) {
        const by = this.table[pairOf(pattern.text.charCodeAt(i - 1), pattern.text.charCodeAt(i))]!
        move += Math.max(1, by)
        if (by === 0) stays++
        total++
      }
    return (costs.step * total + costs.stay * stays) / move
  }
}

export class Leap implements Scanner {
  readonly #window: number
  readonly #moves: Uint8Array
  readonly #pieces: readonly Piece[]
  /** From the window's first char to the end of the text. */
  readonly #trie: Trie

  constructor({ window, table, pieces }: Moves) {
    this.#window = window
    this.#moves = table
    this.#pieces = pieces
    this.#trie = new Trie(
      pieces.map(({ pattern, from }, atom) => ({ text: pattern.text.slice(from), op: 'starts', atom })),
      false,
    )
  }

  get bytes(): number {
    return this.#moves.byteLength + this.#trie.bytes
  }

  scan(text: string, found: (atom: number) => void): void {
    const { length } = text
    const window = this.#window
    if (length < window) return
    const moves = this.#moves
    for (let end = window - 1; end < length; ) {
      const move = moves[pairOf(text.charCodeAt(end - 1), text.charCodeAt(end))]!
      if (move > 0) {
        end += move
        continue
      }
      const at = end - window + 1
      this.#trie.scanFrom(text, at, (piece) => {
        const { pattern, from } = this.#pieces[piece]!
        if (from === 0 || (from <= at && text.startsWith(pattern.text, at - from))) found(pattern.atom)
      })
      end++
    }
  }
}

function pairOf(a: number, b: number): number {
  return ((a & charMask) << charBits) | (b & charMask)
}

function rarest(text: string, window: number, pairs: PairCounts): number {
  let best = 0
  for (let from = 1; from + window <= text.length; from++)
    if (pairs.endingAt(text, from + window - 1) < pairs.endingAt(text, best + window - 1)) best = from
  return best
}

/** In units of one step of the automaton; measured on recorded values. */
const costs = { step: 1.1, stay: 4 } as const
const lengthsTried = [2, 4, 6, 9] as const

/** Short texts by the automaton and long ones by leaps, all by one of them: whichever costs least. */
export function* cheapestScanners(patterns: readonly Pattern[], pairs: PairCounts): Generator<void, Scanner[]> {
  if (patterns.length === 0) return []
  let best: { cost: number; moves: Moves | undefined; short: readonly Pattern[] } = {
    ...{ cost: 1, moves: undefined, short: patterns },
  }
  let before = -1
  for (const length of lengthsTried) {
    const long = patterns.filter(({ text }) => text.length >= length)
    if (long.length === 0) break
    if (long.length === before) continue
    before = long.length
    const short = patterns.filter(({ text }) => text.length < length)
    const moves = new Moves(long, pairs)
    const cost = moves.cost() + (short.length > 0 ? 1 : 0)
    if (cost < best.cost) best = { cost, moves, short }
    yield
  }
  const scanners: Scanner[] = []
  if (best.moves) scanners.push(new Leap(best.moves))
  yield
  if (best.short.length > 0) scanners.push(new Automaton(best.short))
  return scanners
}
