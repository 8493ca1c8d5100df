// The texts of procfs (man 5 proc; Documentation/filesystems/proc.rst, admin-guide/iostats.rst, accounting/psi.rst).

/** USER_HZ: the unit of times in procfs, 100 on every architecture Linux still runs on. */
export const ticksPerSecond = 100

export interface KernelStat {
  cpus: { cpu: string; ticks: number[] }[]
  /** Single-number lines: `btime`, `ctxt`, `processes`, `procs_running`, `procs_blocked`; of `intr` the total. */
  values: Record<string, number>
}

export function decodeStat(text: string): KernelStat {
  const stat: KernelStat = { cpus: [], values: {} }
  for (const line of text.split('\n')) {
    const fields = line.split(' ')
    const name = fields[0]!
    if (/^cpu\d+$/.test(name)) stat.cpus.push({ cpu: name.slice(3), ticks: fields.slice(1).map(Number) })
    else if (name !== '' && name !== 'cpu') stat.values[name] = Number(fields[1])
  }
  return stat
}

/** `Active(anon): 4 kB` → `Active_anon_bytes` 4096; counts without a unit keep their name, as in node_exporter. */
export function decodeMeminfo(text: string): [name: string, value: number][] {
  const entries: [string, number][] = []
  for (const line of text.split('\n')) {
    const match = /^([^:]+):\s+(\d+)( kB)?$/.exec(line)
    if (!match) continue
    const name = match[1]!.replace(/\((.*)\)/, '_$1')
    entries.push(match[3] ? [`${name}_bytes`, Number(match[2]) * 1024] : [name, Number(match[2])])
  }
  return entries
}

export interface DiskStat {
  device: string
  /** The columns behind the name; fewer on old kernels. */
  columns: number[]
}

export function decodeDiskstats(text: string): DiskStat[] {
  const disks: DiskStat[] = []
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (fields.length >= 14) disks.push({ device: fields[2]!, columns: fields.slice(3).map(Number) })
  }
  return disks
}

export function decodeNetDev(text: string): { device: string; columns: number[] }[] {
  const devices: { device: string; columns: number[] }[] = []
  for (const line of text.split('\n').slice(2)) {
    const at = line.lastIndexOf(':')
    if (at > 0) devices.push({ device: line.slice(0, at).trim(), columns: numbers(line.slice(at + 1)) })
  }
  return devices
}

export interface Mount {
  device: string
  mountPoint: string
  type: string
  isReadOnly: boolean
}

/** Blanks, tabs, line feeds and backslashes are octal escapes (man 5 fstab). */
export function decodeMounts(text: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    const [device, mountPoint, type, options] = line.split(' ')
    if (device === undefined || mountPoint === undefined || type === undefined) continue
    mounts.push({
      device: unescapeOctal(device),
      mountPoint: unescapeOctal(mountPoint),
      type,
      isReadOnly: (options ?? '').split(',').includes('ro'),
    })
  }
  return mounts
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=123` → seconds. */
export function decodePressure(text: string): { someSeconds: number; fullSeconds: number } {
  const total = (kind: string): number => {
    const match = new RegExp(`^${kind} .*total=(\\d+)`, 'm').exec(text)
    return match ? Number(match[1]) / 1e6 : Number.NaN
  }
  return { someSeconds: total('some'), fullSeconds: total('full') }
}

export interface ProcessStat {
  pid: number
  name: string
  state: string
  cpuSeconds: number
  threads: number
  /** Ticks since boot; with the PID it names one process. */
  startTicks: number
  residentPages: number
}

/** The command may hold blanks and brackets: it ends at the last bracket (man 5 proc_pid_stat). */
export function decodeProcessStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < open) return undefined
  const fields = text.slice(close + 2).split(' ')
  return {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: fields[0]!,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    threads: Number(fields[17]),
    startTicks: Number(fields[19]),
    residentPages: Number(fields[21]),
  }
}

/** Pairs of lines `Tcp: name name …` and `Tcp: 1 2 …` (/proc/net/netstat, /proc/net/snmp). */
export function decodeNetstat(text: string): [name: string, value: number][] {
  const entries: [string, number][] = []
  const lines = text.split('\n')
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const names = lines[i]!.split(' ')
    const values = lines[i + 1]!.split(' ')
    const protocol = names[0]!.replace(':', '')
    for (let k = 1; k < names.length; k++) entries.push([`${protocol}_${names[k]}`, Number(values[k])])
  }
  return entries
}

/** `TCP: inuse 4 orphan 0 …` (/proc/net/sockstat). */
export function decodeSockstat(text: string): [name: string, value: number][] {
  const entries: [string, number][] = []
  for (const line of text.split('\n')) {
    const fields = line.split(' ')
    for (let i = 1; i + 1 < fields.length; i += 2)
      entries.push([`${fields[0]!.replace(':', '')}_${fields[i]}`, Number(fields[i + 1])])
  }
  return entries
}

/** Lines `name value` (vmstat, memory.stat, cpu.stat). */
export function decodePairs(text: string): Map<string, number> {
  return new Map(
    text
      .split('\n')
      .map((line) => line.split(' '))
      .filter((fields) => fields.length === 2)
      .map(([name, value]) => [name!, Number(value)]),
  )
}

/** `NAME="Debian GNU/Linux"` (man 5 os-release). */
export function decodeOsRelease(text: string): Map<string, string> {
  const entries = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(["']?)(.*)\2$/.exec(line)
    if (match) entries.set(match[1]!, match[3]!)
  }
  return entries
}

function numbers(text: string): number[] {
  return text.trim().split(/\s+/).map(Number)
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
