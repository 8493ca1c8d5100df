// Mergeable partial aggregates: how many facts of each signature stand under each combination of dimensions, and what
// their measures add up to. Merging is addition, so parts may be counted in any order, on any day, and a correction is a
// subtraction. Columns of numbers, not objects: a province has some hundred thousand of these a month.
import { add, type Rational, reduce, zero } from '../rational.ts'

/** Texts of one dimension as numbers from 0, in the order in which they were first seen. */
export class Names {
  readonly texts: string[] = []
  readonly #codes = new Map<string, number>()

  code(text: string): number {
    let code = this.#codes.get(text)
    if (code === undefined) {
      code = this.texts.length
      this.texts.push(text)
      this.#codes.set(text, code)
    }
    return code
  }
}

/** Beyond it a measure's common denominator is given up, and sums are kept as they come. */
const scaleMax = 1 << 20

/**
 * One row per combination of codes and signature. A sum is kept as a whole number of parts of its measure's common
 * denominator while that is exact, else as a ratio of its own.
 */
export class Cells {
  readonly names: readonly Names[]
  readonly measures: number
  /** Per measure, what the numbers are parts of. */
  readonly scales: number[]
  /** Codes and signature of each row, one after the other. */
  keys: Int32Array
  counts: Float64Array
  /** `measures - 1` per row: the first measure is the count. */
  sums: Float64Array
  readonly wide = new Map<number, Rational>()
  size = 0
  /** Steps from row to row and from column to column: what was read from a file lies in columns, and only to be read. */
  rowStep: number
  columnStep = 1
  sumStep: number
  sumColumnStep = 1
  #slots: Int32Array
  readonly #stride: number

  constructor(names: readonly Names[], measures: number, capacity = 64) {
    this.names = names
    this.measures = measures
    this.scales = new Array<number>(measures).fill(1)
    this.#stride = names.length + 1
    this.rowStep = this.#stride
    this.sumStep = measures - 1
    this.keys = new Int32Array(capacity * this.#stride)
    this.counts = new Float64Array(capacity)
    this.sums = new Float64Array(capacity * (measures - 1))
    this.#slots = new Int32Array(slotsFor(capacity)).fill(-1)
  }

  get stride(): number {
    return this.#stride
  }

  bits(row: number): number {
    return this.keys[row * this.rowStep + (this.#stride - 1) * this.columnStep]!
  }

  code(row: number, dimension: number): number {
    return this.keys[row * this.rowStep + dimension * this.columnStep]!
  }

  /** The sum of one measure of a row in parts of its scale, without what is in `wide`. @param measure from 1 */
  parts(row: number, measure: number): number {
    return this.sums[row * this.sumStep + (measure - 1) * this.sumColumnStep]!
  }

  /** The sum of one measure of a row. */
  sum(row: number, measure: number): Rational {
    if (measure === 0) return { n: BigInt(this.counts[row]!), d: 1n }
    const wide = this.wide.get(row * this.measures + measure)
    const n = this.parts(row, measure)
    const plain = n === 0 ? zero : { n: BigInt(n), d: BigInt(this.scales[measure]!) }
    return wide ? add(wide, plain) : plain
  }

  /** Counts one fact; `times` is -1 to take back what was counted. @param codes one per dimension */
  tally(codes: ArrayLike<number>, bits: number, amounts: readonly (Rational | undefined)[], times: 1 | -1): void {
    const row = this.#row(codes, bits)
    this.counts[row]! += times
    for (let measure = 1; measure < this.measures; measure++) {
      const amount = amounts[measure]
      if (amount && amount.n !== 0n) this.#addRational(row, measure, times === 1 ? amount : negative(amount))
    }
  }

  /** Adds a row of others under codes of ours. */
  merge(codes: ArrayLike<number>, from: Cells, other: number): void {
    const row = this.#row(codes, from.bits(other))
    this.counts[row]! += from.counts[other]!
    for (let measure = 1; measure < this.measures; measure++) {
      const parts = from.parts(other, measure)
      if (parts !== 0) {
        const [ours, theirs] = [this.scales[measure]!, from.scales[measure]!]
        if (ours === theirs) this.#addParts(row, measure, parts)
        else this.#addRational(row, measure, { n: BigInt(parts), d: BigInt(theirs) })
      }
      if (from.wide.size === 0) continue
      const wide = from.wide.get(other * from.measures + measure)
      if (wide) this.#addRational(row, measure, wide)
    }
  }

  /** Whether anything is left in a row after corrections. */
  isEmpty(row: number): boolean {
    if (this.counts[row] !== 0) return false
    for (let measure = 1; measure < this.measures; measure++) if (this.sum(row, measure).n !== 0n) return false
    return true
  }

  #row(codes: ArrayLike<number>, bits: number): number {
    const stride = this.#stride
    const width = stride - 1
    let hash = bits
    for (let i = 0; i < width; i++) hash = Math.imul(hash ^ codes[i]!, 0x9e3779b1) ^ (hash >>> 15)
    hash ^= hash >>> 13
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]!
      if (row < 0) {
        if (this.size * stride === this.keys.length) {
          this.#grow()
          return this.#row(codes, bits)
        }
        const at = this.size * stride
        for (let i = 0; i < width; i++) this.keys[at + i] = codes[i]!
        this.keys[at + width] = bits
        this.#slots[slot] = this.size
        return this.size++
      }
      const at = row * stride
      if (this.keys[at + width] !== bits) continue
      let i = 0
      while (i < width && this.keys[at + i] === codes[i]) i++
      if (i === width) return row
    }
  }

