// What a reader does with a proof: RFC 9162, sections 2.1.3.2 and 2.1.4.2. Uses nothing but the hash.
import type { TreeHash } from './hash.ts'

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
const isOdd = (n: number): boolean => n % 2 === 1
const half = (n: number): number => Math.floor(n / 2)

export function verifyInclusion(
  hash: TreeHash,
  claim: { index: number; size: number; leafHash: Uint8Array; root: Uint8Array; proof: readonly Uint8Array[] },
): boolean {
  const { index, size, leafHash, root, proof } = claim
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false
  let node = index
  let last = size - 1
  let at: Uint8Array = leafHash
  for (const step of proof) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      at = hash.node(step, at)
      while (!isOdd(node) && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else at = hash.node(at, step)
    node = half(node)
    last = half(last)
  }
  return last === 0 && same(at, root)
}

export function verifyConsistency(
  hash: TreeHash,
  claim: {
    firstSize: number
    firstRoot: Uint8Array
    secondSize: number
    secondRoot: Uint8Array
    proof: readonly Uint8Array[]
  },
): boolean {
  const { firstSize, firstRoot, secondSize, secondRoot, proof } = claim
  if (!Number.isSafeInteger(firstSize) || !Number.isSafeInteger(secondSize) || firstSize < 0) return false
  if (firstSize > secondSize) return false
  if (firstSize === secondSize) return proof.length === 0 && same(firstRoot, secondRoot)
  // Everything begins with nothing.
  if (firstSize === 0) return proof.length === 0 && same(firstRoot, hash.empty)
  const steps = Number.isInteger(Math.log2(firstSize)) ? [firstRoot, ...proof] : [...proof]
  const [begin, ...rest] = steps
  if (!begin || proof.length === 0) return false
  let node = firstSize - 1
  let last = secondSize - 1
  while (isOdd(node)) {
    node = half(node)
    last = half(last)
  }
  let first: Uint8Array = begin
  let second: Uint8Array = begin
  for (const step of rest) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      first = hash.node(step, first)
      second = hash.node(step, second)
      while (!isOdd(node) && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else second = hash.node(second, step)
    node = half(node)
    last = half(last)
  }
  return last === 0 && same(first, firstRoot) && same(second, secondRoot)
}
