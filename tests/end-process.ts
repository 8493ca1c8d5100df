import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const patienceMs = 10_000

/**
 * Asks a child process to end and waits until it has gone: before that it may still write to its directory, which can
 * then not be removed. One that never began or has ended is no error; one that does not listen is killed.
 */
export async function endProcess(child: ChildProcess | undefined, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await gone
  clearTimeout(timer)
}
