// The control group this process runs in: in a container, its limits; under systemd, its service
// (Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/memory.rst).
import { join } from 'node:path'
import { decodePairs } from './decode.ts'
import type { Gather } from './gather.ts'
import type { Paths, Reader } from './reader.ts'

const prefix = 'guanlan_host_cgroup'
/** Version 1 writes "no limit" as the largest page-aligned number. */
const unlimitedBytes = 2 ** 62

export function cgroupReader(paths: Paths): Reader {
  return {
    name: 'cgroup',
    read: (to) => {
      const lines = (paths.tryProc('self/cgroup') ?? '').split('\n').map((line) => line.split(':'))
      const unified = lines.find(([id]) => id === '0')?.[2]
      const reads = (directory: string) => (file: string) => paths.trySys(join('fs/cgroup', directory, file))
      // Inside a container the path may be the host's while its own group is mounted at the root.
      const v2 = [unified ?? '/', '/'].map(reads).find((read) => read('memory.current') !== undefined)
      if (v2) return unifiedGroup(to, v2)
      const memoryPath = lines.find(([, controllers]) => controllers?.split(',').includes('memory'))?.[2] ?? '/'
      const v1 = [join('memory', memoryPath), 'memory']
        .map(reads)
        .find((read) => read('memory.usage_in_bytes') !== undefined)
      if (v1) legacyGroup(to, v1, reads('cpuacct'))
    },
  }
}

type Read = (file: string) => string | undefined

function unifiedGroup(to: Gather, read: Read): void {
  to.gauge(`${prefix}_memory_current_bytes`, 'Memory charged to the group', numberOf(read('memory.current')))
  to.gauge(`${prefix}_memory_limit_bytes`, 'Memory at most; absent without a limit', numberOf(read('memory.max')))
  const memory = decodePairs(read('memory.stat') ?? '')
  for (const kind of ['anon', 'file', 'kernel', 'slab', 'sock', 'shmem'])
    to.gauge(`${prefix}_memory_${kind}_bytes`, `Memory of the group: ${kind}`, memory.get(kind) ?? Number.NaN)
  to.gauge(`${prefix}_memory_swap_bytes`, 'Swap of the group', numberOf(read('memory.swap.current')))
  const events = decodePairs(read('memory.events') ?? '')
  const kills = events.get('oom_kill') ?? Number.NaN
  to.counter(`${prefix}_memory_oom_kills_total`, 'Processes killed for want of memory', kills)
  const cpu = decodePairs(read('cpu.stat') ?? '')
  const seconds = (name: string): number => (cpu.get(name) ?? Number.NaN) / 1e6
  to.counter(`${prefix}_cpu_usage_seconds_total`, 'CPU time of the group', seconds('usage_usec'))
  to.counter(`${prefix}_cpu_user_seconds_total`, 'CPU time in user mode', seconds('user_usec'))
  to.counter(`${prefix}_cpu_system_seconds_total`, 'CPU time in the kernel', seconds('system_usec'))
  to.counter(`${prefix}_cpu_throttled_seconds_total`, 'Time held back by the limit', seconds('throttled_usec'))
  const [quota, period] = (read('cpu.max') ?? '').split(' ')
  to.gauge(`${prefix}_cpu_limit_cores`, 'CPUs at most; absent without a limit', numberOf(quota) / numberOf(period))
}

function legacyGroup(to: Gather, memory: Read, cpu: Read): void {
  to.gauge(`${prefix}_memory_current_bytes`, 'Memory charged to the group', numberOf(memory('memory.usage_in_bytes')))
  const limit = numberOf(memory('memory.limit_in_bytes'))
  if (limit < unlimitedBytes) to.gauge(`${prefix}_memory_limit_bytes`, 'Memory at most; absent without a limit', limit)
  to.counter(`${prefix}_cpu_usage_seconds_total`, 'CPU time of the group', numberOf(cpu('cpuacct.usage')) / 1e9)
}

/** NaN, which gives no sample, for absent files and for `max`. */
function numberOf(text: string | undefined): number {
  return text === undefined || text === '' ? Number.NaN : Number(text)
}
