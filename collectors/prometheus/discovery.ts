// Where targets come from: the configuration, files, DNS. Each source is asked again at its own interval; one that
// fails keeps the targets it last gave, as in Prometheus.
import { resolve4, resolve6, resolveSrv } from 'node:dns/promises'
import { glob, readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import type { Clock } from '#core/clock.ts'
import { readYaml } from '#core/yaml-source.ts'
import { type JobConfig, type TargetGroup, targetGroupSchema } from './config.ts'

const filesMax = 1000
const fileBytesMax = 8 * 1024 * 1024
const dnsTimeoutMs = 5000
/** Files are looked at this often; they are read again when they changed. */
const fileLookMs = 5000

export interface Discovery {
  /** @returns the groups of all sources. Never rejects: what is wrong is in `problems`. */
  groups(): Promise<TargetGroup[]>
  problems(): string[]
}

export function createDiscovery(job: JobConfig, clock: Clock): Discovery {
  const sources = [
    ...job.file_sd_configs.map((config) => fileSource(config.files, Math.min(fileLookMs, config.refresh_interval))),
    ...job.dns_sd_configs.map((config) => ({
      everyMs: config.refresh_interval,
      ask: () => Promise.all(config.names.map((name) => resolveName(name, config.type, config.port))),
    })),
  ].map((source) => ({ ...source, dueMs: Number.NEGATIVE_INFINITY, last: [] as TargetGroup[], problem: '' }))
  return {
    groups: async () => {
      await Promise.all(
        sources.map(async (source) => {
          if (clock.monotonicMs() < source.dueMs) return
          source.dueMs = clock.monotonicMs() + source.everyMs
          try {
            source.last = await source.ask()
            source.problem = ''
          } catch (error) {
            source.problem = (error as Error).message
          }
        }),
      )
      return [...job.static_configs, ...sources.flatMap(({ last }) => last)]
    },
    problems: () => sources.map(({ problem }) => problem).filter((problem) => problem !== ''),
  }
}

function fileSource(globs: string[], everyMs: number): { everyMs: number; ask(): Promise<TargetGroup[]> } {
  const schema = z.array(targetGroupSchema).max(10_000)
  const read = new Map<string, { version: string; groups: TargetGroup[] }>()
  return {
    everyMs,
    ask: async () => {
      const present = new Set<string>()
      let problem: Error | undefined
      for await (const path of glob(globs)) {
        if (present.size >= filesMax) throw new Error(`more than ${filesMax} files match ${globs.join(', ')}`)
        present.add(path)
        const { mtimeNs, size, ino } = await stat(path, { bigint: true })
        const version = `${mtimeNs}:${size}:${ino}`
        if (read.get(path)?.version === version) continue
        if (size > fileBytesMax) throw new Error(`${path} is larger than ${fileBytesMax} bytes`)
        // JSON is YAML.
        const source = readYaml(path, await readFile(path, 'utf8'), schema, fileBytesMax)
        if (source.value) {
          const groups = source.value.map(({ targets, labels }) => ({
            targets,
            labels: { __meta_filepath: path, ...labels },
          }))
          read.set(path, { version, groups })
        } else {
          const [first] = source.problems
          problem ??= new Error(`${first!.file}:${first!.line}: ${first!.cause}`)
        }
      }
      for (const path of read.keys()) if (!present.has(path)) read.delete(path)
      if (problem) throw problem
      return [...read.values()].flatMap(({ groups }) => groups)
    },
  }
}

async function resolveName(name: string, type: 'SRV' | 'A' | 'AAAA', port: number | undefined): Promise<TargetGroup> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name}: no answer from DNS within ${dnsTimeoutMs} ms`)), dnsTimeoutMs)
  })
  try {
    const targets = await Promise.race([lookUp(name, type, port), timeout])
    return { targets, labels: { __meta_dns_name: name } }
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

async function lookUp(name: string, type: 'SRV' | 'A' | 'AAAA', port: number | undefined): Promise<string[]> {
  if (type === 'SRV') return (await resolveSrv(name)).map((record) => `${record.name}:${record.port}`)
  if (type === 'A') return (await resolve4(name)).map((address) => `${address}:${port}`)
  return (await resolve6(name)).map((address) => `[${address}]:${port}`)
}
