// A rule is discounted by as much as its honest units lie further out than it says, and not because some fabricate.
import { expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { stretchOf } from './stretch.ts'

const draw = draws(seededRandom(4))
const pValues = (count: number, stretch: number) => Array.from({ length: count }, () => draw.next() ** stretch)

it('exact and conservative tests are left as they are', () => {
  expect(stretchOf(pValues(2000, 1))).toBeLessThan(1.2)
  expect(stretchOf(pValues(2000, 0.5))).toBe(1)
  expect(stretchOf(pValues(30, 3))).toBe(1)
})

it('the stretch of a longer tail is found', () => {
  for (const stretch of [1.5, 2.2]) {
    expect(stretchOf(pValues(4000, stretch))).toBeGreaterThan(stretch * 0.8)
    expect(stretchOf(pValues(4000, stretch))).toBeLessThan(stretch * 1.25)
  }
})

it('a tenth of the units far outside do not discount the rule that sees them', () => {
  expect(stretchOf([...pValues(900, 1), ...Array.from({ length: 100 }, () => 1e-9)])).toBeLessThan(1.25)
})
