// Builds write requests for tests, field by field from the schema and apart from the product's own encoder.
import { Writer } from 'protobufjs'
import { isStaleNaN, type Labels, staleNaNBits } from '#core/sample.ts'

export function encodeForTest(series: [Labels, [timestampMs: number, value: number][]][]): Uint8Array {
  const writer = Writer.create()
  for (const [labels, samples] of series) {
    writer.uint32(0x0a).fork()
    for (const name of Object.keys(labels).sort())
      writer.uint32(0x0a).fork().uint32(0x0a).string(name).uint32(0x12).string(labels[name]!).ldelim()
    for (const [timestampMs, value] of samples) {
      writer.uint32(0x12).fork().uint32(0x09)
      if (isStaleNaN(value)) writer.fixed64(staleNaNBits.toString())
      else writer.double(value)
      writer.uint32(0x10).int64(timestampMs).ldelim()
    }
    writer.ldelim()
  }
  return writer.finish()
}
