import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compressSnappy } from './snappy.ts'

// @ts-expect-error the package has no types
const { uncompress } = (await import('snappyjs')) as { uncompress(bytes: Uint8Array): Uint8Array }

it('is read back by another reader, whatever it holds', () => {
  const few = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2000 }).map((list) => Uint8Array.from(list))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 3000 }), few), (bytes) => {
      expect(Buffer.from(uncompress(compressSnappy(bytes))).equals(Buffer.from(bytes))).toBe(true)
    }),
  )
})

it('makes repeats small and takes megabytes', () => {
  const bytes = new Uint8Array(3_000_000).map((_, i) => (i < 200_000 ? Math.imul(i, i) >>> 7 : i % 50))
  const small = compressSnappy(bytes)
  expect(small.length).toBeLessThan(bytes.length / 5)
  expect(Buffer.from(uncompress(small)).equals(Buffer.from(bytes))).toBe(true)
})
