// A sleep that others may end: a worker looks again when its time has come, or at once when there is something new.

export interface Waker {
  /** There is something new: ends the sleep, or the next one before it begins. */
  wake(): void
  /** Whatever was told until now is about to be looked at. */
  looking(): void
  /** Returns at once when `wake` was called since `looking`. */
  sleep(durationMs: number): Promise<void>
}

export function createWaker(): Waker {
  let awake = false
  let rouse = (): void => {}
  return {
    wake: () => {
      awake = true
      rouse()
    },
    looking: () => {
      awake = false
    },
    sleep: async (durationMs) => {
      if (awake) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, durationMs)
        rouse = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      rouse = () => {}
    },
  }
}
