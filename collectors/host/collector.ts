// Measures the machine it runs on, under the names node_exporter gives, so that dashboards and rules made for it work.
//
// procfs and sysfs are read directly: the library systeminformation starts shells for many of its answers, which costs
// more than the machine's own load, and rounds what the kernel counts exactly.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Collector, CollectorDeps, CollectorKind } from '#core/collector.ts'
import type { Health } from '#core/component.ts'
import { cgroupReader } from './cgroup.ts'
import { type HostConfig, hostConfigSchema } from './config.ts'
import { deviceReaders } from './devices.ts'
import { createGather, type Gathered } from './gather.ts'
import { portableReader } from './portable.ts'
import { processReader } from './processes.ts'
import { createPaths, type Reader } from './reader.ts'
import { systemReaders } from './system.ts'

const receiver = 'host'
/** Help and type are said again after so many measurements, for a store that was rebuilt. */
const metadataEvery = 40

export const hostKind: CollectorKind<HostConfig> = {
  name: receiver,
  configSchema: hostConfigSchema,
  create: (config, deps) => new HostCollector(config, deps),
}

export class HostCollector implements Collector {
  readonly name = receiver
  readonly #config: HostConfig
  readonly #deps: CollectorDeps
  #readers: Reader[] = []
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isStopped = true
  #measurements = 0
  readonly #failing = new Map<string, string>()

  constructor(config: HostConfig, deps: CollectorDeps) {
    this.#config = config
    this.#deps = deps
  }

  async start(): Promise<void> {
    if (!this.#config.enabled || !this.#isStopped) return
    this.#isStopped = false
    this.#measurements = 0
    this.#readers = readersFor(this.#config, this.#deps)
    this.#tick()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  health(): Health {
    if (this.#failing.size === 0) return { state: 'ok', detail: '' }
    const [name, cause] = [...this.#failing][0]!
    return { state: 'degraded', detail: `${name} cannot be measured: ${cause}` }
  }

  describe(): string[] {
    return [`${this.#config.procPath} and ${this.#config.sysPath} every ${this.#config.intervalMs / 1000} s`]
  }

  #tick(): void {
    const begunMs = this.#deps.clock.monotonicMs()
    this.#running = this.#measure().finally(() => {
      if (this.#isStopped) return
      const restMs = this.#config.intervalMs - (this.#deps.clock.monotonicMs() - begunMs)
      this.#timer = setTimeout(() => this.#tick(), Math.max(restMs, 1))
    })
  }

  async #measure(): Promise<void> {
    const { emit, counters, clock, logger } = this.#deps
    const { instance } = this.#config
    const gather = createGather({ job: receiver, instance }, clock.nowMs())
    for (const reader of this.#readers) await this.#read(reader, gather)
    gather.gauge('up', 'Whether the target answered', 1)
    const metadata = this.#measurements++ % metadataEvery === 0 ? [...gather.metadata.values()] : []
    const count = gather.samples.length
    counters.received(count)
    try {
      await emit.samples(gather.samples, metadata, { receiver, source: instance })
      counters.accepted(count)
    } catch (error) {
      // The next measurement is due before a retry could be worth it.
      counters.dropped((error as { code?: string }).code ?? 'internal', count)
      logger.warn({ cause: (error as Error).message, count }, 'a measurement of this machine was not kept')
    }
  }

  async #read(reader: Reader, gather: Gathered): Promise<void> {
    const begunMs = this.#deps.clock.monotonicMs()
    const labels = { collector: reader.name }
    let isSuccess = 1
    try {
      await reader.read(gather)
      this.#failing.delete(reader.name)
    } catch (error) {
      isSuccess = 0
      const cause = (error as Error).message
      if (!this.#failing.has(reader.name)) this.#deps.logger.warn({ ...labels, cause }, 'cannot be measured')
      this.#failing.set(reader.name, cause)
    }
    const seconds = (this.#deps.clock.monotonicMs() - begunMs) / 1000
    gather.gauge('node_scrape_collector_duration_seconds', 'Time a reader took', seconds, labels)
    gather.gauge('node_scrape_collector_success', 'Whether a reader succeeded', isSuccess, labels)
  }
}

function readersFor(config: HostConfig, deps: CollectorDeps): Reader[] {
  if (!existsSync(join(config.procPath, 'stat'))) return [portableReader(deps.clock)]
  const paths = createPaths(config)
  return [
    ...systemReaders(config, paths, deps.clock),
    ...deviceReaders(config, paths),
    processReader(config, paths),
    cgroupReader(paths),
  ]
}
