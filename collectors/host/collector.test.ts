import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { endProcess } from '#tests/end-process.ts'
import { createRecorder, type Recorder, until } from '../recorder.ts'
import { cgroupReader } from './cgroup.ts'
import { HostCollector } from './collector.ts'
import { hostConfigSchema } from './config.ts'
import { decodeMeminfo, decodeMounts, decodeProcessStat } from './decode.ts'
import { createGather } from './gather.ts'
import { createPaths } from './reader.ts'

const exporter = 'prometheus-node-exporter'
const hasExporter = spawnSync(exporter, ['--version']).status === 0
const isLinux = process.platform === 'linux'

async function measure(): Promise<Recorder> {
  const recorder = createRecorder()
  const collector = new HostCollector(hostConfigSchema.parse({ instance: 'test' }), recorder.deps)
  await collector.start()
  await until(() => recorder.batches.length === 1, 'a measurement')
  await collector.stop()
  return recorder
}

describe('the host collector', () => {
  it('measures this machine at once, every sample named, labelled and described', async () => {
    const { samples, metadata, counts } = await measure()
    const names = new Set(samples.map(({ labels }) => labels['__name__']))
    for (const name of ['node_cpu_seconds_total', 'node_load1', 'node_memory_MemTotal_bytes', 'up'])
      expect(names).toContain(name)
    for (const { labels, value } of samples) {
      expect(labels).toMatchObject({ job: 'host', instance: 'test' })
      expect(Number.isFinite(value)).toBe(true)
    }
    expect(new Set(metadata.map(({ family }) => family))).toEqual(names)
    const keys = samples.map(({ labels }) => JSON.stringify(Object.entries(labels).sort()))
    expect(new Set(keys).size).toBe(keys.length)
    expect(counts).toMatchObject({ received: samples.length, accepted: samples.length })
  })

  it.skipIf(!isLinux)('bounds the series of processes', async () => {
    const { samples } = await measure()
    const names = samples.filter(({ labels }) => labels['__name__'] === 'guanlan_host_process_cpu_seconds_total')
    expect(names.length).toBeGreaterThan(1)
    expect(names.length).toBeLessThanOrEqual(40)
  })

  it.skipIf(!isLinux)('costs less than one percent of a core', async () => {
    const recorder = createRecorder()
    const config = hostConfigSchema.parse({ intervalMs: 1000 })
    const collector = new HostCollector(config, recorder.deps)
    await collector.start()
    await until(() => recorder.batches.length === 1, 'warm-up')
    const before = process.cpuUsage()
    await until(() => recorder.batches.length === 5, 'four more measurements')
    const used = process.cpuUsage(before)
    await collector.stop()
    const perMeasurementMs = (used.user + used.system) / 1000 / 4
    console.log(`host: ${perMeasurementMs.toFixed(1)} ms of CPU per measurement, every 15 s`)
    expect(perMeasurementMs / 15_000).toBeLessThan(0.01)
  })

  it('counts what the log refused, and measures on', async () => {
    const recorder = createRecorder()
    let refusals = 1
    recorder.before = () => {
      if (refusals-- > 0) throw Object.assign(new Error('full'), { code: 'log.full' })
    }
    const collector = new HostCollector(hostConfigSchema.parse({ intervalMs: 1000 }), recorder.deps)
    await collector.start()
    await until(() => recorder.batches.length === 1, 'the next measurement')
    await collector.stop()
    const { received, accepted, dropped } = recorder.counts
    expect(dropped['log.full']).toBeGreaterThan(50)
    expect(received).toBe(accepted + dropped['log.full']!)
  })

  it.skipIf(!hasExporter)('agrees with Debian’s node_exporter, name by name and value by value', async () => {
    const { exporterText, ours } = await sideBySide()
    const theirs = new Map<string, number>()
    for (const line of exporterText.split('\n')) {
      const match = /^(node_[a-z0-9_A-Z]+)(\{.*\})? (\S+)$/.exec(line)
      if (match) theirs.set(seriesKey(match[1]!, labelsOf(match[2] ?? '')), Number(match[3]))
    }
    const covered =
      /^node_(cpu_|load|memory_|filesystem_|disk_[a-hj-z]|pressure_|boot_|context_|intr_|forks_|procs_|filefd_|vmstat_|network_(receive|transmit)_(bytes|packets)|network_(up|mtu|speed|carrier$)|uname|sockstat_(TCP|UDP)_inuse)/
    // Debian's 1.5 still lists compressed memory disks; upstream leaves them out since 1.6. A speed of -1 is no speed.
    const wanted = [...theirs]
      .filter(([key]) => covered.test(key) && !key.includes('zram'))
      .filter(([key, value]) => value >= 0 || !key.includes('speed'))
    expect(wanted.length).toBeGreaterThan(100)
    const missing = wanted.filter(([key]) => !ours.has(key)).map(([key]) => key)
    expect(missing).toEqual([])
    const wrong = wanted
      .map(([key, value]) => ({ key, theirs: value, ours: ours.get(key)! }))
      .filter((pair) => !agrees(pair.key, pair.theirs, pair.ours))
    console.log(`host: ${wanted.length} series agree with node_exporter, ${wrong.length} differ`)
    expect(wrong).toEqual([])
  })

  it('reads commands with brackets and blanks, escaped mount points, and fields without a unit', () => {
    const fields = ['S', ...Array.from({ length: 30 }, (_, i) => i)].join(' ')
    expect(decodeProcessStat(`42 (tmux: (a) b) ${fields}`)).toMatchObject({ pid: 42, name: 'tmux: (a) b', state: 'S' })
    expect(decodeProcessStat('garbage')).toBeUndefined()
    expect(decodeMounts('/dev/sda1 /mnt/my\\040disk ext4 ro,noatime 0 0\n')).toEqual([
      { device: '/dev/sda1', mountPoint: '/mnt/my disk', type: 'ext4', isReadOnly: true },
    ])
    expect(decodeMeminfo('Active(anon):  4 kB\nHugePages_Total:  2\n')).toEqual([
      ['Active_anon_bytes', 4096],
      ['HugePages_Total', 2],
    ])
  })

  it('reads the limits of its control group', () => {
    const root = join(import.meta.dirname, 'testdata/cgroup-v2')
    const gather = createGather({}, 0)
    const config = hostConfigSchema.parse({ procPath: join(root, 'proc'), sysPath: join(root, 'sys') })
    cgroupReader(createPaths(config)).read(gather)
    const values = Object.fromEntries(gather.samples.map(({ labels, value }) => [labels['__name__'], value]))
    expect(values).toMatchObject({
      guanlan_host_cgroup_memory_current_bytes: 104857600,
      guanlan_host_cgroup_memory_limit_bytes: 209715200,
      guanlan_host_cgroup_memory_anon_bytes: 4096,
      guanlan_host_cgroup_memory_oom_kills_total: 1,
      guanlan_host_cgroup_cpu_usage_seconds_total: 2.5,
      guanlan_host_cgroup_cpu_throttled_seconds_total: 0.1,
      guanlan_host_cgroup_cpu_limit_cores: 1.5,
    })
    expect(values).not.toHaveProperty('guanlan_host_cgroup_memory_swap_bytes')
  })
})

