// Threat intelligence joined to the log, the event store and the alerts.
import type { Registry } from 'prom-client'
import type { Alerting } from '#alerts/alerting.ts'
import type { Clock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import { Consumer } from '#pipeline/log/consumer.ts'
import type { Log } from '#pipeline/log/log.ts'
import type { IntelConfig } from '#security/intel/config.ts'
import { createIntel, type Intel } from '#security/intel/service.ts'
import type { EventStore } from '#stores/events/store.ts'
import type { SharedEvents } from './decoded.ts'
import { guardedFetch } from './guarded-fetch.ts'

const consumerName = 'intel'

export interface IntelPart {
  intel: Intel
  /** None while no feed is configured: nothing is read for nothing. */
  consumers: Consumer[]
}

export function createIntelPart(
  config: IntelConfig,
  deps: {
    directory: string
    clock: Clock
    logger: Logger
    metrics: Registry
    log: Log
    shared: SharedEvents
    alerting: Alerting
    events: Pick<EventStore, 'search'>
  },
): IntelPart {
  const { directory, clock, logger, metrics, log, shared, alerting, events } = deps
  const intel = createIntel(config, {
    ...{ directory, clock, logger, metrics, fetch: guardedFetch },
    onFinding: (findings) => alerting.submit(findings),
    search: async (query, fromMs, toMs, limit) =>
      (await events.search({ query, fromMs, toMs, limit, order: 'newest' })).events,
  })
  if (intel.isIdle) return { intel, consumers: [] }
  const read = shared.reader()
  const consumer = new Consumer(
    { name: consumerName, topic: 'events', bytesMax: 1024 * 1024, lingerMs: 0 },
    {
      ...{ log, logger },
      // What came before the first feed was configured is looked for in the store.
      position: async () => log.position(consumerName, 'events') ?? log.bounds('events').next,
      handle: async (records, nextOffset) => {
        for (const record of records) {
          const events = await read(record)
          await shared.pace(() => intel.apply(events))
        }
        log.savePosition(consumerName, 'events', nextOffset)
      },
    },
  )
  return { intel, consumers: [consumer] }
}
