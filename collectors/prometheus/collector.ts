// Scrapes Prometheus targets: static ones, from files, from DNS. Configured in Prometheus's own words.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Collector, CollectorDeps, CollectorKind } from '#core/collector.ts'
import type { Health } from '#core/component.ts'
import { type JobConfig, type PrometheusConfig, prometheusConfigSchema } from './config.ts'
import { createDiscovery, type Discovery } from './discovery.ts'
import { createFetcher, type Fetcher } from './fetch.ts'
import { createRelabel, type Relabel } from './relabel.ts'
import { createScrape, type Scrape } from './scrape.ts'
import { type Target, targetsOf } from './target.ts'

const receiver = 'prometheus'
const discoveryLookMs = 1000
/** Targets begin one after another, not all at once, so that they stay spread over the interval. */
const spreadMs = 50

export const prometheusKind: CollectorKind<PrometheusConfig> = {
  name: receiver,
  configSchema: prometheusConfigSchema,
  create: (config, deps) => new PrometheusCollector(config, deps),
}

interface Running {
  target: Target
  scrape: Scrape
  stop: AbortController
  done: Promise<void>
}

interface Job {
  config: JobConfig
  intervalMs: number
  discovery: Discovery
  fetcher: Fetcher
  relabelTargets: Relabel
  relabelMetrics: Relabel
  running: Map<string, Running>
  problems: string[]
}

export class PrometheusCollector implements Collector {
  readonly name = receiver
  readonly #config: PrometheusConfig
  readonly #deps: CollectorDeps
  #jobs: Job[] = []
  #stop = new AbortController()
  #loop: Promise<void> | undefined
  #leftOut = 0
  #begun = 0
  #scraping = 0
  readonly #waiting: (() => void)[] = []

  constructor(config: PrometheusConfig, deps: CollectorDeps) {
    this.#config = config
    this.#deps = deps
  }

  async start(): Promise<void> {
    if (this.#loop || this.#config.scrape_configs.length === 0) return
    this.#stop = new AbortController()
    this.#jobs = this.#config.scrape_configs.map((config) => ({
      config,
      intervalMs: config.scrape_interval ?? this.#config.global.scrape_interval,
      discovery: createDiscovery(config, this.#deps.clock),
      fetcher: createFetcher(config, this.#config.bodyBytesMax),
      relabelTargets: createRelabel(config.relabel_configs),
      relabelMetrics: createRelabel(config.metric_relabel_configs),
      running: new Map(),
      problems: [],
    }))
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    this.#loop = undefined
    // No stale markers: the targets are still there, only nobody looks for a while.
    await Promise.all(this.#jobs.flatMap(({ running }) => [...running.values()].map(({ done }) => done)))
    for (const { fetcher } of this.#jobs) fetcher.close()
    this.#jobs = []
  }

  health(): Health {
    const problems = this.#jobs.flatMap(({ config, discovery, running, problems }) => [
      ...[...discovery.problems(), ...problems].map((problem) => `job ${config.job_name}: ${problem}`),
      ...[...running.values()]
        .filter(({ scrape }) => scrape.problem !== '')
        .map(({ target, scrape }) => `${target.url} is down: ${scrape.problem}`),
    ])
    if (this.#leftOut > 0) problems.unshift(`${this.#leftOut} targets are left out: raise targetsMax`)
    if (problems.length === 0) return { state: 'ok', detail: '' }
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
    return { state: 'degraded', detail: `${problems[0]}${more}` }
  }

  describe(): string[] {
    return this.#jobs.flatMap(({ running }) => [...running.values()].map(({ target }) => target.url))
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await Promise.all(this.#jobs.map((job) => this.#discover(job)))
      await sleep(discoveryLookMs, undefined, { signal }).catch(() => {})
    }
  }

  async #discover(job: Job): Promise<void> {
    const { targets, problems } = targetsOf(job.config, await job.discovery.groups(), job.relabelTargets)
    if (this.#stop.signal.aborted) return
    job.problems = problems
    const wanted = new Map(targets.map((target) => [target.key, target]))
    for (const [key, running] of job.running) {
      if (wanted.has(key)) continue
      job.running.delete(key)
      running.stop.abort()
      await running.done
      await running.scrape.retire()
    }
    let others = 0
    for (const { running } of this.#jobs) others += running.size
    let leftOut = 0
    for (const [key, target] of wanted) {
      if (job.running.has(key)) continue
      if (others >= this.#config.targetsMax) leftOut++
      else {
        others++
        job.running.set(key, this.#begin(job, target))
      }
    }
    this.#leftOut = leftOut
  }

  #begin(job: Job, target: Target): Running {
    const { relabelMetrics, fetcher, config, intervalMs } = job
    const deps = { config: this.#config, job: config, fetcher, relabelMetrics, deps: this.#deps }
    const scrape = createScrape(target, deps)
    const stop = new AbortController()
    const signal = AbortSignal.any([this.#stop.signal, stop.signal])
    const offsetMs = (this.#begun++ * spreadMs) % intervalMs
    return { target, scrape, stop, done: this.#repeat(scrape, intervalMs, offsetMs, signal) }
  }

  async #repeat(scrape: Scrape, intervalMs: number, offsetMs: number, signal: AbortSignal): Promise<void> {
    let dueMs = this.#deps.clock.monotonicMs() + offsetMs
    while (!signal.aborted) {
      const waitMs = dueMs - this.#deps.clock.monotonicMs()
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      await this.#inTurn(() => scrape.run(signal))
      // Scrapes that are overdue are left out, not made up for.
      const nowMs = this.#deps.clock.monotonicMs()
      do dueMs += intervalMs
      while (dueMs <= nowMs)
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#scraping >= this.#config.concurrencyMax) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#scraping++
    try {
      await work()
    } finally {
      // The turn is handed over as it is, so that nobody comes between.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#scraping--
    }
  }
}
