// Work that comes again and again, each kind never twice at once: a turn that finds the last one at work is left out.

export interface Turns {
  every(intervalMs: number, work: () => Promise<unknown>, what?: string): void
  /** No new turns; resolves when those under way are over. */
  stop(): Promise<void>
}

/** @param ended is told after each turn: the error of one that failed, and what it was for */
export function createTurns(ended: (error: Error | undefined, what: string) => void): Turns {
  const timers: NodeJS.Timeout[] = []
  const working = new Set<Promise<void>>()
  return {
    every: (intervalMs, work, what = '') => {
      let busy = false
      const turn = async (): Promise<void> => {
        try {
          await work()
          ended(undefined, what)
        } catch (error) {
          ended(error as Error, what)
        } finally {
          busy = false
        }
      }
      const begin = (): void => {
        if (busy) return
        busy = true
        const running = turn().finally(() => working.delete(running))
        working.add(running)
      }
      timers.push(setInterval(begin, intervalMs))
    },
    stop: async () => {
      for (const timer of timers.splice(0)) clearInterval(timer)
      await Promise.allSettled([...working])
    },
  }
}
