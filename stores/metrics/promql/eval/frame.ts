// What evaluation passes around: the values of many series at every step of the query, in one typed array.
import type { FloatHistogram } from '#core/histogram.ts'
import type { Labels } from '#core/sample.ts'
import type { Budget } from './budget.ts'

export interface Steps {
  startMs: number
  stepMs: number
  count: number
}

export const timeAt = (steps: Steps, step: number): number => steps.startMs + step * steps.stepMs

export const nothing = 0
export const float = 1
export const histogram = 2

/** Row `r` at step `s` is at `r * count + s`. */
export class Frame {
  readonly count: number
  readonly labels: Labels[] = []
  /** The name is to go when the result is shown (delayed name removal). */
  readonly dropName: boolean[] = []
  values: Float64Array
  /** nothing, float or histogram. */
  present: Uint8Array
  histograms: (FloatHistogram | undefined)[] | undefined
  readonly #budget: Budget

  constructor(count: number, rows: number, budget: Budget) {
    this.count = count
    this.#budget = budget
    budget.take(rows * count * 9)
    this.values = new Float64Array(rows * count)
    this.present = new Uint8Array(rows * count)
  }

  get rows(): number {
    return this.labels.length
  }

  /** @returns where the row begins. */
  add(labels: Labels, dropName = false): number {
    const base = this.labels.length * this.count
    if (base + this.count > this.values.length) this.#grow()
    this.labels.push(labels)
    this.dropName.push(dropName)
    return base
  }

  /** Takes back the last row, which has no values. */
  pop(): void {
    this.labels.pop()
    this.dropName.pop()
  }

  set(at: number, value: number): void {
    this.values[at] = value
    this.present[at] = float
  }

  setHistogram(at: number, value: FloatHistogram): void {
    this.histograms ??= []
    this.histograms[at] = value
    this.present[at] = histogram
  }

  put(at: number, value: number | FloatHistogram | undefined): void {
    if (value === undefined) return
    if (typeof value === 'number') this.set(at, value)
    else this.setHistogram(at, value)
  }

  /** Copies one cell of another frame. */
  copy(at: number, from: Frame, index: number): void {
    const kind = from.present[index]!
    if (kind === float) this.set(at, from.values[index]!)
    else if (kind === histogram) this.setHistogram(at, from.histograms![index]!)
  }

  copyRow(base: number, from: Frame, fromBase: number): void {
    if (from.histograms) for (let step = 0; step < this.count; step++) this.copy(base + step, from, fromBase + step)
    else {
      this.values.set(from.values.subarray(fromBase, fromBase + this.count), base)
      this.present.set(from.present.subarray(fromBase, fromBase + this.count), base)
    }
  }

  /** What it held may be used again: nobody reads this frame any more. */
  release(): void {
    this.#budget.give(this.values.length * 9)
  }

  isEmptyRow(base: number): boolean {
    for (let i = base; i < base + this.count; i++) if (this.present[i] !== nothing) return false
    return true
  }

  #grow(): void {
    const length = Math.max(this.count * 8, this.values.length * 2)
    this.#budget.take((length - this.values.length) * 9)
    const values = new Float64Array(length)
    values.set(this.values)
    const present = new Uint8Array(length)
    present.set(this.present)
    this.values = values
    this.present = present
  }
}
