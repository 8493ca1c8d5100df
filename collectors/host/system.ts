// CPU, load, memory, pressure, and the facts of the kernel.
import { readFileSync } from 'node:fs'
import { arch, hostname, release, type, version } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import type { HostConfig } from './config.ts'
import {
  decodeMeminfo,
  decodeNetstat,
  decodeOsRelease,
  decodePairs,
  decodePressure,
  decodeSockstat,
  decodeStat,
  ticksPerSecond,
} from './decode.ts'
import type { Paths, Reader } from './reader.ts'

const cpuModes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal']

export function systemReaders(config: HostConfig, paths: Paths, clock: Clock): Reader[] {
  return [
    stat(paths),
    loadavg(paths),
    meminfo(paths),
    pressure(paths),
    vmstat(paths),
    filefd(paths),
    netstat(paths),
    sockstat(paths),
    uname(config, paths),
    { name: 'time', read: (to) => to.gauge('node_time_seconds', 'System time since the epoch', clock.nowMs() / 1000) },
  ]
}

function stat(paths: Paths): Reader {
  const values: [key: string, name: string, kind: 'gauge' | 'counter', help: string][] = [
    ['btime', 'node_boot_time_seconds', 'gauge', 'Time of the last boot since the epoch'],
    ['ctxt', 'node_context_switches_total', 'counter', 'Context switches'],
    ['intr', 'node_intr_total', 'counter', 'Interrupts serviced'],
    ['processes', 'node_forks_total', 'counter', 'Forks'],
    ['procs_running', 'node_procs_running', 'gauge', 'Processes in runnable state'],
    ['procs_blocked', 'node_procs_blocked', 'gauge', 'Processes waiting for input or output'],
  ]
  // iowait may step back a little (proc.rst): a counter that falls would look like a restart, so the highest is kept.
  const highest = new Map<string, number>()
  return {
    name: 'cpu',
    read: (to) => {
      const { cpus, values: found } = decodeStat(paths.proc('stat'))
      for (const { cpu, ticks } of cpus) {
        cpuModes.forEach((mode, i) => {
          const key = `${cpu} ${mode}`
          const seconds = Math.max((ticks[i] ?? 0) / ticksPerSecond, highest.get(key) ?? 0)
          highest.set(key, seconds)
          to.counter('node_cpu_seconds_total', 'Seconds the CPUs spent in each mode', seconds, { cpu, mode })
        })
        const help = 'Seconds the CPUs spent in guests for each mode'
        to.counter('node_cpu_guest_seconds_total', help, (ticks[8] ?? 0) / ticksPerSecond, { cpu, mode: 'user' })
        to.counter('node_cpu_guest_seconds_total', help, (ticks[9] ?? 0) / ticksPerSecond, { cpu, mode: 'nice' })
      }
      for (const [key, name, kind, help] of values) to[kind](name, help, found[key] ?? Number.NaN)
    },
  }
}

function loadavg(paths: Paths): Reader {
  return {
    name: 'loadavg',
    read: (to) => {
      const fields = paths.proc('loadavg').split(' ')
      ;['1', '5', '15'].forEach((minutes, i) => {
        to.gauge(`node_load${minutes}`, `Load average over ${minutes} min`, Number(fields[i]))
      })
    },
  }
}

function meminfo(paths: Paths): Reader {
  return {
    name: 'meminfo',
    read: (to) => {
      for (const [name, value] of decodeMeminfo(paths.proc('meminfo')))
        to.gauge(`node_memory_${name}`, `Memory information field ${name}`, value)
    },
  }
}

/** Absent before Linux 4.20 and without CONFIG_PSI. */
function pressure(paths: Paths): Reader {
  return {
    name: 'pressure',
    read: (to) => {
      for (const resource of ['cpu', 'io', 'memory']) {
        const text = paths.tryProc(`pressure/${resource}`)
        if (text === undefined) continue
        const { someSeconds, fullSeconds } = decodePressure(text)
        const prefix = `node_pressure_${resource}`
        to.counter(`${prefix}_waiting_seconds_total`, `Seconds some task waited for ${resource}`, someSeconds)
        if (resource !== 'cpu')
          to.counter(`${prefix}_stalled_seconds_total`, `Seconds no task got on for want of ${resource}`, fullSeconds)
      }
    },
  }
}

function vmstat(paths: Paths): Reader {
  const wanted = /^(?:oom_kill|pgpg|pswp|pg.*fault)/
  return {
    name: 'vmstat',
    read: (to) => {
      for (const [name, value] of decodePairs(paths.proc('vmstat')))
        if (wanted.test(name)) to.counter(`node_vmstat_${name}`, `/proc/vmstat field ${name}`, value)
    },
  }
}

function filefd(paths: Paths): Reader {
  return {
    name: 'filefd',
    read: (to) => {
      const fields = paths.proc('sys/fs/file-nr').trim().split(/\s+/)
      to.gauge('node_filefd_allocated', 'File descriptors allocated', Number(fields[0]))
      to.gauge('node_filefd_maximum', 'File descriptors at most', Number(fields[2]))
    },
  }
}

function netstat(paths: Paths): Reader {
  // What node_exporter takes by default: of some three hundred counters those that tell of trouble.
  const wanted =
    /^(?:(?:Ip|Ip6|IpExt)_(?:InOctets|OutOctets|Forwarding)|Icmp_(?:InMsgs|OutMsgs|InErrors)|TcpExt_(?:Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue)|Tcp_(?:ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|InErrs|CurrEstab)|Udp_(?:InDatagrams|OutDatagrams|NoPorts|InErrors|RcvbufErrors|SndbufErrors))$/
  return {
    name: 'netstat',
    read: (to) => {
      for (const file of ['net/netstat', 'net/snmp'])
        for (const [name, value] of decodeNetstat(paths.tryProc(file) ?? ''))
          if (wanted.test(name)) to.gauge(`node_netstat_${name}`, `Statistic ${name}`, value)
    },
  }
}

function sockstat(paths: Paths): Reader {
  return {
    name: 'sockstat',
    read: (to) => {
      for (const file of ['net/sockstat', 'net/sockstat6'])
        for (const [name, value] of decodeSockstat(paths.tryProc(file) ?? ''))
          to.gauge(`node_sockstat_${name}`, `Sockets: ${name}`, value)
    },
  }
}

function uname(config: HostConfig, paths: Paths): Reader {
  return {
    name: 'uname',
    read: (to) => {
      to.gauge('node_uname_info', 'The system as uname names it', 1, {
        sysname: type(),
        release: release(),
        version: version(),
        machine: machineNames[arch()] ?? arch(),
        nodename: hostname(),
        domainname: paths.tryProc('sys/kernel/domainname')?.trim() ?? '(none)',
      })
      const os = decodeOsRelease(readFileSync(join(config.rootPath, 'etc/os-release'), 'utf8'))
      const labels: Record<string, string> = {}
      for (const key of ['ID', 'ID_LIKE', 'NAME', 'PRETTY_NAME', 'VERSION', 'VERSION_CODENAME', 'VERSION_ID'])
        if (os.get(key)) labels[key.toLowerCase()] = os.get(key)!
      to.gauge('node_os_info', 'The distribution as os-release names it', 1, labels)
    },
  }
}

const machineNames: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64', loong64: 'loongarch64', ia32: 'i686' }
