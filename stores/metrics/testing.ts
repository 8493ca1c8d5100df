// Builds write requests for tests, field by field from the schema and apart from the product's own encoder.
import { Writer } from 'protobufjs'
import type { FloatHistogram } from '#core/histogram.ts'
import { histogramBytes } from '#core/histogram-protobuf.ts'
import { type Exemplar, isStaleNaN, type Labels, staleNaNBits } from '#core/sample.ts'

type Point = [timestampMs: number, value: number | FloatHistogram]

export function encodeForTest(series: [Labels, Point[], Exemplar[]?][]): Uint8Array {
  const writer = Writer.create()
  for (const [labels, samples, exemplars = []] of series) {
    writer.uint32(0x0a).fork()
    writeLabels(writer, labels)
    for (const [timestampMs, value] of samples) {
      if (typeof value !== 'number') {
        writer.uint32(0x22).bytes(histogramBytes({ timestampMs, histogram: value }))
        continue
      }
      writer.uint32(0x12).fork().uint32(0x09)
      if (isStaleNaN(value)) writer.fixed64(staleNaNBits.toString())
      else writer.double(value)
      writer.uint32(0x10).int64(timestampMs).ldelim()
    }
    for (const { labels: own, value, timestampMs } of exemplars) {
      writer.uint32(0x1a).fork()
      writeLabels(writer, own)
      writer.uint32(0x11).double(value).uint32(0x18).int64(timestampMs).ldelim()
    }
    writer.ldelim()
  }
  return writer.finish()
}

function writeLabels(writer: Writer, labels: Labels): void {
  for (const name of Object.keys(labels).sort())
    writer.uint32(0x0a).fork().uint32(0x0a).string(name).uint32(0x12).string(labels[name]!).ldelim()
}
