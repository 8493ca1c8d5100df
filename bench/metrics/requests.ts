// Remote-write requests of many samples a series, as a sender makes them that has fallen behind.
import { Writer } from 'protobufjs'
import type { DaySeries } from './node-day.ts'
import { scrapeMs } from './node-day.ts'

export interface Batch {
  request: Buffer
  samples: number
}

/** Requests that together hold `scrapes` scrapes of all series, ending at `endMs`; oldest first. */
export function* batches(
  series: readonly DaySeries[],
  endMs: number,
  scrapes: number,
  { perSeries, samplesMax }: { perSeries: number; samplesMax: number },
): Generator<Batch> {
  const startMs = endMs - scrapes * scrapeMs
  const labels = series.map(labelBytes)
  const out = Buffer.alloc(samplesMax * 18 + (Math.ceil(samplesMax / perSeries) + 1) * 1024)
  for (let from = 0; from < scrapes; from += perSeries) {
    const count = Math.min(perSeries, scrapes - from)
    let at = 0
    let samples = 0
    for (const [n, one] of series.entries()) {
      const own = labels[n]!
      out[at++] = 0x0a
      at = putVarint(out, at, own.length + count * 18)
      out.set(own, at)
      at += own.length
      for (let i = 0; i < count; i++) {
        out[at++] = 0x12
        out[at++] = 16
        out[at++] = 0x09
        at = out.writeDoubleLE(one.next(), at)
        out[at++] = 0x10
        at = putVarint(out, at, startMs + (from + i) * scrapeMs + one.phaseMs)
      }
      samples += count
      if (samples + perSeries > samplesMax || n === series.length - 1) {
        yield { request: Buffer.from(out.subarray(0, at)), samples }
        at = 0
        samples = 0
      }
    }
  }
}

function labelBytes({ labels }: DaySeries): Buffer {
  const writer = Writer.create()
  for (const name of Object.keys(labels).sort())
    writer.uint32(0x0a).fork().uint32(0x0a).string(name).uint32(0x12).string(labels[name]!).ldelim()
  return Buffer.from(writer.finish())
}

function putVarint(out: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 128
  out[at++] = rest
  return at
}
