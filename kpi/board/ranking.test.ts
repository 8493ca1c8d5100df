import { describe, expect, it } from 'vitest'
import type { KpiValue } from '../contract.ts'
import { changeSince, intervalOf, rankImprovements, rankValues } from './ranking.ts'

const figure = (numerator: number, denominator: number, more: Partial<KpiValue> = {}): KpiValue =>
  ({
    ...{ numerator: String(numerator), denominator: String(denominator), count: denominator, groups: null },
    ...{ ratio: { numerator: String(numerator), denominator: String(denominator) }, dimensions: {}, ...more },
  }) as KpiValue
const of = (city: string, numerator: number, denominator: number): KpiValue =>
  figure(numerator, denominator, { dimensions: { city } })

describe('a rank', () => {
  it('is shared by those whose intervals overlap that of the first', () => {
    const ranked = rankValues([of('a', 90, 100), of('b', 88, 100), of('c', 30, 100), of('d', 3, 10)], 'up')
    expect(ranked.map(({ value, rank, tied }) => [value.dimensions['city'], rank, tied])).toEqual([
      ...[['a', 1, true] as const, ['b', 1, true] as const, ['c', 3, true] as const, ['d', 3, true] as const],
    ])
  })
  it('turns with the direction, and is none without a figure', () => {
    const ranked = rankValues([of('a', 900, 1000), of('b', 10, 1000), { ...of('c', 0, 0), ratio: null }], 'down')
    expect(ranked.map(({ value, rank }) => [value.dimensions['city'], rank])).toEqual([
      ...[['b', 1] as const, ['a', 2] as const, ['c', null] as const],
    ])
  })
  it('has Wilson’s interval for shares of counted things, and none for sums of money', () => {
    const [low, high] = intervalOf(figure(8, 10))!
    expect([low, high].map((one) => one.toFixed(3))).toEqual(['0.490', '0.943'])
    expect(intervalOf(figure(60_000_000, 100_000_000, { count: 12 }))).toBeUndefined()
  })
})

describe('a change', () => {
  it('is better or worse by the direction of the indicator, not by its sign', () => {
    const [more, less] = [figure(600, 1000), figure(400, 1000)]
    expect(changeSince(more, less, 'up')).toMatchObject({ by: expect.closeTo(0.2), means: 'better' })
    expect(changeSince(more, less, 'down')).toMatchObject({ by: expect.closeTo(0.2), means: 'worse' })
    expect(changeSince(less, more, 'down')).toMatchObject({ by: expect.closeTo(-0.2), means: 'better' })
  })
  it('is neither when chance alone could have made it', () => {
    expect(changeSince(figure(6, 10), figure(5, 10), 'up')?.means).toBe('same')
    expect(changeSince(figure(6, 10), { ...figure(0, 0), ratio: null }, 'up')).toBeUndefined()
    // Without an interval what differs differs.
    const mean = { groups: { count: 3, counted: 3 } }
    expect(changeSince(figure(6, 10, mean), figure(5, 10, mean), 'up')?.means).toBe('better')
    expect(changeSince(figure(5, 10, mean), figure(5, 10, mean), 'up')?.means).toBe('same')
  })
  it('ranks who came furthest first, whatever the level', () => {
    const [now, before] = [
      [of('high', 900, 1000), of('low', 400, 1000)],
      [of('high', 890, 1000), of('low', 100, 1000)],
    ]
    const gains = rankImprovements(now, before, 'up')
    expect(now.map((value) => gains.get(value)?.rank)).toEqual([2, 1])
  })
})
