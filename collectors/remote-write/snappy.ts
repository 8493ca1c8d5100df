// Snappy's block format (google/snappy, format_description.txt), which remote write prescribes. The claimed length is
// checked before anything is allocated, and every copy against what is there.
import { CodedError } from '#core/errors.ts'

/** @throws CodedError `body.too-large` or `body.invalid` */
export function uncompressSnappy(bytes: Uint8Array, bytesMax: number): Buffer {
  let at = 0
  let size = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]
    if (byte === undefined || shift > 28) throw damaged('it is no snappy block')
    size += (byte & 127) * 2 ** shift
    if (byte < 128) break
  }
  if (size > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
  // A byte of input gives 64 bytes at most: a short body that claims megabytes is not believed.
  if (size > bytes.length * 64) throw damaged('its snappy header claims more than it can hold')
  const out = Buffer.allocUnsafe(size)
  const end = bytes.length
  let to = 0
  while (at < end) {
    const tag = bytes[at++]!
    let length = (tag >> 2) + 1
    if ((tag & 3) === 0) {
      if (length > 60) {
        const extra = length - 60
        if (at + extra > end) throw damaged('a snappy literal ends early')
        length = 1
        for (let i = 0; i < extra; i++) length += bytes[at + i]! * 2 ** (8 * i)
        at += extra
      }
      if (at + length > end || to + length > size) throw damaged('a snappy literal reaches past the end')
      if (length < 32) for (let i = 0; i < length; i++) out[to + i] = bytes[at + i]!
      else out.set(bytes.subarray(at, at + length), to)
      at += length
      to += length
      continue
    }
    let offset: number
    if ((tag & 3) === 1) {
      length = ((tag >> 2) & 7) + 4
      offset = ((tag >> 5) << 8) | bytes[at]!
      at += 1
    } else if ((tag & 3) === 2) {
      offset = bytes[at]! | (bytes[at + 1]! << 8)
      at += 2
    } else {
      offset = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
      at += 4
    }
    if (at > end || offset === 0 || offset > to || to + length > size) throw damaged('a snappy copy points outside')
    // Source and target may overlap: byte by byte is what the format means. Far apart, memory moves are quicker.
    if (length >= 32 && offset >= length) out.copyWithin(to, to - offset, to - offset + length)
    else for (let i = 0; i < length; i++) out[to + i] = out[to - offset + i]!
    to += length
  }
  if (to !== size) throw damaged('a snappy block is shorter than it claims')
  return out
}

function damaged(cause: string): CodedError {
  return new CodedError('body.invalid', { cause })
}
