// How many messages a service still takes in this minute; the others wait, none is dropped.

export interface Allowance {
  /** @returns how many may be sent now, and when not one, how long until the next may */
  left(nowMs: number): Promise<{ count: number; waitMs: number }>
  take(count: number, nowMs: number): void
}

const minuteMs = 60_000

/** @param attemptsSince what was sent before a restart counts too */
export function createAllowance(
  perMinuteMax: number,
  attemptsSince: (sinceMs: number) => Promise<number[]>,
): Allowance {
  let taken: number[] | undefined
  return {
    left: async (nowMs) => {
      if (!Number.isFinite(perMinuteMax)) return { count: perMinuteMax, waitMs: 0 }
      taken ??= (await attemptsSince(nowMs - minuteMs)).sort((a, b) => a - b)
      // Strictly within the minute, at whichever end the other side begins to count.
      while (taken.length > 0 && taken[0]! < nowMs - minuteMs) taken.shift()
      const count = Math.max(0, perMinuteMax - taken.length)
      return { count, waitMs: count > 0 ? 0 : taken[0]! + minuteMs + 1 - nowMs }
    },
    take: (count, nowMs) => {
      if (Number.isFinite(perMinuteMax)) taken!.push(...Array.from({ length: count }, () => nowMs))
    },
  }
}
