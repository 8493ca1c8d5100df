// What an export held, as keyed hashes of 48 bits, sorted: enough to say whether a cell, a moment or a value was in it,
// and nothing else. Six bytes each, at most 600 KB for 100,000 rows.
import { createHmac } from 'node:crypto'

const hashBytes = 6
export const hashChance = 2 ** -(8 * hashBytes)

export type Hash48 = (text: string) => number

export function createHash48(key: Uint8Array, domain: string): Hash48 {
  return (text) => createHmac('sha256', key).update(`${domain}\n${text}`).digest().readUIntBE(0, hashBytes)
}

export class SketchBuilder {
  readonly #hashes = new Set<number>()
  readonly #twice = new Set<number>()
  readonly #max: number
  /** Left out, beyond the most that are kept. */
  more = 0

  constructor(max: number) {
    this.#max = max
  }

  /** @param once what comes a second time within the export is kept no longer: it says little about it */
  add(hash: number, once = false): void {
    if (this.#hashes.has(hash)) {
      if (once) this.#twice.add(hash)
    } else if (this.#hashes.size < this.#max) this.#hashes.add(hash)
    else this.more++
  }

  build(): Buffer {
    const sorted = Float64Array.from([...this.#hashes].filter((hash) => !this.#twice.has(hash))).sort()
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
