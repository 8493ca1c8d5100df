// Texts that must begin or end a value: followed from that side until no text goes on that way, mostly a few steps.
import type { TextOp } from '../1-parse/ast.ts'

export interface Pattern {
  /** Not empty. */
  text: string
  op: TextOp
  atom: number
}

export class Trie {
  readonly #fromEnd: boolean
  readonly #columns: Uint16Array
  readonly #width: number
  readonly #edges: Edges
  /** Where the first char leads, by its column; 0 nowhere: most walks end there. */
  readonly #first: Int32Array
  /** By state: atoms of texts that end there; those that must be the whole value apart. */
  readonly #parts: (Int32Array | undefined)[] = []
  readonly #wholes: (Int32Array | undefined)[] = []

  /** @param fromEnd for `ends`; else for `starts` and `equals` */
  constructor(patterns: readonly Pattern[], fromEnd: boolean) {
    this.#fromEnd = fromEnd
    let width = 1
    let chars = 0
    let codeMax = 127
    for (const { text } of patterns) {
      chars += text.length
      for (let i = 0; i < text.length; i++) codeMax = Math.max(codeMax, text.charCodeAt(i))
    }
    this.#columns = new Uint16Array(codeMax + 1)
    for (const { text } of patterns)
      for (let i = 0; i < text.length; i++)
        if (this.#columns[text.charCodeAt(i)] === 0) this.#columns[text.charCodeAt(i)] = width++
    this.#width = width
    this.#edges = new Edges(chars)
    this.#first = new Int32Array(width)
    let states = 1
    for (const { text, op, atom } of patterns) {
      let state = 0
      for (let i = 0; i < text.length; i++) {
        const key = state * width + this.#columns[text.charCodeAt(fromEnd ? text.length - 1 - i : i)]!
        let to = this.#edges.get(key)
        if (to < 0) {
          to = states++
          this.#edges.set(key, to)
          if (state === 0) this.#first[key] = to
        }
        state = to
      }
      const list = op === 'equals' ? this.#wholes : this.#parts
      list[state] = Int32Array.from([...(list[state] ?? []), atom])
    }
  }

  get bytes(): number {
    return this.#columns.byteLength + this.#first.byteLength + this.#edges.bytes
  }

  scan(text: string, found: (atom: number) => void): void {
    this.scanFrom(text, 0, found)
  }

  /** @param from chars from the side it begins at that are passed over */
  scanFrom(text: string, from: number, found: (atom: number) => void): void {
    const { length } = text
    const codeMax = this.#columns.length - 1
    let state = 0
    for (let i = from; i < length; i++) {
      const code = text.charCodeAt(this.#fromEnd ? length - 1 - i : i)
      const column = code <= codeMax ? this.#columns[code]! : 0
      if (column === 0) return
      if (state === 0) {
        state = this.#first[column]!
        if (state === 0) return
      } else {
        state = this.#edges.get(state * this.#width + column)
        if (state < 0) return
      }
      const parts = this.#parts[state]
      if (parts) for (let at = 0; at < parts.length; at++) found(parts[at]!)
    }
    const wholes = this.#wholes[state]
    if (wholes) for (let at = 0; at < wholes.length; at++) found(wholes[at]!)
  }
}

/** Numbers to numbers, open addressing. Never more than it was made for. */
export class Edges {
  readonly #keys: Int32Array
  readonly #values: Int32Array
  readonly #mask: number
  readonly #shift: number

  constructor(most: number) {
    let bits = 4
    while (2 ** bits < most * 2) bits++
    this.#keys = new Int32Array(2 ** bits).fill(-1)
    this.#values = new Int32Array(2 ** bits)
    this.#mask = 2 ** bits - 1
    // The upper bits of a product depend on all bits of its factors (Knuth, volume 3, section 6.4).
    this.#shift = 32 - bits
  }

  get bytes(): number {
    return this.#keys.byteLength + this.#values.byteLength
  }

  get(key: number): number {
    let at = Math.imul(key, 0x9e3779b1) >>> this.#shift
    while (true) {
      const found = this.#keys[at]!
      if (found === key) return this.#values[at]!
      if (found === -1) return -1
      at = (at + 1) & this.#mask
    }
  }

  set(key: number, value: number): void {
    let at = Math.imul(key, 0x9e3779b1) >>> this.#shift
    while (this.#keys[at] !== -1 && this.#keys[at] !== key) at = (at + 1) & this.#mask
    this.#keys[at] = key
    this.#values[at] = value
  }
}
