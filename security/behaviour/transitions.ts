// Which action follows which, among all entities of a kind: a Markov chain of the first order, counted.
import { shareBits } from './surprise.ts'

const rowsMax = 512
const nextMax = 128
/** A row with so many steps halves: what followed long ago counts less. */
const rowTotalMax = 20_000
/** Of an action that was followed less often nothing is said. */
const knownSteps = 50

interface Row {
  total: number
  next: Map<string, number>
}

export class Transitions {
  #rows = new Map<string, Row>()
  forgotten = 0

  /** Surprise of `to` after `from`: the share of steps that are as rare as this one or rarer. */
  bits(from: string, to: string): number {
    const row = this.#rows.get(from)
    if (!row || row.total < knownSteps) return 0
    const mine = row.next.get(to) ?? 0
    let rarer = 0
    for (const count of row.next.values()) if (count <= mine) rarer += count
    return shareBits(rarer, row.total)
  }

  /** How often `to` followed `from`, of how many. */
  seen(from: string, to: string): { times: number; of: number } {
    const row = this.#rows.get(from)
    return { times: Math.round(row?.next.get(to) ?? 0), of: Math.round(row?.total ?? 0) }
  }

  learn(from: string, to: string): void {
    let row = this.#rows.get(from)
    if (!row) {
      row = { total: 0, next: new Map() }
      this.#rows.set(from, row)
      if (this.#rows.size > rowsMax) this.#forget(this.#rows)
    }
    const before = row.next.get(to)
    if (before === undefined && row.next.size >= nextMax) {
      row.total -= row.next.values().next().value as number
      this.#forget(row.next)
    }
    row.next.set(to, (before ?? 0) + 1)
    if (++row.total < rowTotalMax) return
    row.total = 0
    for (const [name, count] of row.next) {
      row.next.set(name, count / 2)
      row.total += count / 2
    }
  }

  #forget(map: Map<string, unknown>): void {
    map.delete(map.keys().next().value as string)
    this.forgotten++
  }

  snapshot(): [string, [string, number][]][] {
    return [...this.#rows].map(([name, { next }]) => [name, [...next]])
  }

  restore(rows: readonly [string, [string, number][]][]): void {
    this.#rows = new Map(
      rows.map(([name, next]) => [
        name,
        { next: new Map(next), total: next.reduce((sum, [, count]) => sum + count, 0) },
      ]),
    )
  }
}
