// For collectors that can wait: a file or a journal is still there in a minute, so what the log refuses is offered again.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '#core/logger.ts'

const pauseMsMin = 250
const pauseMsMax = 30_000

/**
 * Offers a batch until the log keeps it. Reading stops meanwhile: this is the back-pressure.
 * @returns false when stopped before it was kept: the position must not move then.
 */
export async function emitUntilKept(send: () => Promise<void>, stop: AbortSignal, logger: Logger): Promise<boolean> {
  let pauseMs = pauseMsMin
  while (!stop.aborted) {
    try {
      await send()
      return true
    } catch (error) {
      const { code, message, retryAfterSeconds } = error as Error & { code?: string; retryAfterSeconds?: number }
      if (pauseMs === pauseMsMin) logger.warn({ code, cause: message }, 'the log keeps nothing now; reading waits')
      const waitMs = Math.max(pauseMs, Math.min((retryAfterSeconds ?? 0) * 1000, pauseMsMax))
      await sleep(waitMs, undefined, { signal: stop }).catch(() => {})
      pauseMs = Math.min(pauseMs * 2, pauseMsMax)
    }
  }
  return false
}
