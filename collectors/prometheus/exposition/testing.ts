// Builds protobuf expositions for tests, field by field from the schema.
import { Writer } from 'protobufjs'

export type Message = (writer: Writer) => Writer
const bytes = (message: Message): Uint8Array => message(Writer.create()).finish()
export const nested = (writer: Writer, tag: number, message: Message): Writer =>
  message(writer.uint32(tag).fork()).ldelim()
export const label =
  (name: string, value: string): Message =>
  (writer) =>
    writer.uint32(0x0a).string(name).uint32(0x12).string(value)

export function family(name: string, type: number, ...metrics: Message[]): Uint8Array {
  return bytes((writer) => {
    const body = Writer.create().uint32(0x0a).string(name).uint32(0x12).string('some help').uint32(0x18).uint32(type)
    for (const metric of metrics) nested(body, 0x22, metric)
    return writer.bytes(body.finish())
  })
}

export const exemplarMessage: Message = (writer) =>
  nested(nested(writer, 0x0a, label('trace_id', 'abc')).uint32(0x11).double(0.4), 0x1a, (time) =>
    time.uint32(0x08).int64(1_700_000_000).uint32(0x10).int32(5_000_000),
  )

/** Native and classic, as client_golang writes it: deltas one by one, since the schema is proto2. */
export const nativeAndClassic: Message = (writer) =>
  nested(writer, 0x3a, (histogram) => {
    histogram.uint32(0x08).uint64(7).uint32(0x11).double(2.5)
    nested(histogram, 0x1a, (bucket) =>
      nested(bucket.uint32(0x08).uint64(4).uint32(0x11).double(0.5), 0x1a, exemplarMessage),
    )
    histogram.uint32(0x28).sint32(3).uint32(0x31).double(2e-128).uint32(0x38).uint64(1)
    nested(histogram, 0x62, (span) => span.uint32(0x08).sint32(-2).uint32(0x10).uint32(2))
    return histogram.uint32(0x68).sint64(4).uint32(0x68).sint64(-2)
  })
