// From a collector's batch to the log: parse → normalise → enrich → encode → append. The sender is told when the batch is
// on disk; then the live tap sees it.
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from '#core/clock.ts'
import type { Emit, Origin } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import type { Event, RawEvent } from '#core/event.ts'
import type { Random } from '#core/random.ts'
import type { MetricMetadata, Sample } from '#core/sample.ts'
import type { Span } from '#core/span.ts'
import type { PipelineConfig } from './config.ts'
import { eventSeparator } from './encode/events.ts'
import { encodeSpans, spanToRawEvent } from './encode/span.ts'
import { createWriteRequestEncoder } from './encode/write-request.ts'
import { joinAuditRecords } from './enrich/audit-records.ts'
import type { Inventory } from './enrich/inventory.ts'
import type { Log, Topic } from './log/log.ts'
import { createIds } from './normalise/event-id.ts'
import { createNormalise, type Parse } from './normalise/normalise.ts'
import { SourceTable } from './sources.ts'
import { Tap } from './tap.ts'

export interface PipelineDeps {
  log: Pick<Log, 'append'>
  clock: Clock
  random: Random
  metrics: Registry
  inventory: Inventory
  parsers: Parse
}

export interface Pipeline extends Emit {
  readonly sources: SourceTable
  readonly tap: Tap
}

/** Label values of `dataset` before the rest is called `other`: senders choose names, and each costs memory. */
const datasetLabelsMax = 200
const retryAfterSeconds = 1

export function createPipeline(config: PipelineConfig, deps: PipelineDeps): Pipeline {
  const counters = createCounters(deps.metrics)
  const sources = new SourceTable(deps.clock)
  const tap = new Tap()
  const encoder = createWriteRequestEncoder()
  const normalise = createNormalise({
    clock: deps.clock,
    parsers: deps.parsers,
    inventory: deps.inventory,
    nextId: createIds(deps.random),
    timestampLimits: {
      pastMsMax: config.timestampPastDaysMax * 86_400_000,
      futureMsMax: config.timestampFutureHoursMax * 3_600_000,
    },
    adjusted: (reason) => counters.adjusted.inc({ reason }),
  })
  let inFlight = 0

  /** Refuses before any work is done, so that overload costs nothing and nothing of the batch is kept. */
  const admitted = async <T>(count: number, work: () => Promise<T>): Promise<T> => {
    if (inFlight > 0 && inFlight + count > config.inFlightEventsMax)
      throw new CodedError('log.overloaded', {}, { retryAfterSeconds })
    inFlight += count
    counters.inFlight.set(inFlight)
    try {
      return await work()
    } finally {
      inFlight -= count
      counters.inFlight.set(inFlight)
    }
  }

  const append = (topic: Topic, origin: Origin, count: number, payload: Uint8Array): Promise<number> => {
    if (payload.length > config.recordBytesMax) throw new CodedError('body.too-large', { limit: config.recordBytesMax })
    return deps.log.append(topic, { key: `${origin.receiver}/${origin.source}`, count, payload })
  }

  const appendEvents = async (batch: readonly RawEvent[], origin: Origin): Promise<void> => {
    const events: Event[] = []
    const parts: Buffer[] = []
    const datasets = new Map<string, number>()
    let unparsed = 0
    for (let from = 0; from < batch.length; from += config.sliceEvents) {
      if (from > 0) await yieldToOthers()
      const nowMs = deps.clock.nowMs()
      const to = Math.min(batch.length, from + config.sliceEvents)
      for (let i = from; i < to; i++) {
        const { event, parsed } = normalise(batch[i]!, origin, nowMs)
        if (!parsed) unparsed++
        events.push(event)
        const dataset = event['event.dataset']
        datasets.set(dataset, (datasets.get(dataset) ?? 0) + 1)
      }
      joinAuditRecords(from === 0 && to === batch.length ? events : events.slice(from, to))
      let text = from === 0 ? '[' : eventSeparator
      for (let i = from; i < to; i++)
        text += i === from ? JSON.stringify(events[i]) : eventSeparator + JSON.stringify(events[i])
      parts.push(Buffer.from(to === batch.length ? `${text}]` : text))
    }
    const payload = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    const offset = await append('events', origin, events.length, payload)
    for (const [dataset, count] of datasets) counters.events(dataset, count)
    if (unparsed > 0) counters.unparsed.inc({ receiver: origin.receiver }, unparsed)
    tap.publish({ events, offset })
  }

  return {
    sources,
    tap,
    events: async (batch, origin) => {
      if (batch.length === 0) return
      await admitted(batch.length, () => appendEvents(batch, origin))
      sources.accepted(origin, 'events', batch.length)
    },
    samples: async (batch: Sample[], metadata: MetricMetadata[], origin) => {
      if (batch.length === 0 && metadata.length === 0) return
      await admitted(batch.length, () => append('samples', origin, batch.length, encoder.encode(batch, metadata)))
      counters.samples.inc(batch.length)
      sources.accepted(origin, 'samples', batch.length)
    },
    writeRequest: async (bytes, sampleCount, origin) => {
      await admitted(sampleCount, () => append('samples', origin, sampleCount, bytes))
      counters.samples.inc(sampleCount)
      sources.accepted(origin, 'samples', sampleCount)
    },
    spans: async (batch: Span[], origin) => {
      if (batch.length === 0) return
      await admitted(batch.length, async () => {
        // Spans first: when the second append fails the sender retries, and a span sent twice is one span by its ids.
        await append('spans', origin, batch.length, Buffer.from(encodeSpans(batch)))
        await appendEvents(batch.map(spanToRawEvent), origin)
      })
      counters.spans.inc(batch.length)
      sources.accepted(origin, 'spans', batch.length)
    },
  }
}

function createCounters(metrics: Registry) {
  const registers = [metrics]
  const events = new Counter({
    name: 'guanlan_pipeline_events_total',
    help: 'Events that became durable, by dataset',
    labelNames: ['dataset'],
    registers,
  })
  const known = new Set<string>()
  return {
    events: (dataset: string, count: number): void => {
      if (!known.has(dataset) && known.size < datasetLabelsMax) known.add(dataset)
      events.inc({ dataset: known.has(dataset) ? dataset : 'other' }, count)
    },
    samples: new Counter({
      name: 'guanlan_pipeline_samples_total',
      help: 'Samples that became durable',
      registers,
    }),
    spans: new Counter({ name: 'guanlan_pipeline_spans_total', help: 'Spans that became durable', registers }),
    unparsed: new Counter({
      name: 'guanlan_pipeline_unparsed_total',
      help: 'Events kept that no parser understood, by receiver',
      labelNames: ['receiver'],
      registers,
    }),
    adjusted: new Counter({
      name: 'guanlan_pipeline_adjusted_total',
      help: 'Things cut, replaced or left out to keep an event within its limits, by reason',
      labelNames: ['reason'],
      registers,
    }),
    inFlight: new Gauge({
      name: 'guanlan_pipeline_in_flight_events',
      help: 'Events, samples and spans between receipt and disk',
      registers,
    }),
  }
}
