// The Merkle tree of RFC 9162, section 2.1, over leaf hashes that somebody else keeps.
import type { TreeHash } from './hash.ts'

/** Hash of the whole subtree of 2^level leaves that begins at leaf index · 2^level. */
export type SubtreeReader = (level: number, index: number) => Uint8Array

/** The largest power of two below `size`; sizes go beyond 2^31, so no shifts. */
function split(size: number): number {
  let half = 1
  while (half * 2 < size) half *= 2
  return half
}

/** Root of the leaves from `from` up to `to`, exclusive, where `from` is where such a range may begin in the tree. */
export function rangeRoot(hash: TreeHash, read: SubtreeReader, from: number, to: number): Uint8Array {
  const size = to - from
  if (size === 0) return hash.empty
  const level = Math.log2(size)
  if (Number.isInteger(level)) return read(level, from / size)
  const middle = from + split(size)
  return hash.node(rangeRoot(hash, read, from, middle), rangeRoot(hash, read, middle, to))
}

export function rootOf(hash: TreeHash, read: SubtreeReader, size: number): Uint8Array {
  return rangeRoot(hash, read, 0, size)
}

/** PATH(index, D[size]), from the leaf upwards. */
export function inclusionProof(hash: TreeHash, read: SubtreeReader, index: number, size: number): Uint8Array[] {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new RangeError(`no leaf ${index} of ${size}`)
  const path = (from: number, to: number): Uint8Array[] => {
    if (to - from === 1) return []
    const middle = from + split(to - from)
    return index < middle
      ? [...path(from, middle), rangeRoot(hash, read, middle, to)]
      : [...path(middle, to), rangeRoot(hash, read, from, middle)]
  }
  return path(0, size)
}

/** PROOF(first, D[second]): that the first tree is a beginning of the second. */
export function consistencyProof(hash: TreeHash, read: SubtreeReader, first: number, second: number): Uint8Array[] {
  if (first < 0 || first > second) throw new RangeError(`no proof from ${first} to ${second}`)
  if (first === 0 || first === second) return []
  const sub = (at: number, from: number, to: number, whole: boolean): Uint8Array[] => {
    if (at === to) return whole ? [] : [rangeRoot(hash, read, from, to)]
    const middle = from + split(to - from)
    return at <= middle
      ? [...sub(at, from, middle, whole), rangeRoot(hash, read, middle, to)]
      : [...sub(at, middle, to, false), rangeRoot(hash, read, from, middle)]
  }
  return sub(first, 0, second, true)
}

/** For trees that are small enough to be held: leaf hashes in memory. */
export function memoryReader(hash: TreeHash, leaves: readonly Uint8Array[]): SubtreeReader {
  const levels: Uint8Array[][] = [[...leaves]]
  while (levels.at(-1)!.length > 1) {
    const below = levels.at(-1)!
    const above: Uint8Array[] = []
    for (let i = 0; i + 1 < below.length; i += 2) above.push(hash.node(below[i]!, below[i + 1]!))
    levels.push(above)
  }
  return (level, index) => {
    const found = levels[level]?.[index]
    if (!found) throw new RangeError(`no subtree ${level}/${index}`)
    return found
  }
}
