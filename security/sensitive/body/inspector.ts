// The thread that looks into bodies, one after another. One that takes longer than it may is ended with its thread, and
// the next gets a new one.
import { Worker } from 'node:worker_threads'
import type { Logger } from '#core/logger.ts'
import type { BodyInspector, BodyPart, Inspected } from '#core/sensitive.ts'
import type { InspectConfig } from './inspect.ts'

export interface ThreadedInspector extends BodyInspector {
  close(): Promise<void>
}

type Answer = { id: number; inspected: Inspected } | { id: number; error: string }

export function createInspector(
  config: InspectConfig & { inspectMsMax: number },
  { logger }: { logger: Logger },
): ThreadedInspector {
  const { inspectMsMax, ...inspection } = config
  let worker: Worker | undefined
  let waiting: { id: number; done: (answer: Answer | 'ended') => void } | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let nextId = 1

  const start = (): Worker => {
    const started = new Worker(new URL('./worker.ts', import.meta.url), { workerData: inspection, name: 'sensitive' })
    started.on('message', (answer: Answer) => {
      if (waiting?.id === answer.id) waiting.done(answer)
    })
    started.on('error', (error) => logger.error({ err: error }, 'the thread that looks into bodies failed'))
    started.on('exit', () => {
      if (worker !== started) return
      worker = undefined
      waiting?.done('ended')
    })
    // Nothing waits for it when all else has ended.
    started.unref()
    return started
  }

  const inspect = async (part: BodyPart): Promise<Inspected> => {
    const isFirst = !worker
    worker ??= start()
    const target = worker
    const id = nextId++
    let timer: NodeJS.Timeout | undefined
    const answer = await new Promise<Answer | 'ended' | 'slow'>((resolve) => {
      waiting = { id, done: resolve }
      // The first also waits until the thread is there.
      timer = setTimeout(() => resolve('slow'), inspectMsMax + (isFirst ? startMsMax : 0))
      // A copy of its own bytes alone: a view would take all of the memory behind it along.
      const bytes = new Uint8Array(part.bytes)
      target.postMessage({ id, part: { ...part, bytes } }, [bytes.buffer])
    })
    clearTimeout(timer)
    waiting = undefined
    if (typeof answer === 'object' && 'inspected' in answer) return answer.inspected
    if (answer === 'slow') {
      worker = undefined
      await target.terminate()
    } else logger.warn({ cause: answer === 'ended' ? answer : answer.error }, 'a body could not be looked into')
    // The address is not masked yet.
    return { url: '', skipped: answer === 'slow' ? 'slow' : 'invalid', isPartial: true, report: undefined }
  }

  return {
    inspect: (part) => {
      const mine = turn.then(() => inspect(part))
      turn = mine.catch(() => {})
      return mine
    },
    close: async () => {
      await turn
      const ending = worker
      worker = undefined
      await ending?.terminate()
    },
  }
}

const startMsMax = 10_000
