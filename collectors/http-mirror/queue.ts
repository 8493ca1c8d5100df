// Between the gateway, which is answered at once, and the inspection, which takes its time: bounded in bodies and bytes.
// What does not fit is dropped and counted; what was looked into is counted as accepted once its findings are on disk.
import type { CollectorDeps } from '#core/collector.ts'
import type { RawEvent } from '#core/event.ts'
import type { Inspected } from '#core/sensitive.ts'
import { reasonOf } from '../body.ts'
import { exchangeEvent } from './event.ts'
import type { Exchange, MirroredPart } from './exchange.ts'

export interface QueueLimits {
  bodiesMax: number
  bytesMax: number
}

interface Waiting {
  exchange: Exchange
  part: MirroredPart
}

const batchMax = 200

export function createMirrorQueue(
  limits: QueueLimits,
  { emit, counters, clock, inspector, logger }: CollectorDeps,
  receiver: string,
) {
  let waiting: Waiting[] = []
  let bytes = 0
  let working: Promise<void> | undefined
  let isClosing = false

  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchMax)
      const events: RawEvent[] = []
      let looked = 0
      for (const [i, { exchange, part }] of batch.entries()) {
        if (isClosing) {
          counters.dropped('closing', batch.length - i)
          break
        }
        const inspected: Inspected = await inspector.inspect({ ...part, url: exchange.url })
        bytes -= part.bytes.length
        const event = exchangeEvent(exchange, part, inspected, clock.nowMs())
        // A body that is no text may still have come with something in its address.
        if (event) events.push(event)
        if (inspected.skipped && !event) counters.dropped(inspected.skipped, 1)
        else if (!event) looked++
      }
      counters.accepted(looked)
      if (events.length > 0) await tell(events)
    }
  }

  const tell = async (events: RawEvent[]): Promise<void> => {
    try {
      await emit.events(events, { receiver, source: 'gateway' })
      counters.accepted(events.length)
    } catch (error) {
      counters.dropped(reasonOf(error), events.length)
      logger.warn({ err: error, events: events.length }, 'findings in mirrored bodies were lost')
    }
  }

  const run = (): void => {
    working ??= work()
      .catch((error: unknown) => logger.error({ err: error }, 'mirrored bodies could not be looked into'))
      .finally(() => {
        working = undefined
        if (waiting.length > 0) run()
      })
  }

  return {
    /** Never waits. */
    add: (exchange: Exchange): void => {
      for (const part of exchange.parts) {
        counters.received(1)
        if (waiting.length >= limits.bodiesMax || bytes + part.bytes.length > limits.bytesMax) {
          counters.dropped('queue-full', 1)
          continue
        }
        bytes += part.bytes.length
        waiting.push({ exchange, part })
      }
      run()
    },
    get size(): number {
      return waiting.length
    },
    /** What waits is looked into first, for as long as is given. */
    close: async (msMax: number): Promise<void> => {
      const late = new Promise<void>((resolve) => setTimeout(resolve, msMax).unref())
      await Promise.race([working, late])
      isClosing = true
      if (waiting.length > 0) counters.dropped('closing', waiting.length)
      waiting = []
      // The one in hand, and what was found before it.
      await working
    },
  }
}
