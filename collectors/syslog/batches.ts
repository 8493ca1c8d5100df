// Messages on their way to the log, gathered per sender, since the source table counts by sender.

import type { CollectorDeps } from '#core/collector.ts'
import type { RawEvent } from '#core/event.ts'
import { emitUntilKept } from '../emit-until-kept.ts'

export interface Batches {
  /** False: there is no room. */
  add(source: string, event: RawEvent): boolean
  /** More than half the room is taken: whoever can wait should. */
  readonly isCrowded: boolean
  /** Resolves once there is room again. */
  room(): Promise<void>
  /** Everything is on disk, or given up after `limitMs` and counted. */
  close(limitMs: number): Promise<void>
}

export interface BatchesConfig {
  receiver: string
  batchEventsMax: number
  lingerMs: number
  queueEventsMax: number
}

const concurrencyMax = 4

export function createBatches(
  config: BatchesConfig,
  { emit, counters, logger }: Pick<CollectorDeps, 'emit' | 'counters' | 'logger'>,
): Batches {
  const gathering = new Map<string, RawEvent[]>()
  const full: { source: string; events: RawEvent[] }[] = []
  const giveUp = new AbortController()
  let queued = 0
  let running = 0
  let timer: NodeJS.Timeout | undefined
  let waiting: (() => void)[] = []
  let idle: (() => void)[] = []

  const closeBatch = (source: string, events: RawEvent[]): void => {
    gathering.delete(source)
    full.push({ source, events })
    send()
  }
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    for (const [source, events] of gathering) closeBatch(source, events)
  }
  const send = (): void => {
    while (running < concurrencyMax && full.length > 0) {
      const { source, events } = full.shift()!
      running++
      void deliver(source, events)
    }
  }
  const deliver = async (source: string, events: RawEvent[]): Promise<void> => {
    const origin = { receiver: config.receiver, source }
    const kept = await emitUntilKept(() => emit.events(events, origin), giveUp.signal, logger)
    if (kept) counters.accepted(events.length)
    else counters.dropped('stopped', events.length)
    running--
    queued -= events.length
    if (queued < config.queueEventsMax / 2) for (const go of waiting.splice(0)) go()
    if (queued === 0) for (const go of idle.splice(0)) go()
    send()
  }

  return {
    add: (source, event) => {
      if (queued >= config.queueEventsMax) return false
      queued++
      const events = gathering.get(source)
      if (!events) gathering.set(source, [event])
      else if (events.push(event) >= config.batchEventsMax) closeBatch(source, events)
      timer ??= setTimeout(flush, config.lingerMs)
      return true
    },
    get isCrowded() {
      return queued > config.queueEventsMax / 2
    },
    room: () =>
      queued > config.queueEventsMax / 2 ? new Promise<void>((resolve) => waiting.push(resolve)) : Promise.resolve(),
    close: async (limitMs) => {
      flush()
      const limit = setTimeout(() => giveUp.abort(), limitMs)
      if (queued > 0) await new Promise<void>((resolve) => idle.push(resolve))
      clearTimeout(limit)
      waiting = []
      idle = []
    },
  }
}
