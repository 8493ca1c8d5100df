// What a file holds to go by, read on a thread that ends when it takes too long or too much.
import { Worker } from 'node:worker_threads'
import { CodedError } from '#core/errors.ts'
import type { Fragment } from './trace.ts'

export const fragmentBytesMax = 64 * 1024 * 1024
const readMsMax = 60_000
const memoryMiBMax = 1024

/** @throws CodedError `body.invalid` when it cannot be read */
export async function readFragment(file: Uint8Array, key: Uint8Array): Promise<Fragment> {
  // A copy of its own bytes alone, which goes over to the thread.
  const bytes = new Uint8Array(file)
  const worker = new Worker(new URL('./read-worker.ts', import.meta.url), {
    workerData: { bytes, key },
    transferList: [bytes.buffer],
    resourceLimits: { maxOldGenerationSizeMb: memoryMiBMax },
    name: 'trace',
  })
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise<Fragment>((resolve, reject) => {
      const fail = (cause: string): void => reject(new CodedError('body.invalid', { cause }))
      worker.once('message', resolve)
      worker.once('error', (error) => fail(`it cannot be read: ${error.message}`))
      worker.once('exit', () => fail('it cannot be read'))
      timer = setTimeout(() => fail(`it takes longer than ${readMsMax / 1000} s to read`), readMsMax)
    })
  } finally {
    clearTimeout(timer)
    await worker.terminate()
  }
}
