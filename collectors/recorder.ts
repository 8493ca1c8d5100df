// What a collector is given in a test: it keeps what was emitted, and can refuse or hold it.
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#core/clock.ts'
import type { CollectorDeps, Origin, PositionStore } from '#core/collector.ts'
import type { RawEvent } from '#core/event.ts'
import { silentLogger } from '#core/logger.ts'
import type { MetricMetadata, Sample } from '#core/sample.ts'

export interface Recorder {
  deps: CollectorDeps
  events: (RawEvent & { origin: Origin })[]
  samples: Sample[]
  metadata: MetricMetadata[]
  writeRequests: Uint8Array[]
  /** Each batch of samples as it came. */
  batches: { samples: Sample[]; origin: Origin }[]
  counts: { received: number; accepted: number; rejected: Record<string, number>; dropped: Record<string, number> }
  positions: PositionStore & { entries: Map<string, string> }
  /** Runs before each batch is kept; throwing refuses it. */
  before: () => Promise<void> | void
}

export function createRecorder(entries = new Map<string, string>()): Recorder {
  const counts: Recorder['counts'] = { received: 0, accepted: 0, rejected: {}, dropped: {} }
  const add = (to: Record<string, number>, reason: string, count: number): void => {
    to[reason] = (to[reason] ?? 0) + count
  }
  const positions: Recorder['positions'] = {
    entries,
    get: (key) => entries.get(key),
    set: (key, value) => void entries.set(key, value),
    delete: (key) => void entries.delete(key),
    keys: () => [...entries.keys()],
    flush: async () => {},
  }
  const recorder: Recorder = {
    events: [],
    samples: [],
    metadata: [],
    batches: [],
    writeRequests: [],
    counts,
    positions,
    before: () => {},
    deps: {
      emit: {
        events: async (batch, origin) => {
          await recorder.before()
          for (const event of batch) recorder.events.push({ ...event, origin })
        },
        samples: async (batch, metadata, origin) => {
          await recorder.before()
          for (const sample of batch) recorder.samples.push(sample)
          recorder.metadata.push(...metadata)
          recorder.batches.push({ samples: batch, origin })
        },
        writeRequest: async (bytes) => {
          await recorder.before()
          recorder.writeRequests.push(bytes)
        },
        spans: async () => {},
      },
      counters: {
        received: (count) => {
          counts.received += count
        },
        accepted: (count) => {
          counts.accepted += count
        },
        rejected: (reason, count) => add(counts.rejected, reason, count),
        dropped: (reason, count) => add(counts.dropped, reason, count),
      },
      positions,
      clock: systemClock,
      logger: silentLogger,
      // A test that needs one puts a real one here.
      inspector: { inspect: () => Promise.reject(new Error('this recorder has no inspector')) },
    },
  }
  return recorder
}

/** Waits for a condition, failing with its words after `limitMs`. */
export async function until(condition: () => boolean, what: string, limitMs = 30_000): Promise<void> {
  const start = performance.now()
  while (!condition()) {
    if (performance.now() - start > limitMs) throw new Error(`waited ${limitMs} ms in vain for: ${what}`)
    await sleep(5)
  }
}
