// Processes: how many in each state, and the names that use most. Grouped by name and cut to the top, because a series
// per process would be a series per fork.
import { readdirSync } from 'node:fs'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { HostConfig } from './config.ts'
import { decodeProcessStat, type ProcessStat } from './decode.ts'
import type { Gather } from './gather.ts'
import type { Paths, Reader } from './reader.ts'

/** Page size of x86-64, riscv64 and most arm64 systems; smaps tells it, procfs does not. */
const pageBytes = 4096
/** Names remembered; a machine that makes up names would otherwise grow this without end. */
const namesMax = 500
const perTurn = 200

interface Group {
  count: number
  residentBytes: number
  /** Seconds since the last measurement. */
  cpuDelta: number
}

export function processReader(config: HostConfig, paths: Paths): Reader {
  /** CPU seconds of each live process at the last measurement, by PID and start time. */
  let known = new Map<string, number>()
  /** Grows only, although processes end: a counter by name. */
  const totals = new Map<string, number>()

  const group = (stats: readonly ProcessStat[]): Map<string, Group> => {
    const groups = new Map<string, Group>()
    const live = new Map<string, number>()
    for (const stat of stats) {
      const name = totals.has(stat.name) || totals.size < namesMax ? stat.name : 'other'
      const key = `${stat.pid}:${stat.startTicks}`
      const delta = Math.max(0, stat.cpuSeconds - (known.get(key) ?? 0))
      live.set(key, stat.cpuSeconds)
      totals.set(name, (totals.get(name) ?? 0) + delta)
      const entry = groups.get(name) ?? { count: 0, residentBytes: 0, cpuDelta: 0 }
      entry.count++
      entry.residentBytes += stat.residentPages * pageBytes
      entry.cpuDelta += delta
      groups.set(name, entry)
    }
    known = live
    return groups
  }

  const report = (to: Gather, groups: ReadonlyMap<string, Group>): void => {
    for (const name of topNames(groups, config.processesTop)) {
      const { count, residentBytes } = groups.get(name)!
      const labels = { name }
      to.gauge('guanlan_host_process_count', 'Processes of this name', count, labels)
      to.gauge('guanlan_host_process_resident_memory_bytes', 'Resident memory of this name', residentBytes, labels)
      const seconds = totals.get(name) ?? 0
      to.counter('guanlan_host_process_cpu_seconds_total', 'CPU time of this name since first seen', seconds, labels)
    }
  }

  return {
    name: 'processes',
    read: async (to) => {
      const stats: ProcessStat[] = []
      const pids = readdirSync(config.procPath).filter((name) => /^\d+$/.test(name))
      for (const [i, pid] of pids.entries()) {
        // Thousands of processes must not hold up the receivers.
        if (i % perTurn === perTurn - 1) await yieldToOthers()
        // It may have ended meanwhile.
        const stat = decodeProcessStat(paths.tryProc(`${pid}/stat`) ?? '')
        if (stat) stats.push(stat)
      }
      const states = new Map<string, number>()
      for (const { state } of stats) states.set(state, (states.get(state) ?? 0) + 1)
      for (const [state, count] of states) to.gauge('node_processes_state', 'Processes in each state', count, { state })
      to.gauge('node_processes_pids', 'Processes', stats.length)
      const threads = stats.reduce((sum, stat) => sum + stat.threads, 0)
      to.gauge('node_processes_threads', 'Threads', threads)
      to.gauge('node_processes_max_processes', 'Process numbers at most', Number(paths.tryProc('sys/kernel/pid_max')))
      if (config.processesTop > 0) report(to, group(stats))
    },
  }
}

function topNames(groups: ReadonlyMap<string, Group>, count: number): Set<string> {
  const names = [...groups.keys()]
  const by = (key: 'cpuDelta' | 'residentBytes'): string[] =>
    names.sort((a, b) => groups.get(b)![key] - groups.get(a)![key]).slice(0, count)
  return new Set([...by('cpuDelta'), ...by('residentBytes')])
}
