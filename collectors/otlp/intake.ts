// From a decoded request to the log, the same for both transports.
import type { CollectorDeps } from '#core/collector.ts'
import { reasonOf } from '../body.ts'
import { createAccumulator } from './accumulator.ts'
import { plusExponential } from './exponential.ts'
import { decodeLogs } from './logs.ts'
import { decodeMetrics } from './metrics.ts'
import type { Message } from './protobuf.ts'
import { logsRequest, type MessageType, metricsRequest, tracesRequest } from './schema.ts'
import { decodeTraces } from './traces.ts'

export const signals = ['logs', 'metrics', 'traces'] as const
export type Signal = (typeof signals)[number]

export const requestTypes: Record<Signal, MessageType> = {
  logs: logsRequest,
  metrics: metricsRequest,
  traces: tracesRequest,
}

export const receiver = 'otlp'

export interface Outcome {
  /** Told as partial success. */
  rejected: number
  reason: string
}

/** Resolves when what was accepted is on disk; rejects with nothing kept. */
export type Intake = (signal: Signal, request: Message, peer: string) => Promise<Outcome>

export function createIntake(deltaSeriesMax: number, { emit, counters, clock }: CollectorDeps): Intake {
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
    return { rejected, reason: Object.keys(refused).join(', ') }
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
    const { samples, metadata, refused } = decodeMetrics(request, totals, clock.nowMs())
    const rejected = Object.values(refused).reduce((sum, count) => sum + count, 0)
    return keep(samples.length + rejected, refused, () => emit.samples(samples, metadata, origin)).catch((error) => {
      // The exporter sends the same deltas again: they must not count twice.
      totals.numbers.undo()
      totals.histograms.undo()
      throw error
    })
  }
}
