// How a record lies on disk, little endian:
//
//   0        4          8           16              24         28              30           32                 36
//   ├ magic  ┼ crc32c   ┼ offset    ┼ appendedMs    ┼ count    ┼ keyLength = k ┼ reserved 0 ┼ payloadLength = p ┤
//   ├ u32    ┼ u32      ┼ u64       ┼ f64           ┼ u32      ┼ u16           ┼ u16        ┼ u32               ┤
//   36                36+k                  36+k+p
//   ├ key, UTF-8       ┼ payload             ┤
//
// The checksum covers everything after itself. Magic and the offset in each record let a reader find its way again
// after damage, and say exactly which offsets were lost.
import { crc32c } from '#core/crc32c.ts'
import type { LogRecord } from '../log.ts'

export const recordMagic = 0x47_4c_52_31
export const headerBytes = 36
/** Larger than any batch a receiver takes; a length beyond it is damage. */
export const payloadBytesMax = 64 * 1024 * 1024
export const keyBytesMax = 1024

export interface Located {
  record: LogRecord
  /** Where the next record begins. */
  end: number
}

/** Header and key; the payload follows as it is. */
export function encodeHeader(
  offset: number,
  appendedMs: number,
  count: number,
  key: string,
  payload: Uint8Array,
): Buffer {
  const keyBytes = Buffer.from(key, 'utf8').subarray(0, keyBytesMax)
  const header = Buffer.allocUnsafe(headerBytes + keyBytes.length)
  header.writeUInt32LE(recordMagic, 0)
  header.writeBigUInt64LE(BigInt(offset), 8)
  header.writeDoubleLE(appendedMs, 16)
  header.writeUInt32LE(count, 24)
  header.writeUInt16LE(keyBytes.length, 28)
  header.writeUInt16LE(0, 30)
  header.writeUInt32LE(payload.length, 32)
  keyBytes.copy(header, headerBytes)
  header.writeUInt32LE(crc32c(payload, crc32c(header.subarray(8))), 4)
  return header
}

/** The record at `at`; `short` when the bytes end inside it; `damaged` when it is not a whole record. */
export function decodeRecord(bytes: Buffer, at: number): Located | 'short' | 'damaged' {
  if (at + headerBytes > bytes.length)
    return at + 4 <= bytes.length && bytes.readUInt32LE(at) !== recordMagic ? 'damaged' : 'short'
  if (bytes.readUInt32LE(at) !== recordMagic) return 'damaged'
  const keyLength = bytes.readUInt16LE(at + 28)
  const payloadLength = bytes.readUInt32LE(at + 32)
  if (keyLength > keyBytesMax || payloadLength > payloadBytesMax) return 'damaged'
  const payloadAt = at + headerBytes + keyLength
  const end = payloadAt + payloadLength
  if (end > bytes.length) return 'short'
  if (crc32c(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) return 'damaged'
  return {
    record: {
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      appendedMs: bytes.readDoubleLE(at + 16),
      count: bytes.readUInt32LE(at + 24),
      key: bytes.toString('utf8', at + headerBytes, payloadAt),
      payload: bytes.subarray(payloadAt, end),
    },
    end,
  }
}
