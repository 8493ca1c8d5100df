import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'

/** How nice each thread of this process is (proc_pid_stat(5), field 19). */
function niceOfThreads(): number[] {
  return readdirSync('/proc/self/task').map((task) => {
    const stat = readFileSync(`/proc/self/task/${task}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
  })
}

it.skipIf(process.platform !== 'linux')('one thread steps back, the others stay as they were', async () => {
  const before = getPriority()
  const module = JSON.stringify(new URL('./thread-priority.ts', import.meta.url).href)
  const worker = new Worker(
    `import(${module}).then(({ yieldToOtherThreads }) => {
      yieldToOtherThreads()
      require('node:worker_threads').parentPort.on('message', () => {}).postMessage('done')
    })`,
    { eval: true },
  )
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  const nice = niceOfThreads()
  await worker.terminate()
  expect(getPriority()).toBe(before)
  expect(nice.filter((one) => one === Math.min(19, before + 5)).length).toBeGreaterThanOrEqual(before >= 19 ? 0 : 1)
  expect(nice.filter((one) => one === before).length).toBeGreaterThan(1)
})
