// A day of node_exporter-like series as remote-write requests, from a seed: the same bytes for every engine.
//
// Synthetic. Per host some 375 series: cores by mode, memory, file systems, disks, network, counters of the kernel, one
// application with a histogram. Scrapes come every 15 s at a phase of their own per host, so that no sample lies on the
// border of a query's window, where versions of Prometheus differ.
import { type Random, seededRandom } from '#core/random.ts'
import type { Labels } from '#core/sample.ts'

export const scrapeMs = 15_000

export interface DaySeries {
  labels: Labels
  phaseMs: number
  /** Its value at the next scrape. */
  next(): number
}

type Walk = (random: Random) => () => number

const constant =
  (value: number): Walk =>
  () =>
  () =>
    value

/** A counter: so much a scrape on average, in so many decimals, now and then in bursts. */
const counter =
  (perScrape: number, decimals = 0, start = 1e6): Walk =>
  (random) => {
    const scale = 10 ** decimals
    let ticks = Math.floor(start * (1 + random.next())) * scale
    let load = random.next()
    return () => {
      load += (random.next() - 0.5) * 0.1
      load = Math.max(0, Math.min(1, load))
      ticks += Math.floor(perScrape * scale * load * (0.8 + 0.4 * random.next()))
      return ticks / scale
    }
  }

/** Something that happens rarely. */
const rare =
  (chance: number): Walk =>
  (random) => {
    let value = Math.floor(random.next() * 100)
    return () => {
      if (random.next() < chance) value += 1 + Math.floor(random.next() * 3)
      return value
    }
  }

/** A gauge that wanders in whole units between bounds. */
const gauge =
  (least: number, most: number, unit: number, liveliness = 0.02): Walk =>
  (random) => {
    let at = random.next()
    return () => {
      at = Math.max(0, Math.min(1, at + (random.next() - 0.5) * liveliness))
      return Math.round((least + (most - least) * at) / unit) * unit
    }
  }

const load = (): Walk => (random) => {
  let value = random.next() * 4
  return () => {
    value = Math.max(0, value * 0.92 + (random.next() < 0.4 ? random.next() * 0.7 : 0))
    return Math.round(value * 100) / 100
  }
}

const modes = { user: 4, system: 1.5, iowait: 0.4, softirq: 0.1, irq: 0, nice: 0, steal: 0.02 }
const gib = 2 ** 30

