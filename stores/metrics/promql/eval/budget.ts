// What a query may use: series, samples, memory, time. Checked inside the loops; long queries let others run.
import { CodedError } from '#core/errors.ts'
import { SampleMemory } from '../../sample-memory.ts'

export interface QueryLimits {
  seriesMax: number
  /** Samples read from the store. */
  samplesMax: number
  /** Estimate of what the steps and samples of a query hold at once. */
  memoryBytesMax: number
  timeoutMs: number
}

const sliceMs = 20

export class Budget {
  readonly #limits: QueryLimits
  readonly #signal: AbortSignal | undefined
  readonly #startedMs = performance.now()
  #sliceEndsMs: number
  #bytes = 0
  #samples = 0
  peakBytes = 0
  /** Of the samples it reads. */
  readonly memory = new SampleMemory()

  constructor(limits: QueryLimits, signal: AbortSignal | undefined) {
    this.#limits = limits
    this.#signal = signal
    this.#sliceEndsMs = this.#startedMs + sliceMs
    this.check()
  }

  get samples(): number {
    return this.#samples
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs
  }

  remaining(): { seriesMax: number; samplesMax: number } {
    return { seriesMax: this.#limits.seriesMax, samplesMax: Math.max(1, this.#limits.samplesMax - this.#samples) }
  }

  read(samples: number): void {
    this.#samples += samples
    if (this.#samples > this.#limits.samplesMax)
      throw new CodedError('query.limit', { what: 'read more samples', limit: this.#limits.samplesMax })
    this.take(samples * 16)
  }

  /** @throws CodedError before the memory is allocated. */
  take(bytes: number): void {
    this.#bytes += bytes
    this.peakBytes = Math.max(this.peakBytes, this.#bytes)
    if (this.#bytes > this.#limits.memoryBytesMax)
      throw new CodedError('query.limit', {
        what: `need about ${Math.round(this.#bytes / 1e6)} MB of memory`,
        limit: this.#limits.memoryBytesMax,
      })
  }

  give(bytes: number): void {
    this.#bytes -= bytes
  }

  /** True when it is time to let others run: then await `breathe()`. */
  due(): boolean {
    return performance.now() > this.#sliceEndsMs
  }

  async breathe(): Promise<void> {
    this.check()
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.check()
    this.#sliceEndsMs = performance.now() + sliceMs
  }

  check(): void {
    if (this.#signal?.aborted) throw new CodedError('query.canceled', {}, { cause: this.#signal.reason })
    if (this.elapsedMs > this.#limits.timeoutMs)
      throw new CodedError('query.timeout', { limit: this.#limits.timeoutMs / 1000 })
  }
}