  #grow(): void {
    const capacity = Math.ceil((this.size + 32) * 1.6)
    const keys = new Int32Array(capacity * this.#stride)
    keys.set(this.keys)
    this.keys = keys
    const counts = new Float64Array(capacity)
    counts.set(this.counts)
    this.counts = counts
    const sums = new Float64Array(capacity * (this.measures - 1))
    sums.set(this.sums)
    this.sums = sums
    if (slotsFor(capacity) > this.#slots.length) this.#rehash(slotsFor(capacity))
  }

  #rehash(length: number): void {
    const stride = this.#stride
    const width = stride - 1
    const slots = new Int32Array(length).fill(-1)
    const mask = length - 1
    for (let row = 0; row < this.size; row++) {
      const at = row * stride
      let hash = this.keys[at + width]!
      for (let i = 0; i < width; i++) hash = Math.imul(hash ^ this.keys[at + i]!, 0x9e3779b1) ^ (hash >>> 15)
      hash ^= hash >>> 13
      let slot = hash & mask
      while (slots[slot]! >= 0) slot = (slot + 1) & mask
      slots[slot] = row
    }
    this.#slots = slots
  }

  #addRational(row: number, measure: number, amount: Rational): void {
    const { n, d } = amount.d === 1n ? amount : reduce(amount)
    const scale = this.#scaleFor(measure, d)
    const parts = scale === undefined ? undefined : n * (BigInt(scale) / d)
    if (parts !== undefined && isSafe(parts)) this.#addParts(row, measure, Number(parts))
    else this.#addWide(row, measure, { n, d })
  }

  /** The common denominator, widened when that can be done exactly; undefined when `d` does not fit. */
  #scaleFor(measure: number, d: bigint): number | undefined {
    const scale = this.scales[measure]!
    if (d === 1n) return scale
    if (d > BigInt(scaleMax)) return undefined
    const other = Number(d)
    if (scale % other === 0) return scale
    const wider = (scale / common(scale, other)) * other
    if (wider > scaleMax) return undefined
    const factor = wider / scale
    for (let row = 0; row < this.size; row++) {
      const at = row * (this.measures - 1) + measure - 1
      const widened = this.sums[at]! * factor
      if (Number.isSafeInteger(widened)) this.sums[at] = widened
      else {
        this.#addWide(row, measure, { n: BigInt(this.sums[at]!), d: BigInt(scale) })
        this.sums[at] = 0
      }
    }
    this.scales[measure] = wider
    return wider
  }

  #addParts(row: number, measure: number, parts: number): void {
    const at = row * (this.measures - 1) + measure - 1
    const total = this.sums[at]! + parts
    if (Number.isSafeInteger(total)) this.sums[at] = total
    else this.#addWide(row, measure, { n: BigInt(parts), d: BigInt(this.scales[measure]!) })
  }

  #addWide(row: number, measure: number, amount: Rational): void {
    const key = row * this.measures + measure
    const total = reduce(add(this.wide.get(key) ?? zero, amount))
    if (total.n === 0n) this.wide.delete(key)
    else this.wide.set(key, total)
  }
}

function slotsFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(16, capacity * 1.5)))
}

function isSafe(value: bigint): boolean {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER)
}

function negative({ n, d }: Rational): Rational {
  return { n: -n, d }
}

export function common(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)]
  while (y !== 0) [x, y] = [y, x % y]
  return x
}
