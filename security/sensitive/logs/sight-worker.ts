// Log lines are looked at on a thread of their own: what that costs delays no acknowledgement.
import { parentPort, workerData } from 'node:worker_threads'
import type { Event } from '#core/event.ts'
import { yieldToOtherThreads } from '#core/thread-priority.ts'
import { createValueHash } from '../value-hash.ts'
import { createLogSight } from './sight.ts'
import type { SightAnswer, SightCall, SightConfig } from './sight-thread.ts'

yieldToOtherThreads()
const { dictionary, key } = workerData as SightConfig
const sight = createLogSight(dictionary, createValueHash(key))
const decoder = new TextDecoder()
const port = parentPort!

port.on('message', ({ id, payload }: SightCall) => {
  try {
    const sighted = sight(JSON.parse(decoder.decode(payload)) as Event[])
    port.postMessage({ id, sighted } satisfies SightAnswer)
  } catch (error) {
    port.postMessage({ id, error: (error as Error).message } satisfies SightAnswer)
  }
})
