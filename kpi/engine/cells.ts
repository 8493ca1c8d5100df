// Mergeable partial aggregates: how many facts of each signature a cell holds, and what their measures add up to. Merging
// is addition, so parts may be counted in any order, on any day, and a correction is a subtraction.
import { add, type Rational, zero } from '../rational.ts'

export interface Tally {
  bits: number
  count: number
  /** One per measure of the plan; the first is the count. */
  sums: Rational[]
}

/** Signatures of one cell. */
export type Cell = Map<number, Tally>

/** Cells by key: the values of the dimensions, joined. */
export type Cells = Map<string, Cell>

const separator = '\u001f'

export function keyOf(values: readonly string[]): string {
  return values.join(separator)
}

export function valuesOf(key: string): string[] {
  return key.split(separator)
}

/** `times` is 1, or -1 to take back what was counted. */
export function tally(
  cells: Cells,
  key: string,
  bits: number,
  amounts: readonly (Rational | undefined)[],
  times = 1,
): void {
  let cell = cells.get(key)
  if (!cell) {
    cell = new Map()
    cells.set(key, cell)
  }
  addTo(cell, bits, times, amounts, times)
}

export function mergeCell(into: Cell, from: Cell): void {
  for (const { bits, count, sums } of from.values()) addTo(into, bits, count, sums, 1)
}

function addTo(
  cell: Cell,
  bits: number,
  count: number,
  amounts: readonly (Rational | undefined)[],
  times: number,
): void {
  const found = cell.get(bits)
  if (!found) {
    const sums = amounts.map((amount) => (!amount ? zero : times === 1 ? amount : { n: -amount.n, d: amount.d }))
    cell.set(bits, { bits, count, sums })
    return
  }
  found.count += count
  for (let i = 1; i < amounts.length; i++) {
    const amount = amounts[i]
    if (amount) found.sums[i] = add(found.sums[i]!, times === 1 ? amount : { n: -amount.n, d: amount.d })
  }
}