export function nodeDay(hosts: number, random: Random): DaySeries[] {
  const all: DaySeries[] = []
  for (let host = 0; host < hosts; host++) {
    const phaseMs = 1003 + Math.floor(random.next() * 12_000)
    const add = (name: string, labels: Labels, walk: Walk): void => {
      const next = walk(seededRandom(all.length + 1))
      all.push({ labels: { __name__: name, ...labels, instance: `host-${host}:9100`, job: 'node' }, phaseMs, next })
    }
    for (let cpu = 0; cpu < 8; cpu++) {
      for (const [mode, seconds] of Object.entries(modes))
        add(
          'node_cpu_seconds_total',
          { cpu: String(cpu), mode },
          seconds === 0 ? constant(0.12 * cpu) : counter(seconds, 2),
        )
      add('node_cpu_seconds_total', { cpu: String(cpu), mode: 'idle' }, counter(14, 2))
    }
    add('node_memory_MemTotal_bytes', {}, constant(32 * gib))
    for (const name of ['MemAvailable', 'MemFree', 'Cached', 'Buffers', 'Active', 'Inactive', 'Slab', 'AnonPages'])
      add(`node_memory_${name}_bytes`, {}, gauge(gib, 24 * gib, 4096))
    for (let i = 0; i < 34; i++)
      add(`node_memory_Kind${i}_bytes`, {}, i < 14 ? gauge(1e6, 9e8, 4096) : constant(i * 4096))
    for (const mount of ['/', '/boot', '/home', '/var', '/data']) {
      const labels = {
        device: `/dev/sd${mount.length}`,
        fstype: mount === '/boot' ? 'vfat' : 'ext4',
        mountpoint: mount,
      }
      const quiet = mount === '/boot' || mount === '/home'
      add('node_filesystem_size_bytes', labels, constant(500 * gib))
      for (const name of ['avail', 'free'])
        add(
          `node_filesystem_${name}_bytes`,
          labels,
          quiet ? constant(300 * gib) : gauge(100 * gib, 400 * gib, 4096, 1e-4),
        )
      add('node_filesystem_files', labels, constant(32_768_000))
      add('node_filesystem_files_free', labels, quiet ? constant(3e7) : gauge(2.9e7, 3.1e7, 1, 1e-4))
      add('node_filesystem_readonly', labels, constant(0))
    }
    for (const device of ['sda', 'sdb', 'dm-0'])
      for (const [name, perScrape, decimals] of [
        ...[['reads_completed_total', 90, 0] as const, ['writes_completed_total', 400, 0] as const],
        ...[['read_bytes_total', 2e6, 0] as const, ['written_bytes_total', 9e6, 0] as const],
        ...[['read_time_seconds_total', 0.3, 3] as const, ['write_time_seconds_total', 2, 3] as const],
        ...[['io_time_seconds_total', 3, 3] as const, ['io_time_weighted_seconds_total', 4, 3] as const],
        ...[['reads_merged_total', 3, 0] as const, ['writes_merged_total', 120, 0] as const],
        ...[['discards_completed_total', 0, 0] as const, ['flush_requests_total', 8, 0] as const],
      ])
        add(
          `node_disk_${name}`,
          { device },
          device === 'sdb' || perScrape === 0 ? constant(1234) : counter(perScrape, decimals),
        )
    for (const device of ['eth0', 'eth1', 'lo', 'docker0', 'wg0'])
      for (const way of ['receive', 'transmit']) {
        const quiet = device === 'docker0' || device === 'wg0'
        add(
          `node_network_${way}_bytes_total`,
          { device },
          quiet ? constant(0) : counter(device === 'lo' ? 4e5 : 6e7, 0, 1e12),
        )
        add(
          `node_network_${way}_packets_total`,
          { device },
          quiet ? constant(0) : counter(device === 'lo' ? 900 : 50_000, 0, 1e9),
        )
        for (const name of ['errs', 'drop', 'fifo', 'compressed', 'colls', 'frame'])
          add(`node_network_${way}_${name}_total`, { device }, name === 'drop' && !quiet ? rare(0.05) : constant(0))
      }
    for (let i = 0; i < 60; i++)
      add(
        `node_netstat_Kind${i}`,
        {},
        i < 20 ? counter(10 ** (1 + (i % 4)), 0, 1e9) : i < 30 ? rare(0.1) : i < 36 ? gauge(1, 400, 1) : constant(i),
      )
    for (const name of ['node_context_switches_total', 'node_intr_total', 'node_vmstat_pgfault'])
      add(name, {}, counter(90_000, 0, 1e11))
    for (const name of ['node_load1', 'node_load5', 'node_load15']) add(name, {}, load())
    add('node_boot_time_seconds', {}, constant(1.7e9))
    for (const handler of ['/query', '/write', '/labels']) histogram(add, handler, 1e6 + all.length * 100)
  }
  return all
}

const bounds = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf']

/** A bucket holds all below it: each adds up the same walks, so that they agree at every scrape. */
function histogram(add: (name: string, labels: Labels, walk: Walk) => void, handler: string, seed: number): void {
  const upTo = (last: number): Walk => {
    const parts = Array.from({ length: last + 1 }, (_, i) =>
      counter(200 / (1 + (i - 4) ** 2), 0, 1e4)(seededRandom(seed + i)),
    )
    return () => () => parts.reduce((sum, next) => sum + next(), 0)
  }
  for (const [i, le] of bounds.entries()) add('http_request_duration_seconds_bucket', { handler, le }, upTo(i))
  add('http_request_duration_seconds_count', { handler }, upTo(bounds.length - 1))
  add('http_request_duration_seconds_sum', { handler }, counter(20, 6))
}

/** Many series of one metric at one scrape interval, for a look at one time. */
export function wideSeries(count: number, random: Random): DaySeries[] {
  return Array.from({ length: count }, (_, n): DaySeries => {
    const labels = {
      __name__: 'wide_total',
      instance: `pod-${n % 2000}`,
      job: `job-${n % 10}`,
      path: `/p/${Math.floor(n / 2000)}`,
      zone: `zone-${n % 3}`,
    }
    return { labels, phaseMs: 2003, next: counter(500, 0, 1e7)(random) }
  })
}
