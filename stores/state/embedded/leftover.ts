// When this process was killed, its PostgreSQL lives on and holds the data directory. It is ended before a new one begins.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CodedError } from '#core/errors.ts'

const pollMs = 20

/** The caller holds the lock of the data directory: no other observatory uses this server. */
export async function endLeftover(directory: string, timeoutMs: number): Promise<void> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => '')
  // postmaster.pid: the PID, then the data directory, each on a line of its own.
  const pid = Number(text.split('\n')[0])
  if (!Number.isInteger(pid) || pid <= 1 || !(await isServerOf(pid, directory))) return
  process.kill(pid, 'SIGINT')
  for (let waitedMs = 0; await isServerOf(pid, directory); waitedMs += pollMs) {
    if (waitedMs === timeoutMs - (timeoutMs % pollMs)) process.kill(pid, 'SIGQUIT')
    if (waitedMs > 2 * timeoutMs)
      throw new CodedError('store.unavailable', { store: 'state', cause: `process ${pid} holds ${directory}` })
    await sleep(pollMs)
  }
}

/** The PID may have been given to another process since; its command line tells. */
async function isServerOf(pid: number, directory: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  return command?.split('\0').includes(directory) ?? false
}
