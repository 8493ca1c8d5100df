import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { createLabelHash } from './label-hash.ts'

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

test('two keys give other hashes, one key the same; where the bytes stand does not matter', () => {
  const [one, same, other] = [seededRandom(1), seededRandom(1), seededRandom(2)].map(createLabelHash) as [
    ReturnType<typeof createLabelHash>,
    ReturnType<typeof createLabelHash>,
    ReturnType<typeof createLabelHash>,
  ]
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      const moved = Uint8Array.of(7, ...bytes, 9)
      const hash = one(viewOf(bytes), 0, bytes.length)
      expect(same(viewOf(moved), 1, bytes.length + 1)).toBe(hash)
    }),
  )
  const differ = Array.from({ length: 256 }, (_, i) => Uint8Array.of(i, 1, 2, 3, 4)).filter(
    (bytes) => one(viewOf(bytes), 0, 5) !== other(viewOf(bytes), 0, 5),
  )
  expect(differ.length).toBeGreaterThan(250)
})

test('texts made to fall together without a key do not under one', () => {
  // Differences in the top bits of words that cancel in the next ones, under a plain chain of xor and multiplication.
  const plain = (bytes: Uint8Array): number => {
    let hash = 0x811c9dc5
    const view = viewOf(bytes)
    for (let i = 0; i < bytes.length; i += 4)
      hash = Math.imul(hash ^ view.getInt32(i, true), 0x01000193) ^ (hash >>> 15)
    return hash
  }
  const differences = [0x8000_0000, 0x8000_0000, 0x0001_0000, 0x0000_0002].map((one) => one | 0)
  const made = (blocks: number[]): Uint8Array => {
    const bytes = new Uint8Array(blocks.length * 16)
    const view = viewOf(bytes)
    blocks.forEach((flip, block) => {
      for (const [i, difference] of differences.entries())
        view.setInt32(block * 16 + i * 4, (0x6162_6364 + block) ^ (flip === 1 ? difference : 0), true)
    })
    return bytes
  }
  const texts = Array.from({ length: 1024 }, (_, n) => made(Array.from({ length: 10 }, (_, bit) => (n >> bit) & 1)))
  expect(new Set(texts.map(plain)).size).toBe(1)
  for (const seed of [1, 2, 3]) {
    const hash = createLabelHash(seededRandom(seed))
    expect(new Set(texts.map((bytes) => hash(viewOf(bytes), 0, bytes.length))).size).toBeGreaterThan(1000)
  }
})
