// From a decoded request to the log, the same for both transports.
import type { CollectorDeps } from '#core/collector.ts'
import { reasonOf } from '../body.ts'
import { createAccumulator } from './accumulator.ts'
import { plusExponential } from './exponential.ts'
import { decodeLogs } from './logs.ts'
import { decodeMetrics } from './metrics.ts'
import type { Message } from './protobuf.ts'
import { decodeTraces } from './traces.ts'

export const signals = ['logs', 'metrics', 'traces'] as const
export type Signal = (typeof signals)[number]

export const receiver = 'otlp'

export interface Outcome {
  /** Told as partial success. */
  rejected: number
  reason: string
}

const words: Record<string, string> = {
  'delta-series': 'no room for another series of deltas (collectors.otlp.deltaSeriesMax)',
  'histogram-buckets': 'more than 10000 buckets',
  'histogram-scale': 'a scale below -4, for which Prometheus has no schema',
  'invalid-histogram': 'the buckets do not add up to the count',
  'invalid-id': 'no valid trace or span id',
  'too-many-samples': 'the points of one request become too many samples (collectors.otlp.samplesMax)',
}

/** Resolves when what was accepted is on disk; rejects with nothing kept. */
export type Intake = (signal: Signal, request: Message, peer: string) => Promise<Outcome>

export interface IntakeLimits {
  deltaSeriesMax: number
  /** That the data points of one request may become. */
  samplesMax: number
}

export function createIntake(limits: IntakeLimits, { emit, counters, clock }: CollectorDeps): Intake {
  const { deltaSeriesMax, samplesMax } = limits
  const numbers = createAccumulator<number>(deltaSeriesMax, (total = 0, value) => total + value)
  const histograms = createAccumulator(deltaSeriesMax, plusExponential)

  const keep = async (total: number, refused: Record<string, number>, send: () => Promise<void>): Promise<Outcome> => {
    counters.received(total)
    const rejected = Object.values(refused).reduce((sum, count) => sum + count, 0)
    for (const [reason, count] of Object.entries(refused)) counters.rejected(reason, count)
    try {
      if (total > rejected) await send()
    } catch (error) {
      counters.rejected(reasonOf(error), total - rejected)
      throw error
    }
    counters.accepted(total - rejected)
    const reason = Object.entries(refused).map(([key, count]) => `${key} ${count}: ${words[key] ?? key}`)
    return { rejected, reason: reason.join('; ') }
  }

  return (signal, request, peer) => {
    const origin = { receiver, source: peer || 'local' }
    if (signal === 'logs') {
      const events = decodeLogs(request)
      return keep(events.length, {}, () => emit.events(events, origin))
    }
    if (signal === 'traces') {
      const { spans, refused } = decodeTraces(request)
      return keep(spans.length + refused, refused > 0 ? { 'invalid-id': refused } : {}, () => emit.spans(spans, origin))
    }
    const totals = { numbers: numbers.begin(), histograms: histograms.begin() }
    const { samples, metadata, refused } = decodeMetrics(request, totals, { nowMs: clock.nowMs(), samplesMax })
    const rejected = Object.values(refused).reduce((sum, count) => sum + count, 0)
    return keep(samples.length + rejected, refused, () => emit.samples(samples, metadata, origin)).catch((error) => {
      // The exporter sends the same deltas again: they must not count twice.
      totals.numbers.undo()
      totals.histograms.undo()
      throw error
    })
  }
}
