// Disks, file systems and network devices.
import type { StatsFs } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { compileRegex } from '#core/regex.ts'
import type { HostConfig } from './config.ts'
import { decodeDiskstats, decodeMounts, decodeNetDev, type Mount } from './decode.ts'
import type { Gather } from './gather.ts'
import type { Paths, Reader } from './reader.ts'

/** A dead network file system never answers statfs: it is given up after so long, and asked again once it answered. */
const statfsTimeoutMs = 5000
/** The kernel counts sectors of 512 bytes whatever the disk's own are (admin-guide/iostats.rst). */
const sectorBytes = 512

export function deviceReaders(config: HostConfig, paths: Paths): Reader[] {
  return [diskstats(config, paths), filesystem(config, paths), netdev(config, paths)]
}

/** Column by column behind the device's name: metric, help, factor. */
const diskColumns: [name: string, kind: 'counter' | 'gauge', help: string, factor: number][] = [
  ['reads_completed_total', 'counter', 'Reads completed', 1],
  ['reads_merged_total', 'counter', 'Reads merged', 1],
  ['read_bytes_total', 'counter', 'Bytes read', sectorBytes],
  ['read_time_seconds_total', 'counter', 'Seconds spent by all reads', 0.001],
  ['writes_completed_total', 'counter', 'Writes completed', 1],
  ['writes_merged_total', 'counter', 'Writes merged', 1],
  ['written_bytes_total', 'counter', 'Bytes written', sectorBytes],
  ['write_time_seconds_total', 'counter', 'Seconds spent by all writes', 0.001],
  ['io_now', 'gauge', 'Operations in progress', 1],
  ['io_time_seconds_total', 'counter', 'Seconds the disk was busy', 0.001],
  ['io_time_weighted_seconds_total', 'counter', 'Seconds busy, weighted by operations in progress', 0.001],
  ['discards_completed_total', 'counter', 'Discards completed', 1],
  ['discards_merged_total', 'counter', 'Discards merged', 1],
  ['discarded_sectors_total', 'counter', 'Sectors discarded', 1],
  ['discard_time_seconds_total', 'counter', 'Seconds spent by all discards', 0.001],
  ['flush_requests_total', 'counter', 'Flush requests completed', 1],
  ['flush_requests_time_seconds_total', 'counter', 'Seconds spent by all flush requests', 0.001],
]

function diskstats(config: HostConfig, paths: Paths): Reader {
  const excluded = compileRegex(config.disksExclude)
  return {
    name: 'diskstats',
    read: (to) => {
      const disks = decodeDiskstats(paths.proc('diskstats')).filter(({ device }) => !excluded.test(device))
      for (const { device, columns } of disks.slice(0, config.devicesMax))
        columns.slice(0, diskColumns.length).forEach((value, i) => {
          const [name, kind, help, factor] = diskColumns[i]!
          // Thousandths by division: 0.001 has no exact binary form.
          to[kind](`node_disk_${name}`, help, factor === 0.001 ? value / 1000 : value * factor, { device })
        })
    },
  }
}

function filesystem(config: HostConfig, paths: Paths): Reader {
  const typeExcluded = compileRegex(config.filesystemTypesExclude)
  const pointExcluded = compileRegex(config.mountPointsExclude)
  const stuck = new Set<string>()

  const isWanted = ({ mountPoint, type }: Mount): boolean =>
    // In a container `/` is an overlay, and the only file system that can fill up.
    mountPoint === '/' || (!typeExcluded.test(type) && !pointExcluded.test(mountPoint))

  const measure = async (to: Gather, mount: Mount): Promise<void> => {
    const labels = { device: mount.device, mountpoint: mount.mountPoint, fstype: mount.type }
    const stats = stuck.has(mount.mountPoint) ? undefined : await ask(mount.mountPoint)
    to.gauge('node_filesystem_readonly', 'Whether it is mounted read-only', mount.isReadOnly ? 1 : 0, labels)
    to.gauge('node_filesystem_device_error', 'Whether it could not be asked', stats ? 0 : 1, labels)
    if (!stats) return
    to.gauge('node_filesystem_size_bytes', 'Size', stats.blocks * stats.bsize, labels)
    to.gauge('node_filesystem_free_bytes', 'Free space', stats.bfree * stats.bsize, labels)
    to.gauge('node_filesystem_avail_bytes', 'Space for users other than root', stats.bavail * stats.bsize, labels)
    to.gauge('node_filesystem_files', 'File nodes', stats.files, labels)
    to.gauge('node_filesystem_files_free', 'Free file nodes', stats.ffree, labels)
  }

  const ask = async (mountPoint: string): Promise<StatsFs | undefined> => {
    const answer = statfs(join(config.rootPath, mountPoint)).catch(() => undefined)
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<'timeout'>((resolve) => {
      timer = setTimeout(resolve, statfsTimeoutMs, 'timeout')
    })
    const first = await Promise.race([answer, timeout])
    clearTimeout(timer)
    if (first !== 'timeout') return first
    stuck.add(mountPoint)
    void answer.then(() => stuck.delete(mountPoint))
    return undefined
  }

  return {
    name: 'filesystem',
    read: async (to) => {
      const mounts = decodeMounts(paths.tryProc('1/mounts') ?? paths.proc('self/mounts'))
      // Of mounts over one another the last is seen.
      const byPoint = new Map(mounts.filter(isWanted).map((mount) => [mount.mountPoint, mount]))
      await Promise.all([...byPoint.values()].slice(0, config.devicesMax).map((mount) => measure(to, mount)))
    },
  }
}

const receiveColumns = ['bytes', 'packets', 'errs', 'drop', 'fifo', 'frame', 'compressed', 'multicast']
const transmitColumns = ['bytes', 'packets', 'errs', 'drop', 'fifo', 'colls', 'carrier', 'compressed']

function netdev(config: HostConfig, paths: Paths): Reader {
  return {
    name: 'netdev',
    read: (to) => {
      for (const { device, columns } of decodeNetDev(paths.proc('net/dev')).slice(0, config.devicesMax)) {
        receiveColumns.forEach((name, i) => {
          to.counter(`node_network_receive_${name}_total`, `Received: ${name}`, columns[i] ?? Number.NaN, { device })
        })
        transmitColumns.forEach((name, i) => {
          const value = columns[receiveColumns.length + i] ?? Number.NaN
          to.counter(`node_network_transmit_${name}_total`, `Transmitted: ${name}`, value, { device })
        })
        netclass(to, device, paths)
      }
    },
  }
}

function netclass(to: Gather, device: string, paths: Paths): void {
  const read = (name: string): string => paths.trySys(`class/net/${device}/${name}`) ?? ''
  const operstate = read('operstate')
  if (operstate === '') return
  to.gauge('node_network_up', 'Whether the operational state is up', operstate === 'up' ? 1 : 0, { device })
  to.gauge('node_network_info', 'The device as the kernel describes it', 1, {
    device,
    operstate,
    address: read('address'),
    broadcast: read('broadcast'),
    duplex: read('duplex'),
    ifalias: read('ifalias'),
  })
  // Absent while the device is down, and -1 where the driver does not know.
  const megabits = Number.parseInt(read('speed'), 10)
  if (megabits > 0) to.gauge('node_network_speed_bytes', 'Speed in bytes per second', (megabits * 1e6) / 8, { device })
  const carrier = Number.parseInt(read('carrier'), 10)
  to.gauge('node_network_carrier', 'Whether there is a carrier', carrier, { device })
  to.gauge('node_network_mtu_bytes', 'Largest packet', Number.parseInt(read('mtu'), 10), { device })
}
