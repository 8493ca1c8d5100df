// Writes snappy's block format (google/snappy, format_description.txt), which remote write prescribes: repeats of four
// bytes and more, up to 64 KiB back, found by a table of the last place of each hash.
const tableBits = 14
const distanceMax = 65_535

export function compressSnappy(input: Uint8Array): Buffer {
  // A literal costs one byte in 60 at worst, and its header.
  const out = Buffer.allocUnsafe(32 + input.length + Math.ceil(input.length / 6))
  const size = input.length
  let to = 0
  for (let rest = size; ; rest = Math.floor(rest / 128)) {
    out[to++] = rest < 128 ? rest : (rest % 128) | 128
    if (rest < 128) break
  }
  const literal = (from: number, end: number): void => {
    for (let at = from; at < end; ) {
      const length = Math.min(end - at, 65_536)
      if (length <= 60) out[to++] = (length - 1) << 2
      else {
        out[to++] = 61 << 2
        to = out.writeUInt16LE(length - 1, to)
      }
      out.set(input.subarray(at, at + length), to)
      to += length
      at += length
    }
  }
  const last = new Int32Array(1 << tableBits).fill(-1)
  const view = new DataView(input.buffer, input.byteOffset, size)
  let pending = 0
  let at = 0
  while (at + 4 <= size) {
    const four = view.getUint32(at, true)
    const slot = Math.imul(four, 0x1e35a7bd) >>> (32 - tableBits)
    const before = last[slot]!
    last[slot] = at
    if (before < 0 || at - before > distanceMax || view.getUint32(before, true) !== four) {
      at++
      continue
    }
    let length = 4
    while (at + length < size && input[before + length] === input[at + length]) length++
    literal(pending, at)
    for (let left = length; left > 0; ) {
      const part = Math.min(left, 64)
      out[to++] = ((part - 1) << 2) | 2
      to = out.writeUInt16LE(at - before, to)
      left -= part
    }
    at += length
    pending = at
  }
  literal(pending, size)
  return out.subarray(0, to)
}
