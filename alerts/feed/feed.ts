// The alert feed: replay from a sequence, then live, without a gap or a duplicate.
//
// A subscriber is entered before the table is read, so what is committed meanwhile waits in its queue and is recognised
// by its sequence. A slow one that overflows its queue loses nothing: its queue is thrown away and it reads the table
// again from where it was. Memory is bounded by the queues, whatever the subscribers do.
import { asc, gt, max, min } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { alertChanges } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import type { Alert, AlertChange } from '../alert.ts'

export type FeedMessage =
  | { type: 'change'; change: AlertChange }
  /** What came after `fromSequence` is no longer kept: fetch the list once, then go on with the changes that follow. */
  | { type: 'gap'; fromSequence: number; nextSequence: number }

export interface FeedRequest {
  /** The last sequence the subscriber has; without it only what comes from now on. */
  from?: number | undefined
  signal?: AbortSignal
}

export interface AlertFeed {
  /** Ends when the signal aborts, the consumer leaves the loop, or the feed closes. */
  subscribe(request: FeedRequest): AsyncGenerator<FeedMessage, void, void>
  readonly subscribers: number
}

export interface FeedWriter extends AlertFeed {
  open(): Promise<void>
  /** In the order of the sequence, after the commit. */
  publish(changes: readonly AlertChange[]): void
  close(): void
}

export interface FeedConfig {
  subscribersMax: number
  /** Changes that wait for one subscriber in memory. */
  queueMax: number
}

interface Subscriber {
  queue: AlertChange[]
  overflowed: boolean
  wake(): void
}

const pageRows = 500

export function createFeed(config: FeedConfig, database: Database): FeedWriter {
  const subscribers = new Set<Subscriber>()
  let published = 0
  let closed = false

  const readAfter = async (sequence: number): Promise<AlertChange[]> => {
    const rows = await database
      .select()
      .from(alertChanges)
      .where(gt(alertChanges.sequence, sequence))
      .orderBy(asc(alertChanges.sequence))
      .limit(pageRows)
    return rows.map((row) => ({ ...row, alert: row.alert as unknown as Alert }))
  }

  const findGap = async (from: number): Promise<FeedMessage | undefined> => {
    const [bounds] = await database
      .select({ oldest: min(alertChanges.sequence), newest: max(alertChanges.sequence) })
      .from(alertChanges)
    const newest = bounds?.newest ?? 0
    // A number from the future: the state was restored from an earlier backup.
    if (from > newest) return { type: 'gap', fromSequence: from, nextSequence: newest + 1 }
    const oldest = bounds?.oldest ?? 1
    return from > 0 && from < oldest ? { type: 'gap', fromSequence: from, nextSequence: oldest } : undefined
  }

  return {
    get subscribers() {
      return subscribers.size
    },
    open: async () => {
      closed = false
      const [row] = await database.select({ newest: max(alertChanges.sequence) }).from(alertChanges)
      published = row?.newest ?? 0
    },
    publish: (changes) => {
      for (const change of changes) published = Math.max(published, change.sequence)
      for (const subscriber of subscribers) {
        if (subscriber.overflowed) continue
        if (subscriber.queue.length + changes.length > config.queueMax) {
          subscriber.overflowed = true
          subscriber.queue = []
        } else subscriber.queue.push(...changes)
        subscriber.wake()
      }
    },
    close: () => {
      closed = true
      for (const subscriber of subscribers) subscriber.wake()
    },
    subscribe: async function* ({ from, signal }) {
      if (subscribers.size >= config.subscribersMax)
        throw new CodedError('alerts.subscribers', { limit: config.subscribersMax }, { retryAfterSeconds: 30 })
      let wake = (): void => {}
      const subscriber: Subscriber = { queue: [], overflowed: false, wake: () => wake() }
      const onAbort = (): void => wake()
      signal?.addEventListener('abort', onAbort)
      subscribers.add(subscriber)
      const ended = (): boolean => closed || signal?.aborted === true
      let last = from ?? published
      let behind = from !== undefined
      try {
        const gap = from === undefined ? undefined : await findGap(from)
        if (gap?.type === 'gap') {
          last = gap.nextSequence - 1
          yield gap
        }
        while (!ended()) {
          if (behind) {
            const page = await readAfter(last)
            behind = page.length === pageRows
            for (const change of page) {
              if (ended()) return
              last = change.sequence
              yield { type: 'change', change }
            }
          } else if (subscriber.overflowed) {
            subscriber.overflowed = false
            behind = true
          } else if (subscriber.queue.length > 0) {
            const waiting = subscriber.queue
            subscriber.queue = []
            for (const change of waiting) {
              if (ended()) return
              if (change.sequence <= last) continue
              last = change.sequence
              yield { type: 'change', change }
            }
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
        }
      } finally {
        subscribers.delete(subscriber)
        signal?.removeEventListener('abort', onAbort)
      }
    },
  }
}
