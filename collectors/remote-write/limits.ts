// What one request may hold. Checked while it is read, before anything is kept of it.
import { CodedError } from '#core/errors.ts'

export interface Limits {
  /** Unpacked, and unfolded from the symbols of 2.0. */
  bytesMax: number
  seriesMax: number
  /** Samples, histograms and exemplars together. */
  samplesMax: number
  labelsMax: number
  labelNameBytesMax: number
  labelValueBytesMax: number
  earliestMs: number
  latestMs: number
}

/** Counts what a request brings. */
export class Brought {
  readonly #limits: Pick<Limits, 'seriesMax' | 'samplesMax'>
  series = 0
  #samples = 0

  constructor(limits: Pick<Limits, 'seriesMax' | 'samplesMax'>) {
    this.#limits = limits
  }

  /** @throws CodedError `body.too-many` */
  addSeries(): void {
    if (++this.series > this.#limits.seriesMax) throw new CodedError('body.too-many', { limit: this.#limits.seriesMax })
  }

  /** @throws CodedError `body.too-many` */
  addSample(): void {
    if (++this.#samples > this.#limits.samplesMax)
      throw new CodedError('body.too-many', { limit: this.#limits.samplesMax })
  }
}
