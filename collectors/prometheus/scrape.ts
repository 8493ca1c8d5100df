// One target, scraped again and again. What a series' text means is worked out once and kept as long as the target
// shows it; a series that is gone gets a stale marker (scrape/scrape.go).

import type { CollectorDeps } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import { type Exemplar, type Labels, type MetricMetadata, type Sample, staleNaN } from '#core/sample.ts'
import type { JobConfig, PrometheusConfig } from './config.ts'
import { type Format, formatOf } from './decode.ts'
import type { Fetcher } from './fetch.ts'
import type { Relabel } from './relabel.ts'
import type { Target } from './target.ts'

const receiver = 'prometheus'
/** Help and type are said again after so many scrapes, for a store that was rebuilt. */
const metadataEvery = 40

interface Known {
  /** Undefined when relabelling dropped it. */
  labels: Labels | undefined
  /** Number of the scrape that showed it last. */
  scrape: number
  /** With a timestamp of its own the target decides how long it lasts: no stale marker. */
  hasTimestamp: boolean
}

export interface Scrape {
  /** Emits what the target has, or that it is down. Never rejects. */
  run(stop: AbortSignal): Promise<void>
  /** Ends all its series: it is a target no more. */
  retire(): Promise<void>
  /** Why the last scrape failed; empty when it did not. */
  readonly problem: string
}

export interface ScrapeDeps {
  config: PrometheusConfig
  job: JobConfig
  fetcher: Fetcher
  relabelMetrics: Relabel
  deps: CollectorDeps
}

interface Outcome {
  samples: Sample[]
  metadata: MetricMetadata[]
  scraped: number
  kept: number
  added: number
}

