// How many different values somebody was shown, without keeping them: HyperLogLog (Flajolet et al. 2007) over the keyed
// hashes, with linear counting while few were seen. 128 registers: within 9 % two times of three, exact enough for
// "three times the usual".
const registers = 128
const indexBits = 7
const alpha = 0.7213 / (1 + 1.079 / registers)

export function emptySketch(): Uint8Array {
  return new Uint8Array(registers)
}

/** @param hash 64 bits in base64url */
export function addTo(sketch: Uint8Array, hash: string): void {
  const bytes = Buffer.from(hash, 'base64url')
  if (bytes.length < 8) return
  const high = bytes.readUInt32BE(0)
  const index = high >>> (32 - indexBits)
  const rest = (high << indexBits) >>> 0
  // Beyond the bits of the first word there are more in the second; 25 zeros already mean billions.
  const rank = Math.min(32 - indexBits, Math.clz32(rest)) + 1
  if (rank > sketch[index]!) sketch[index] = rank
}

export function mergeInto(sketch: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < registers; i++) if (other[i]! > sketch[i]!) sketch[i] = other[i]!
}

export function estimateOf(sketch: Uint8Array): number {
  let sum = 0
  let zeros = 0
  for (const rank of sketch) {
    sum += 2 ** -rank
    if (rank === 0) zeros++
  }
  const raw = (alpha * registers * registers) / sum
  return raw <= 2.5 * registers && zeros > 0 ? registers * Math.log(registers / zeros) : raw
}
