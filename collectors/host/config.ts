import { hostname } from 'node:os'
import { z } from 'zod'

export const hostConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether this machine is measured'),
  intervalMs: z.int().min(1000).max(3_600_000).default(15_000).describe('Time between two measurements'),
  instance: z.string().min(1).max(253).default(hostname()).describe('The `instance` label of every series'),
  processesTop: z
    .int()
    .min(0)
    .max(200)
    .default(20)
    .describe('Process names reported, by CPU and by memory; the others are summed up as `other`'),
  filesystemTypesExclude: z
    .string()
    .default(
      '^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$',
    )
    .describe('RE2 of file system types left out; `/` is always measured'),
  mountPointsExclude: z
    .string()
    .default('^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)')
    .describe('RE2 of mount points left out'),
  disksExclude: z
    .string()
    .default('^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$')
    .describe('RE2 of block devices left out: partitions count in their disk'),
  devicesMax: z.int().min(1).max(10_000).default(256).describe('Network devices, disks and mount points, each'),
  procPath: z.string().default('/proc').describe('Where procfs is mounted, e.g. /host/proc in a container'),
  sysPath: z.string().default('/sys').describe('Where sysfs is mounted'),
  rootPath: z.string().default('/').describe('Where the root of the machine is mounted'),
})

export type HostConfig = z.infer<typeof hostConfigSchema>
