// What an export held, as keyed hashes of 48 bits, sorted: enough to say whether a cell, a moment or a value was in it,
// and nothing else. Six bytes each, at most 600 KB for 100,000 rows.
import { createKeyedHash } from '../keyed-hash.ts'

const hashBytes = 6

export type Hash48 = (text: string) => number

export function createHash48(key: Uint8Array, domain: string): Hash48 {
  const digest = createKeyedHash(key)
  return (text) => digest(`${domain}\n${text}`).readUIntBE(0, hashBytes)
}

export class SketchBuilder {
  /** And how often each came. */
  readonly #counts = new Map<number, number>()
  readonly #max: number
  /** Left out, beyond the most that are kept. */
  more = 0

  constructor(max: number) {
    this.#max = max
  }

  /** @returns how often it came before */
  add(hash: number): number {
    const before = this.#counts.get(hash) ?? 0
    if (before > 0 || this.#counts.size < this.#max) this.#counts.set(hash, before + 1)
    else this.more++
    return before
  }

  /** Different ones that came so often. */
  countOf(times: number): number {
    let count = 0
    for (const one of this.#counts.values()) if (one === times) count++
    return count
  }

  /** @param once only what came a single time: the rest says little about where it is from */
  build(once = false): Buffer {
    const kept = [...this.#counts].filter(([, count]) => !once || count === 1)
    const sorted = Float64Array.from(kept, ([hash]) => hash).sort()
    const bytes = Buffer.allocUnsafe(sorted.length * hashBytes)
    for (let i = 0; i < sorted.length; i++) bytes.writeUIntBE(sorted[i]!, i * hashBytes, hashBytes)
    return bytes
  }
}

export function sketchSize(sketch: Buffer): number {
  return sketch.length / hashBytes
}

export function sketchHas(sketch: Buffer, hash: number): boolean {
  let low = 0
  let high = sketch.length / hashBytes - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const value = sketch.readUIntBE(middle * hashBytes, hashBytes)
    if (value === hash) return true
    if (value < hash) low = middle + 1
    else high = middle - 1
  }
  return false
}