async function sideBySide(): Promise<{ exporterText: string; ours: Map<string, number> }> {
  const port = await freePort()
  const child: ChildProcess = spawn(exporter, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' })
  try {
    const url = `http://127.0.0.1:${port}/metrics`
    let exporterText = ''
    for (let i = 0; i < 200 && exporterText === ''; i++) {
      exporterText = await fetch(url).then(
        (response) => response.text(),
        () => '',
      )
      if (exporterText === '') await sleep(50)
    }
    const [{ samples }, text] = await Promise.all([measure(), fetch(url).then((response) => response.text())])
    const ours = new Map(
      samples.map(({ labels, value }) => {
        const { __name__: name, job: _job, instance: _instance, ...rest } = labels
        return [seriesKey(name!, rest), value]
      }),
    )
    return { exporterText: text, ours }
  } finally {
    await endProcess(child)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((match) => [match[1]!, match[2]!]))
}

function seriesKey(name: string, labels: Record<string, string>): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== '')
  return `${name}${JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))}`
}

/** Both read a live machine a few milliseconds apart. */
function agrees(key: string, theirs: number, ours: number): boolean {
  if (/^node_(load|procs_|sockstat|pressure|disk_io_now|filefd_allocated)/.test(key))
    return Math.abs(theirs - ours) < 100
  if (/memory_|filesystem_/.test(key)) return Math.abs(theirs - ours) <= Math.max(theirs * 0.1, 256 * 1024 * 1024)
  return Math.abs(theirs - ours) <= Math.max(Math.abs(theirs) * 0.02, 50)
}
