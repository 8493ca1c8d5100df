// The log's first readers: the event store, the metric store, and the rules over events.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { EventRules } from '#analytics/event-rules/index.ts'
import type { Logger } from '#core/logger.ts'
import { createPace } from '#core/pace.ts'
import { Consumer } from '#pipeline/log/consumer.ts'
import type { Journal } from '#pipeline/log/journal/journal.ts'
import type { ThreadedEvents } from '#stores/events/duckdb/thread.ts'
import type { MetricStore } from '#stores/metrics/store.ts'
import type { SharedEvents } from './decoded.ts'

/** The log keeps what these have not made durable elsewhere. */
export const storeConsumerNames = { events: 'events', metrics: 'metrics', rules: 'event-rules' } as const

export interface StoreConsumers {
  events: Consumer
  metrics: Consumer
  rules: Consumer
}

const bytesMax = 4 * 1024 * 1024

export function createStoreConsumers(deps: {
  log: Journal
  logger: Logger
  metrics: Registry
  shared: SharedEvents
  events: ThreadedEvents
  samples: MetricStore
  rules: EventRules
}): StoreConsumers {
  const { log, logger, shared, events, samples, rules } = deps
  const read = shared.reader()
  const stored = new Counter({
    name: 'guanlan_store_stored_total',
    help: 'What a store took from the log and keeps',
    labelNames: ['store'],
    registers: [deps.metrics],
  })
  const refused = new Counter({
    name: 'guanlan_store_refused_total',
    help: 'What a store could not keep, by reason',
    labelNames: ['store', 'reason'],
    registers: [deps.metrics],
  })
  return {
    events: new Consumer(
      { name: storeConsumerNames.events, topic: 'events', bytesMax, lingerMs: 50 },
      {
        ...{ log, logger },
        position: () => events.position(),
        handle: async (records, nextOffset) => {
          const total = records.reduce((sum, { count }) => sum + count, 0)
          const fresh = await events.appendRecords(
            records.map(({ payload }) => payload),
            nextOffset,
          )
          stored.inc({ store: 'events' }, fresh)
          if (fresh < total) refused.inc({ store: 'events', reason: 'duplicate' }, total - fresh)
        },
      },
    ),
    metrics: new Consumer(
      { name: storeConsumerNames.metrics, topic: 'samples', bytesMax, lingerMs: 0 },
      {
        ...{ log, logger },
        position: () => samples.position(),
        handle: async (records) => {
          const pace = createPace()
          for (const { payload, offset, key } of records) {
            await pace(true)
            const result = await samples.append(payload, offset + 1, key)
            stored.inc({ store: 'metrics' }, result.appended)
            for (const [reason, count] of Object.entries(result.refused))
              refused.inc({ store: 'metrics', reason }, count)
          }
        },
      },
    ),
    rules: new Consumer(
      { name: storeConsumerNames.rules, topic: 'events', bytesMax, lingerMs: 0 },
      {
        ...{ log, logger },
        position: async () => rules.position,
        handle: async (records) => {
          for (const record of records) {
            const events = await read(record)
            await shared.pace(() => rules.apply(events, record.offset))
          }
        },
      },
    ),
  }
}

export function behindGauge(metrics: Registry, consumers: readonly Consumer[]): void {
  new Gauge({
    name: 'guanlan_consumer_behind_records',
    help: 'Records of the log that a consumer has not applied yet',
    labelNames: ['consumer'],
    registers: [metrics],
    collect() {
      for (const one of consumers) this.set({ consumer: one.name }, one.behind)
    },
  })
}
