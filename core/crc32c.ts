// CRC-32C (Castagnoli), as in iSCSI (RFC 3720) and most storage formats; slicing by eight.
const tables = makeTables()

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256)
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    first[i] = crc >>> 0
  }
  const all = [first]
  for (let k = 1; k < 8; k++) all.push(all[k - 1]!.map((crc) => (crc >>> 8) ^ first[crc & 255]!))
  return all
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]

/** @param seed the result over the bytes before these, to go on from. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  let i = 0
  for (const end = bytes.length - 7; i < end; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 255]!
  return ~crc >>> 0
}
