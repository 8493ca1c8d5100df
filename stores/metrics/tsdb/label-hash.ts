// The hash by which series are found. Labels come from outside: with a hash that anyone can work out, a sender could make
// thousands of series that fall on one place, and each look-up would walk past all of them. So it has a key of the process.
import type { Random } from '#core/random.ts'

export type LabelHash = (view: DataView, from: number, to: number) => number

/**
 * Four bytes at a time. The high half is folded in before each multiplication by a number that nobody outside knows: without
 * that, two texts that differ in the top bit of a word alone fall together again in the next words, whatever the key.
 */
export function createLabelHash(random: Random): LabelHash {
  const start = Number.parseInt(random.hex(4), 16) | 0
  const factor = Number.parseInt(random.hex(4), 16) | 1
  return (view, from, to) => {
    let hash = start
    let i = from
    for (; i + 3 < to; i += 4) {
      const word = hash ^ view.getInt32(i, true)
      hash = Math.imul(word ^ (word >>> 16), factor)
    }
    for (; i < to; i++) {
      const word = hash ^ view.getUint8(i)
      hash = Math.imul(word ^ (word >>> 16), factor)
    }
    return hash
  }
}
