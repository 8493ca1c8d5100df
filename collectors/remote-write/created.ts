// A counter that was born with its first scrape has no value before it, and `increase` would miss that first value. A
// zero at its created timestamp mends that; it is written once per creation.
const seriesMax = 500_000

export interface Zeroes {
  wants(labels: Uint8Array, createdMs: number): boolean
}

export function createZeroes(): Zeroes {
  let known = new Map<string, number>()
  return {
    wants: (labels, createdMs) => {
      const key = Buffer.from(labels.buffer, labels.byteOffset, labels.length).toString('latin1')
      if (known.get(key) === createdMs) return false
      // Forgotten, a zero is written again: the store keeps one of two that are the same.
      if (known.size >= seriesMax) known = new Map()
      known.set(key, createdMs)
      return true
    },
  }
}
