// Content codings undone as far as the limits reach: of a large answer the head is looked into, a bomb is left alone.
import type { Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'
import type { SkipReason } from '#core/sensitive.ts'

export interface Expanded {
  bytes: Buffer
  isPartial: boolean
}

const codingsMax = 2
/** Text hardly ever shrinks more; looked at only beyond what a small body may be. */
const ratioMax = 100
const ratioMattersBytes = 1024 * 1024

const gunzip = () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })
const decoders: Record<string, (bytes: Uint8Array) => Transform> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  // RFC 9110 means zlib; some send the bare stream. The first byte of zlib says 8 in its lower half.
  deflate: (bytes) =>
    ((bytes[0] ?? 0) & 15) === 8
      ? createInflate({ finishFlush: constants.Z_SYNC_FLUSH })
      : createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdDecompress({ finishFlush: constants.ZSTD_e_flush }),
}

export async function expandBody(
  bytes: Uint8Array,
  contentEncoding: string,
  bytesMax: number,
): Promise<Expanded | SkipReason> {
  const codings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '' && one !== 'identity')
  if (codings.length > codingsMax) return 'encoding'
  let expanded: Expanded = { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), isPartial: false }
  // The last was applied last.
  for (const coding of codings.reverse()) {
    const make = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined
    if (!make) return 'encoding'
    const result = await undo(make(expanded.bytes), expanded.bytes, bytesMax)
    if (typeof result === 'string') return result
    expanded = { bytes: result.bytes, isPartial: result.isPartial || expanded.isPartial }
  }
  return expanded
}

async function undo(decoder: Transform, bytes: Buffer, bytesMax: number): Promise<Expanded | SkipReason> {
  const parts: Buffer[] = []
  let size = 0
  decoder.end(bytes)
  try {
    for await (const part of decoder as AsyncIterable<Buffer>) {
      parts.push(part)
      size += part.length
      if (size > ratioMattersBytes && size > bytes.length * ratioMax) return 'expands'
      if (size >= bytesMax) break
    }
  } catch {
    // What came before the damage is there.
    if (size === 0) return 'invalid'
  } finally {
    decoder.destroy()
  }
  return { bytes: Buffer.concat(parts).subarray(0, bytesMax), isPartial: size >= bytesMax }
}
