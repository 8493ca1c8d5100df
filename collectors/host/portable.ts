// What Node knows of a machine without procfs (macOS, Windows), under the same names.
import { cpus, freemem, loadavg, totalmem, uptime } from 'node:os'
import type { Clock } from '#core/clock.ts'
import type { Reader } from './reader.ts'

export function portableReader(clock: Clock): Reader {
  return {
    name: 'portable',
    read: (to) => {
      cpus().forEach(({ times }, i) => {
        const modes = { user: times.user, nice: times.nice, system: times.sys, idle: times.idle, irq: times.irq }
        for (const [mode, ms] of Object.entries(modes))
          to.counter('node_cpu_seconds_total', 'Seconds the CPUs spent in each mode', ms / 1000, { cpu: `${i}`, mode })
      })
      const loads = loadavg()
      ;['1', '5', '15'].forEach((minutes, i) => {
        to.gauge(`node_load${minutes}`, `Load average over ${minutes} min`, loads[i]!)
      })
      to.gauge('node_memory_MemTotal_bytes', 'Memory information field MemTotal_bytes', totalmem())
      to.gauge('node_memory_MemFree_bytes', 'Memory information field MemFree_bytes', freemem())
      const nowSeconds = clock.nowMs() / 1000
      to.gauge('node_boot_time_seconds', 'Time of the last boot since the epoch', nowSeconds - uptime())
      to.gauge('node_time_seconds', 'System time since the epoch', nowSeconds)
    },
  }
}
