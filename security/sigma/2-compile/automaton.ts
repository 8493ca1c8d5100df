// Aho and Corasick (1975): every one of thousands of texts found anywhere in a value, in one pass.
//
// States are numbered breadth first, so the shallow ones, where nearly all time is spent, come first. They have a whole
// row each: state × column → state. The deep ones have only their own edges, in a hash table, and fall back to a
// shallower state where they have none; a whole table would take a hundred times the memory.
//
//   column    char code → 1…, 0 for chars that occur in no pattern (they lead back to the root)
//   outputs   of a state: the patterns that end there, those of its fallbacks included
import { Edges, type Pattern } from './trie.ts'

const denseBytesMax = 2 * 1024 * 1024

export class Automaton {
  readonly #columns: Uint16Array
  readonly #width: number
  readonly #dense: Int32Array
  readonly #denseStates: number
  readonly #fallback: Int32Array
  readonly #edges: Edges
  readonly #outputStart: Int32Array
  readonly #atoms: Int32Array
  readonly #ends: Uint8Array

  constructor(patterns: readonly Pattern[]) {
    let width = 1
    let chars = 0
    let codeMax = 127
    for (const { text } of patterns)
      for (let i = 0; i < text.length; i++) codeMax = Math.max(codeMax, text.charCodeAt(i))
    this.#columns = new Uint16Array(codeMax + 1)
    for (const { text } of patterns) {
      chars += text.length
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i)
        if (this.#columns[code] === 0) this.#columns[code] = width++
      }
    }
    this.#width = width
    const trie = trieOf(patterns, this.#columns, width, chars)
    const { order, edges } = trie
    const states = order.length
    const number = new Int32Array(states)
    for (let at = 0; at < states; at++) number[order[at]!] = at

    const fallback = new Int32Array(states)
    const ends: number[][] = Array.from({ length: states }, () => [])
    for (const [index, state] of trie.endOf.entries()) ends[number[state]!]!.push(index)
    const denseStates = Math.min(states, Math.max(1, Math.floor(denseBytesMax / (width * 4))))
    const dense = new Int32Array(denseStates * width)
    const deep = new Edges(chars)
    for (let at = 0; at < states; at++) {
      const state = order[at]!
      const back = fallback[at]!
      if (at > 0 && ends[back]!.length > 0) ends[at] = [...ends[at]!, ...ends[back]!]
      // A fallback is shallower, so its row is complete.
      if (at > 0 && at < denseStates) dense.copyWithin(at * width, back * width, (back + 1) * width)
      for (let child = trie.firstChild[state]!; child !== 0; child = trie.sibling[child]!) {
        const column = trie.columnOf[child]!
        const to = number[child]!
        if (at > 0) fallback[to] = this.#step(back, column, { order, number, edges, fallback, width })
        if (at < denseStates) dense[at * width + column] = to
        else deep.set(at * width + column, to)
      }
    }
    this.#dense = dense
    this.#denseStates = denseStates
    this.#fallback = fallback
    this.#edges = deep
    this.#outputStart = new Int32Array(states + 1)
    let total = 0
    for (const [state, list] of ends.entries()) {
      this.#outputStart[state] = total
      total += list.length
    }
    this.#outputStart[states] = total
    this.#atoms = Int32Array.from(ends.flat(), (index) => patterns[index]!.atom)
    this.#ends = Uint8Array.from(ends, (list) => (list.length > 0 ? 1 : 0))
  }

  get bytes(): number {
    return (
      this.#columns.byteLength +
      this.#dense.byteLength +
      this.#fallback.byteLength +
      this.#edges.bytes +
      this.#outputStart.byteLength +
      this.#atoms.byteLength +
      this.#ends.byteLength
    )
  }

  /** Tells each atom that holds, possibly more than once. */
  scan(text: string, found: (atom: number) => void): void {
    const columns = this.#columns
    const width = this.#width
    const dense = this.#dense
    const denseStates = this.#denseStates
    const fallback = this.#fallback
    const edges = this.#edges
    const ends = this.#ends
    const codeMax = columns.length - 1
    const { length } = text
    let state = 0
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      const column = code <= codeMax ? columns[code]! : 0
      if (column === 0) {
        state = 0
        continue
      }
      let to = -1
      while (state >= denseStates) {
        to = edges.get(state * width + column)
        if (to >= 0) break
        state = fallback[state]!
      }
      state = to >= 0 ? to : dense[state * width + column]!
      if (ends[state] === 0) continue
      const end = this.#outputStart[state + 1]!
      for (let at = this.#outputStart[state]!; at < end; at++) found(this.#atoms[at]!)
    }
  }

  /** Where a state goes on a column, by its own edges and those of its fallbacks. States by their new numbers. */
  #step(
    from: number,
    column: number,
    built: { order: Int32Array; number: Int32Array; edges: Edges; fallback: Int32Array; width: number },
  ): number {
    const { order, number, edges, fallback, width } = built
    for (let state = from; ; state = fallback[state]!) {
      const to = edges.get(order[state]! * width + column)
      if (to >= 0) return number[to]!
      if (state === 0) return 0
    }
  }
}

interface Built {
  edges: Edges
  firstChild: Int32Array
  sibling: Int32Array
  columnOf: Int32Array
  /** State where each pattern ends. */
  endOf: Int32Array
  /** States breadth first. */
  order: Int32Array
}

function trieOf(patterns: readonly Pattern[], columns: Uint16Array, width: number, chars: number): Built {
  const edges = new Edges(chars)
  const firstChild = new Int32Array(chars + 1)
  const sibling = new Int32Array(chars + 1)
  const columnOf = new Int32Array(chars + 1)
  const endOf = new Int32Array(patterns.length)
  let states = 1
  for (const [index, { text }] of patterns.entries()) {
    let state = 0
    for (let i = 0; i < text.length; i++) {
      const column = columns[text.charCodeAt(i)]!
      let to = edges.get(state * width + column)
      if (to < 0) {
        to = states++
        edges.set(state * width + column, to)
        columnOf[to] = column
        sibling[to] = firstChild[state]!
        firstChild[state] = to
      }
      state = to
    }
    endOf[index] = state
  }
  const order = new Int32Array(states)
  let tail = 1
  for (let head = 0; head < tail; head++)
    for (let child = firstChild[order[head]!]!; child !== 0; child = sibling[child]!) order[tail++] = child
  return { edges, firstChild, sibling, columnOf, endOf, order }
}
