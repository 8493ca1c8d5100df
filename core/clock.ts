// Time is passed in, so that a test can move it and a replay can repeat it.

export interface Clock {
  /** Wall-clock time, milliseconds since the Unix epoch. May step backwards. */
  nowMs(): number
  /** Monotonic milliseconds from an arbitrary start: for durations and deadlines. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  #nowMs: number
  #elapsedMs = 0

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  advance(deltaMs: number): void {
    this.#nowMs += deltaMs
    this.#elapsedMs += deltaMs
  }
}
