import { expect, test } from 'vitest'
import { exponentialBound } from './bounds.ts'

test("bounds are Prometheus's to the last digit", () => {
  const texts = (schema: number, ...indexes: number[]) =>
    indexes.map((index) => String(exponentialBound(index, schema)))
  expect(texts(1, 1, 2, 3, 5, -1)).toEqual([
    ...['1.414213562373095', '2', '2.82842712474619', '5.65685424949238', '0.7071067811865475'],
  ])
  expect(texts(2, 1, 2, 3)).toEqual(['1.189207115002721', '1.414213562373095', '1.6817928305074288'])
  expect(texts(3, -1)).toEqual(['0.9170040432046711'])
})

test('bounds of every schema rise, meet those of the next, and end at the largest number', () => {
  for (let schema = -4; schema <= 8; schema++) {
    for (let index = -700; index < 700; index++) {
      const exponent = index * 2 ** -schema
      if (Math.abs(exponent) > 1000) continue
      expect(exponentialBound(index + 1, schema)).toBeGreaterThan(exponentialBound(index, schema))
      expect(exponentialBound(index, schema) / 2 ** exponent).toBeCloseTo(1, 14)
      if (schema > -4 && index % 2 === 0)
        expect(exponentialBound(index / 2, schema - 1)).toBe(exponentialBound(index, schema))
    }
    expect(exponentialBound(1024 * 2 ** schema, schema)).toBe(Number.MAX_VALUE)
  }
})
