// The live tap: who watches gets each durable batch once, in log order. A slow watcher loses and is told how much; it
// never slows the pipeline.
import type { Event } from '#core/event.ts'

export interface TapBatch {
  events: readonly Event[]
  /** Offset of the record on the `events` topic. */
  offset: number
}

export interface TapSubscriber {
  /** May be asynchronous: the next call comes after it. */
  batch(batch: TapBatch): void | Promise<void>
  /** Events that were lost since the last call because this subscriber was slow. Comes before the next batch. */
  lost(count: number): void
}

export const tapLimits = { subscribersMax: 256, pendingEventsMax: 20_000 } as const

interface Subscription {
  subscriber: TapSubscriber
  pending: TapBatch[]
  pendingEvents: number
  lost: number
  busy: boolean
}

export class Tap {
  #subscriptions = new Set<Subscription>()
  #early = new Map<number, TapBatch>()
  #next: number | undefined
  #lostTotal = 0

  get subscribers(): number {
    return this.#subscriptions.size
  }

  /** Events not delivered to slow subscribers, in total. */
  get lostTotal(): number {
    return this.#lostTotal
  }

  /** @returns the function that ends the subscription; undefined when there are too many. */
  subscribe(subscriber: TapSubscriber): (() => void) | undefined {
    if (this.#subscriptions.size >= tapLimits.subscribersMax) return undefined
    const subscription: Subscription = { subscriber, pending: [], pendingEvents: 0, lost: 0, busy: false }
    this.#subscriptions.add(subscription)
    return () => {
      this.#subscriptions.delete(subscription)
      subscription.pending = []
    }
  }

  /** Appends that became durable together may resolve in any order: batches are handed on in order of their offset. */
  publish(batch: TapBatch): void {
    this.#next ??= batch.offset
    if (batch.offset > this.#next) {
      this.#early.set(batch.offset, batch)
      // A gap that never closes (a batch appended by somebody else) must not hold the rest for ever.
      if (this.#early.size < 64) return
      this.#next = Math.min(...this.#early.keys())
    } else this.#deliver(batch)
    for (let early = this.#take(); early; early = this.#take()) this.#deliver(early)
  }

  #take(): TapBatch | undefined {
    const batch = this.#early.get(this.#next!)
    if (batch) this.#early.delete(this.#next!)
    return batch
  }

  #deliver(batch: TapBatch): void {
    this.#next = batch.offset + 1
    for (const subscription of this.#subscriptions) {
      if (subscription.pendingEvents + batch.events.length > tapLimits.pendingEventsMax && subscription.busy) {
        subscription.lost += batch.events.length
        this.#lostTotal += batch.events.length
        continue
      }
      subscription.pending.push(batch)
      subscription.pendingEvents += batch.events.length
      if (!subscription.busy) void this.#drain(subscription)
    }
  }

  async #drain(subscription: Subscription): Promise<void> {
    subscription.busy = true
    try {
      for (let batch = subscription.pending.shift(); batch; batch = subscription.pending.shift()) {
        if (subscription.lost > 0) {
          const lost = subscription.lost
          subscription.lost = 0
          subscription.subscriber.lost(lost)
        }
        await subscription.subscriber.batch(batch)
        subscription.pendingEvents -= batch.events.length
      }
    } catch {
      // A subscriber that throws has gone: a closed connection, mostly.
      this.#subscriptions.delete(subscription)
      subscription.pending = []
    } finally {
      subscription.busy = false
    }
  }
}
