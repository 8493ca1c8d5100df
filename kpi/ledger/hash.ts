// Hashes of RFC 9162, section 2.1: a leaf and a node can never be taken for one another.
import { createHash, hash as digest } from 'node:crypto'

export const hashNames = ['sm3', 'sha256'] as const
export type HashName = (typeof hashNames)[number]
/** Both are 256 bits wide. */
export const hashBytes = 32

export interface TreeHash {
  readonly name: HashName
  leaf(entry: Uint8Array): Buffer
  node(left: Uint8Array, right: Uint8Array): Buffer
  /** The root of a tree without leaves. */
  readonly empty: Buffer
  of(data: Uint8Array | string): Buffer
}

export function treeHash(name: HashName): TreeHash {
  const of = (data: Uint8Array | string): Buffer => digest(name, data, 'buffer')
  return {
    name,
    of,
    empty: of(''),
    leaf: (entry) => createHash(name).update(Uint8Array.of(0)).update(entry).digest(),
    node: (left, right) => {
      if (left.length !== hashBytes || right.length !== hashBytes) throw new RangeError('a node joins two hashes')
      const joined = Buffer.allocUnsafe(1 + 2 * hashBytes)
      joined[0] = 1
      joined.set(left, 1)
      joined.set(right, 1 + hashBytes)
      return of(joined)
    },
  }
}
