// Bodies are looked into on a thread of their own: what takes long there delays nobody, and can be ended.
import { parentPort, workerData } from 'node:worker_threads'
import type { BodyPart } from '#core/sensitive.ts'
import { createInspection, type InspectConfig } from './inspect.ts'

const inspect = createInspection(workerData as InspectConfig)
const port = parentPort!

port.on('message', async ({ id, part }: { id: number; part: BodyPart }) => {
  try {
    port.postMessage({ id, inspected: await inspect(part) })
  } catch (error) {
    port.postMessage({ id, error: (error as Error).message })
  }
})
