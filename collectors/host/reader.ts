// A reader measures one part of the machine. procfs and sysfs are memory, so small files are read synchronously: a
// turn of the thread pool costs more than the read. What may wait for a device (statfs) is asynchronous.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostConfig } from './config.ts'
import type { Gather } from './gather.ts'

export interface Reader {
  /** As node_exporter names its collector. */
  name: string
  read(to: Gather): void | Promise<void>
}

export interface Paths {
  /** @throws when absent. */
  proc(path: string): string
  sys(path: string): string
  /** Undefined when absent or unreadable. */
  tryProc(path: string): string | undefined
  trySys(path: string): string | undefined
}

export function createPaths(config: HostConfig): Paths {
  const proc = (path: string): string => readFileSync(join(config.procPath, path), 'utf8')
  const sys = (path: string): string => readFileSync(join(config.sysPath, path), 'utf8').trim()
  return { proc, sys, tryProc: tried(proc), trySys: tried(sys) }
}

function tried(read: (path: string) => string): (path: string) => string | undefined {
  return (path) => {
    try {
      return read(path)
    } catch {
      return undefined
    }
  }
}
