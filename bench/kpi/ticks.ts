// How long nobody else had a turn: the longest stretch between two turns of the event loop, on the wall and in processor
// time of this thread. Others on the machine lengthen the first and not the second.
const everyMs = 1

export interface Ticks {
  wallMs: number
  cpuMs: number
}

export function watchTicks(): { stop(): Ticks } {
  let [at, cpu] = [performance.now(), threadMs()]
  const longest: Ticks = { wallMs: 0, cpuMs: 0 }
  const look = (): void => {
    const [now, used] = [performance.now(), threadMs()]
    longest.wallMs = Math.max(longest.wallMs, now - at)
    longest.cpuMs = Math.max(longest.cpuMs, used - cpu)
    ;[at, cpu] = [now, used]
  }
  const timer = setInterval(look, everyMs)
  return {
    stop: () => {
      look()
      clearInterval(timer)
      return longest
    },
  }
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