export function createScrape(target: Target, { config, job, fetcher, relabelMetrics, deps }: ScrapeDeps): Scrape {
  const timeoutMs = Math.min(
    job.scrape_timeout ?? config.global.scrape_timeout,
    job.scrape_interval ?? config.global.scrape_interval,
  )
  const samplesMax = job.sample_limit || config.samplesMax
  const origin = { receiver, source: `${target.labels['job']} ${target.labels['instance']}` }
  let known = new Map<string, Known>()
  let scrapes = 0
  /** The scrape whose help and types were taken last. */
  let saidAt = Number.NEGATIVE_INFINITY
  let problem = ''

  const formatOptions = { native: job.scrape_native_histograms, classic: job.always_scrape_classic_histograms }

  const read = (body: Buffer, format: Format, nowMs: number): Outcome => {
    const outcome: Outcome = { samples: [], metadata: [], scraped: 0, kept: 0, added: 0 }
    const take = (
      series: string,
      timestampMs: number | undefined,
      line: number,
      point: Pick<Sample, 'value' | 'histogram' | 'exemplars'>,
    ): void => {
      outcome.scraped++
      let entry = known.get(series)
      if (!entry) {
        const labels = relabelMetrics(withTarget(format.parseSeries(series, line)))
        entry = { labels: labels?.['__name__'] ? labels : undefined, scrape: -1, hasTimestamp: false }
        known.set(series, entry)
        if (entry.labels) outcome.added++
      }
      const isRepeated = entry.scrape === scrapes
      entry.scrape = scrapes
      if (!entry.labels) return
      const ownMs = job.honor_timestamps ? timestampMs : undefined
      // The same series twice at one time: the first counts.
      if (isRepeated && ownMs === undefined) return
      entry.hasTimestamp = ownMs !== undefined
      if (++outcome.kept > samplesMax) throw new Error(`it has more than ${samplesMax} samples`)
      outcome.samples.push({ labels: entry.labels, timestampMs: ownMs ?? nowMs, ...point })
    }
    // An exemplar without a time is of now.
    const dated = (exemplars: readonly Exemplar[]): Exemplar[] =>
      exemplars.map((one) => (Number.isNaN(one.timestampMs) ? { ...one, timestampMs: nowMs } : one))
    format.parse(body, {
      sample: (series, value, timestampMs, line, exemplar) =>
        take(series, timestampMs, line, exemplar ? { value, exemplars: dated([exemplar]) } : { value }),
      histogram: (series, histogram, timestampMs, exemplars) =>
        take(series, timestampMs, 0, { value: 0, histogram, exemplars: dated(exemplars) }),
      metadata: (entry) => {
        if (scrapes - saidAt >= metadataEvery) outcome.metadata.push(entry)
      },
    })
    return outcome
  }

  const withTarget = (labels: Labels): Labels => {
    for (const [name, value] of Object.entries(target.labels)) {
      if (labels[name] === undefined || labels[name] === '') labels[name] = value
      else if (!job.honor_labels) {
        let exported = `exported_${name}`
        while (labels[exported] !== undefined) exported = `exported_${exported}`
        labels[exported] = labels[name]
        labels[name] = value
      }
    }
    return labels
  }

  /** Series that the last scrapes showed and this one did not. */
  const takeGone = (nowMs: number, current: number): Sample[] => {
    const gone: Sample[] = []
    for (const [series, { labels, scrape, hasTimestamp }] of known) {
      if (scrape === current) continue
      known.delete(series)
      if (labels && !hasTimestamp) gone.push({ labels, timestampMs: nowMs, value: staleNaN })
    }
    return gone
  }

  const report = (nowMs: number, values: Record<string, number>): Sample[] =>
    Object.entries(values).map(([name, value]) => ({
      labels: { ...target.labels, __name__: name },
      timestampMs: nowMs,
      value,
    }))

  const send = async (samples: Sample[], metadata: MetricMetadata[]): Promise<void> => {
    const { emit, counters, logger } = deps
    for (let from = 0; from < samples.length; from += config.batchSamplesMax) {
      const batch = samples.slice(from, from + config.batchSamplesMax)
      counters.received(batch.length)
      try {
        await emit.samples(batch, from === 0 ? metadata : [], origin)
        counters.accepted(batch.length)
        if (from === 0 && metadata.length > 0) saidAt = scrapes
      } catch (error) {
        // The next scrape is due before a retry could be worth it.
        counters.dropped(error instanceof CodedError ? error.code : 'internal', batch.length)
        logger.warn({ ...origin, cause: (error as Error).message, count: batch.length }, 'a scrape was not kept')
      }
    }
  }

  return {
    get problem() {
      return problem
    },
    run: async (stop) => {
      const nowMs = deps.clock.nowMs()
      const begunMs = deps.clock.monotonicMs()
      scrapes++
      let outcome: Outcome = { samples: [], metadata: [], scraped: 0, kept: 0, added: 0 }
      let up = 1
      try {
        const { body, contentType } = await fetcher.get(target.url, timeoutMs, stop)
        outcome = read(body, formatOf(contentType, formatOptions), nowMs)
        problem = ''
      } catch (error) {
        // Stopped, not failed: the target is not down.
        if (stop.aborted) return
        up = 0
        problem = (error as Error).message || String((error as NodeJS.ErrnoException).code)
      }
      // After a failure all its series have ended.
      const gone = takeGone(nowMs, up === 1 ? scrapes : -1)
      const reports = report(nowMs, {
        up,
        scrape_duration_seconds: (deps.clock.monotonicMs() - begunMs) / 1000,
        scrape_samples_scraped: outcome.scraped,
        scrape_samples_post_metric_relabeling: outcome.kept,
        scrape_series_added: outcome.added,
      })
      await send([...outcome.samples, ...gone, ...reports], outcome.metadata)
    },
    retire: async () => {
      const nowMs = deps.clock.nowMs()
      const gone = takeGone(nowMs, -1)
      known = new Map()
      const ended = {
        up: staleNaN,
        scrape_duration_seconds: staleNaN,
        scrape_samples_scraped: staleNaN,
        scrape_samples_post_metric_relabeling: staleNaN,
        scrape_series_added: staleNaN,
      }
      await send([...gone, ...report(nowMs, ended)], [])
    },
  }
}
