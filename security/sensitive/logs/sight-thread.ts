// The thread that looks at log lines. Whoever asks waits for the answer, so nothing piles up in front of it; one that has
// ended is replaced, and what it had not answered is for the asker to send again.
import { Worker } from 'node:worker_threads'
import type { Logger } from '#core/logger.ts'
import type { Dictionary } from '../dictionary.ts'
import type { Sighted } from './sight.ts'

export interface SightConfig {
  dictionary: Dictionary
  key: Uint8Array
}
export interface SightCall {
  id: number
  payload: Uint8Array
}
export type SightAnswer = { id: number; sighted: Sighted } | { id: number; error: string }

export interface SightThread {
  /** @param payload a record of the log: its events as a JSON array */
  sight(payload: Uint8Array): Promise<Sighted>
  close(): Promise<void>
}

export function createSightThread(config: SightConfig, { logger }: { logger: Logger }): SightThread {
  let worker: Worker | undefined
  let nextId = 1
  const waiting = new Map<number, { resolve(sighted: Sighted): void; reject(error: Error): void }>()

  const failAll = (cause: string): void => {
    for (const { reject } of waiting.values()) reject(new Error(cause))
    waiting.clear()
  }
  const start = (): Worker => {
    const started = new Worker(new URL('./sight-worker.ts', import.meta.url), { workerData: config, name: 'log-sight' })
    started.on('message', (answer: SightAnswer) => {
      const asker = waiting.get(answer.id)
      waiting.delete(answer.id)
      if ('error' in answer) asker?.reject(new Error(answer.error))
      else asker?.resolve(answer.sighted)
    })
    started.on('error', (error) => logger.error({ err: error }, 'the thread that looks at log lines failed'))
    started.on('exit', () => {
      if (worker === started) worker = undefined
      failAll('the thread that looks at log lines has ended')
    })
    // Nothing waits for it when all else has ended.
    started.unref()
    return started
  }

  return {
    sight: (payload) =>
      new Promise((resolve, reject) => {
        worker ??= start()
        const id = nextId++
        waiting.set(id, { resolve, reject })
        // A copy of its own bytes alone: a view would take all of the memory behind it along.
        const own = new Uint8Array(payload)
        worker.postMessage({ id, payload: own } satisfies SightCall, [own.buffer])
      }),
    close: async () => {
      const ending = worker
      worker = undefined
      await ending?.terminate()
    },
  }
}
