// What a process and all below it use, from /proc.
import { readdir, readFile } from 'node:fs/promises'

/** Seconds of processor time, of those that live and of those they waited for. */
export async function cpuSeconds(root: number): Promise<number> {
  let ticks = 0
  for (const pid of await tree(root)) {
    const fields = await statOf(pid)
    // proc(5): utime and stime, and both of children that ended, in hundredths of a second.
    for (let i = 11; i <= 14; i++) ticks += Number(fields[i] ?? 0)
  }
  return ticks / 100
}

/** Proportional set size in KiB: shared pages are counted once. */
export async function memoryKiB(root: number): Promise<number> {
  let sum = 0
  for (const pid of await tree(root)) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
    sum += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0)
  }
  return sum
}

async function tree(root: number): Promise<number[]> {
  const parents = new Map<number, number>()
  for (const name of await readdir('/proc'))
    if (/^\d+$/.test(name)) parents.set(Number(name), Number((await statOf(Number(name)))[1]))
  const found = [root]
  for (let i = 0; i < found.length; i++) for (const [pid, parent] of parents) if (parent === found[i]) found.push(pid)
  return found
}

/** From the state on: the name before it may hold spaces. */
async function statOf(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
