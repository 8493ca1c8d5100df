// One process per data directory. The lock names its holder by PID and by the process's start time, so that a PID that
// was given to another process since does not keep the directory locked.
import { open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from './errors.ts'

interface Holder {
  pid: number
  /** Clock ticks since boot (field 22 of /proc/<pid>/stat); empty where there is no /proc. */
  started: string
}

export interface DataLock {
  release(): Promise<void>
}

const attemptsMax = 3

/** @throws CodedError `data.locked` naming the process that holds the directory. */
export async function lockData(directory: string, pid: number = process.pid): Promise<DataLock> {
  const path = join(directory, 'lock')
  const mine: Holder = { pid, started: await startTime(pid) }
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(JSON.stringify(mine))
      await file.sync()
      await file.close()
      return { release: () => release(path, mine) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = await readHolder(path)
    if (holder && (await isAlive(holder))) throw new CodedError('data.locked', { path: directory, pid: holder.pid })
    await unlink(path).catch(() => {})
  }
  throw new CodedError('data.locked', { path: directory, pid: 0 })
}

async function release(path: string, mine: Holder): Promise<void> {
  const holder = await readHolder(path)
  if (holder?.pid === mine.pid && holder.started === mine.started) await unlink(path).catch(() => {})
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as Holder
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : undefined
  } catch {
    // Torn while being written by a process that died: nobody holds it.
    return undefined
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return holder.started === '' || (await startTime(holder.pid)) === holder.started
}

async function startTime(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The command, field 2, may hold blanks and brackets: count from the last bracket.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
