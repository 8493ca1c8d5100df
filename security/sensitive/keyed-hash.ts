// HMAC-SHA-256 (RFC 2104) of short texts: two calls that keep no object, a quarter of the time of `createHmac`, which
// matters where each cell of a download is hashed.
import { hash } from 'node:crypto'

const blockBytes = 64
const digestBytes = 32
/** Bytes of UTF-8 in a UTF-16 unit, at most. */
const bytesPerUnit = 3

export type KeyedHash = (text: string) => Buffer

/** @param key at most 64 bytes */
export function createKeyedHash(key: Uint8Array): KeyedHash {
  let inner = Buffer.alloc(blockBytes + 1024, 0x36)
  const outer = Buffer.alloc(blockBytes + digestBytes, 0x5c)
  for (let i = 0; i < blockBytes; i++) {
    inner[i] = (key[i] ?? 0) ^ 0x36
    outer[i] = (key[i] ?? 0) ^ 0x5c
  }
  return (text) => {
    const needed = blockBytes + text.length * bytesPerUnit
    if (needed > inner.length) inner = Buffer.concat([inner.subarray(0, blockBytes)], needed)
    const length = inner.write(text, blockBytes)
    hash('sha256', inner.subarray(0, blockBytes + length), 'buffer').copy(outer, blockBytes)
    return hash('sha256', outer, 'buffer')
  }
}
