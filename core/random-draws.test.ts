import { expect, it } from 'vitest'
import { seededRandom } from './random.ts'
import { draws } from './random-draws.ts'

const count = 40_000
const many = (draw: () => number): { mean: number; variation: number; sorted: number[] } => {
  const values = Array.from({ length: count }, draw)
  const mean = values.reduce((sum, one) => sum + one, 0) / count
  const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / count
  return { mean, variation: Math.sqrt(variance) / mean, sorted: values.sort((a, b) => a - b) }
}

it('gives gammas of mean 1 and shape k with variation 1/√k, below and above shape 1', () => {
  const one = draws(seededRandom(3))
  for (const shape of [0.5, 1, 4]) {
    const { mean, variation } = many(() => one.gamma(shape))
    expect(mean).toBeCloseTo(1, 1)
    expect(variation).toBeCloseTo(1 / Math.sqrt(shape), 1)
  }
})

it('gives log-normals of the median, and shares of the mean and variation that are asked for', () => {
  const one = draws(seededRandom(4))
  expect(many(() => one.logNormal(50, 0.7)).sorted[count / 2]).toBeCloseTo(50, -0.5)
  const { mean, variation, sorted } = many(() => one.share(0.05, 0.5))
  expect(mean).toBeCloseTo(0.05, 2)
  expect(variation).toBeCloseTo(0.5, 1)
  expect(sorted.at(-1)).toBeLessThanOrEqual(0.98)
})

it('picks as often as the weights say', () => {
  const one = draws(seededRandom(5))
  const seen = [0, 0, 0]
  for (let i = 0; i < count; i++) seen[one.weighted([1, 0, 3])]!++
  expect(seen[1]).toBe(0)
  expect(seen[2]! / count).toBeCloseTo(0.75, 1)
})
