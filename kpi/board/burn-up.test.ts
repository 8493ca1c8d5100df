import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BurnPoint, burnUp, monthAfter, monthsBetween } from './burn-up.ts'

const months = (values: (number | null)[], first = '2025-01'): BurnPoint[] =>
  values.map((value, i) => ({ month: monthAfter(first, i), value }))

describe('the way to a target', () => {
  it('goes on along a straight line, without width, and says when it arrives', () => {
    const found = burnUp(
      months([0.5, 0.52, 0.54, 0.56, 0.58, 0.6]),
      { value: 0.7, direction: 'up', due: '2025-12-31' },
      true,
    )
    expect(found.pace).toBeCloseTo(0.02, 12)
    expect(found.required).toBeCloseTo(0.1 / 6, 12)
    expect(found.forecast.map(({ month }) => month)).toEqual(months([0, 0, 0, 0, 0, 0], '2025-07').map((p) => p.month))
    for (const [i, one] of found.forecast.entries()) {
      expect(one.value).toBeCloseTo(0.62 + 0.02 * i, 9)
      expect(one.high - one.low).toBeLessThan(1e-6)
    }
    expect(found.reaches).toBe('2025-11')
  })
  it('has the interval of a textbook', () => {
    // y = x + (1, -1, 1, -1, 1, -1): worked out by hand with t(0.9; 4) = 1.533.
    const found = burnUp(months([1, 0, 3, 2, 5, 4]), null, false)
    const [first] = found.forecast
    const variance = (6 - 9 / 17.5) / 4
    const half = 1.533 * Math.sqrt(variance * (1 + 1 / 6 + 3.5 ** 2 / 17.5))
    expect((first!.high - first!.low) / 2).toBeCloseTo(half, 1)
  })
  it('asks for no pace once it is reached, after the day, or without one', () => {
    const values = months([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    expect(burnUp(values, { value: 0.4, direction: 'up', due: '2026-12-31' }, true).required).toBeNull()
    expect(burnUp(values, { value: 0.9, direction: 'up', due: '2020-12-31' }, true).required).toBeNull()
    expect(burnUp(values, { value: 0.9, direction: 'up', due: null }, true).required).toBeNull()
    expect(burnUp(values, { value: 0.3, direction: 'down', due: '2025-08-31' }, true).required).toBeCloseTo(-0.1, 12)
  })
  it('foretells nothing from few months, and nothing of nothing', () => {
    expect(burnUp(months([0.1, null, null, 0.2, 0.3]), null, true)).toMatchObject({ forecast: [], pace: null })
    expect(burnUp([], { value: 1, direction: 'up', due: '2030-01-01' }, true)).toMatchObject({
      forecast: [],
      required: null,
    })
  })
  it('keeps a share between 0 and 1, and the figure within its interval', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 30 }), (values) => {
        for (const { low, value, high } of burnUp(months(values), null, true).forecast) {
          expect(low).toBeGreaterThanOrEqual(0)
          expect(high).toBeLessThanOrEqual(1)
          expect(low <= value && value <= high).toBe(true)
        }
      }),
    )
  })
  it('counts months over years', () => {
    expect(monthAfter('2025-11', 3)).toBe('2026-02')
    expect(monthAfter('2025-01', -1)).toBe('2024-12')
    expect(monthsBetween('2024-12', '2026-01')).toBe(13)
  })
})
