// What each receiver took in and did not: on /metrics, on the Sources page, and over the last hour.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from '#core/clock.ts'
import type { ReceiverCounters } from '#core/collector.ts'

export interface ReceiverTotals {
  received: number
  accepted: number
  rejected: Record<string, number>
  dropped: Record<string, number>
  lastSeenMs: number | null
}

export interface ReceiverMeters {
  of(receiver: string): ReceiverCounters
  totals(receiver: string): ReceiverTotals
  /** Over all receivers, in the last 60 whole or begun minutes. */
  lastHour(): { rejected: number; dropped: number }
}

const minuteMs = 60_000
/** A reason is a word of ours; a collector that made them up would cost memory. */
const reasonsMax = 100

export function createReceiverMeters(registry: Registry, clock: Clock): ReceiverMeters {
  const registers = [registry]
  const counter = (verb: string, help: string, withReason: boolean) =>
    new Counter({
      name: `guanlan_receiver_${verb}_total`,
      help,
      labelNames: withReason ? ['receiver', 'reason'] : ['receiver'],
      registers,
    })
  const received = counter('received', 'What arrived: events, samples, spans; datagrams for UDP', false)
  const accepted = counter('accepted', 'What is on disk, and was acknowledged', false)
  const rejected = counter('rejected', 'What was refused; the sender was told', true)
  const dropped = counter('dropped', 'What was lost; the sender could not be told', true)
  const lastSeen = new Gauge({
    name: 'guanlan_receiver_last_seen_timestamp_seconds',
    help: 'When something last arrived',
    labelNames: ['receiver'],
    registers,
  })
  const totals = new Map<string, ReceiverTotals>()
  const hour = new Map<number, { rejected: number; dropped: number }>()

  const totalsOf = (receiver: string): ReceiverTotals => {
    let found = totals.get(receiver)
    if (!found) {
      found = { received: 0, accepted: 0, rejected: {}, dropped: {}, lastSeenMs: null }
      totals.set(receiver, found)
    }
    return found
  }
  const minute = (): { rejected: number; dropped: number } => {
    const now = Math.floor(clock.nowMs() / minuteMs)
    let slot = hour.get(now)
    if (!slot) {
      slot = { rejected: 0, dropped: 0 }
      hour.set(now, slot)
      for (const key of hour.keys()) if (key <= now - 60) hour.delete(key)
    }
    return slot
  }
  const lose = (to: Record<string, number>, reason: string, count: number): string => {
    const known = Object.hasOwn(to, reason) || Object.keys(to).length < reasonsMax ? reason : 'other'
    to[known] = (to[known] ?? 0) + count
    return known
  }

  return {
    of: (receiver) => {
      const mine = totalsOf(receiver)
      received.inc({ receiver }, 0)
      accepted.inc({ receiver }, 0)
      return {
        received: (count) => {
          mine.received += count
          mine.lastSeenMs = clock.nowMs()
          received.inc({ receiver }, count)
          lastSeen.set({ receiver }, mine.lastSeenMs / 1000)
        },
        accepted: (count) => {
          mine.accepted += count
          accepted.inc({ receiver }, count)
        },
        rejected: (reason, count) => {
          minute().rejected += count
          rejected.inc({ receiver, reason: lose(mine.rejected, reason, count) }, count)
        },
        dropped: (reason, count) => {
          minute().dropped += count
          dropped.inc({ receiver, reason: lose(mine.dropped, reason, count) }, count)
        },
      }
    },
    totals: totalsOf,
    lastHour: () => {
      const oldest = Math.floor(clock.nowMs() / minuteMs) - 59
      const sum = { rejected: 0, dropped: 0 }
      for (const [key, slot] of hour) {
        if (key < oldest) continue
        sum.rejected += slot.rejected
        sum.dropped += slot.dropped
      }
      return sum
    },
  }
}
