import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Counted, changePoints, cusum, spreadOfSeries } from './change-point.ts'
import { mixShift } from './mix-shift.ts'
import { estimateFromVisits, planVisits, reportedAgainstVisits } from './mystery-shopping.ts'
import { flatLining, restatedCells, tenfoldJumps } from './series.ts'

const series = (values: (number | null)[]) => ({
  ...{ unit: 'u', name: 'cases' },
  points: values.flatMap((value, at) => (value === null ? [] : [{ period: `Q${at}`, at, value }])),
})

describe('published series', () => {
  it('flat lines are asked about, zeros and gaps are not', () => {
    expect(flatLining(series([5, 5, 7, 7, 7]))?.statistic).toBe(3)
    expect(flatLining(series([0, 0, 5, null, 5, 6]))).toBeUndefined()
  })
  it('a tenfold jump is asked about, and nine times is not', () => {
    expect(tenfoldJumps(series([10, 100, 10]))?.statistic).toBe(2)
    expect(tenfoldJumps(series([10, 90, 0, 900]))).toBeUndefined()
  })
  it('tells restated from filled, emptied, gone and new', () => {
    const before = new Map([
      [
        'a',
        new Map<string, number | null>([
          ['q1', 100],
          ['q2', null],
          ['q3', 5],
          ['q4', 0],
        ]),
      ],
      ['b', new Map<string, number | null>([['q1', 1]])],
    ])
    const after = new Map([
      [
        'a',
        new Map<string, number | null>([
          ['q1', 200],
          ['q2', 7],
          ['q3', null],
          ['q4', 300],
          ['q5', 9],
        ]),
      ],
      ['c', new Map<string, number | null>([['q1', 1]])],
    ])
    expect(restatedCells(before, after)).toMatchObject({
      ...{
        restated: 2,
        items: 1,
        byTwo: 1,
        fromOrToZero: 1,
        large: 2,
        filled: 1,
        emptied: 1,
        gone: ['b'],
        added: ['c'],
      },
    })
  })
})

describe('change points', () => {
  const counted = fc.record({
    trials: fc.integer({ min: 0, max: 40 }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  it('cost as little as the best of all divisions', () => {
    fc.assert(
      fc.property(
        fc.array(counted, { minLength: 1, maxLength: 9 }),
        fc.double({ min: 0.5, max: 12, noNaN: true }),
        (list, penalty) => {
          const points = list.map(({ trials, part }) => ({ trials, hits: Math.round(trials * part) }))
          expect(changePoints(points, 1, penalty).cost).toBeCloseTo(cheapest(points, penalty), 6)
        },
      ),
    )
  })
  it('are found where a share changes, and not in noise', () => {
    const flat = Array.from({ length: 40 }, (_, i) => ({ hits: 20 + ((i * 7) % 5), trials: 100 }))
    expect(changePoints(flat).stretches).toHaveLength(1)
    const step = flat.map((one, i) => (i < 25 ? one : { hits: one.hits + 30, trials: 100 }))
    expect(changePoints(step, spreadOfSeries(step)).stretches.map(({ from, to }) => [from, to])).toEqual([
      [0, 25],
      [25, 40],
    ])
    expect(cusum(step, 0.22)).toMatchObject({ from: 25, at: 39 })
    expect(cusum(flat, 0.22).peak).toBeLessThan(3)
  })
})

/** Every division tried. */
function cheapest(points: readonly Counted[], penalty: number): number {
  const cost = (from: number, to: number): number => {
    const k = points.slice(from, to).reduce((sum, { hits }) => sum + hits, 0)
    const m = points.slice(from, to).reduce((sum, { trials }) => sum + trials, 0)
    const term = (x: number): number => (x > 0 ? x * Math.log(x / m) : 0)
    return -2 * (term(k) + term(m - k))
  }
  let least = Number.POSITIVE_INFINITY
  for (let cuts = 0; cuts < 2 ** (points.length - 1); cuts++) {
    let [sum, from] = [0, 0]
    for (let to = 1; to <= points.length; to++)
      if (to === points.length || ((cuts >> (to - 1)) & 1) === 1) {
        sum += cost(from, to) + (from > 0 ? penalty : 0)
        from = to
      }
    least = Math.min(least, sum)
  }
  return least
}

describe('mix', () => {
  it('a whole that rises while its parts fall is asked about (admissions to Berkeley turned round)', () => {
    const part = (name: string, a: number, b: number, c: number, d: number) => ({
      ...{ name, before: { hits: a, trials: b }, after: { hits: c, trials: d } },
    })
    const finding = mixShift('u', 'on time', [part('hard', 20, 100, 3, 20), part('easy', 95, 100, 450, 500)])
    expect(finding).toMatchObject({ check: 'M', rule: 'mix-shift' })
    expect(finding!.statistic).toBeGreaterThan(0)
    expect(mixShift('u', 'on time', [part('hard', 20, 100, 30, 100), part('easy', 95, 100, 450, 500)])).toBeUndefined()
    expect(mixShift('u', 'on time', [part('only', 20, 100, 10, 100)])).toBeUndefined()
  })
})

describe('visits', () => {
  it('385 of a large population for 5 points at 95 %, fewer of a small one', () => {
    expect(planVisits([{ name: 'all', population: 1e9, share: 0.5 }], 0.05)[0]!.visits).toBe(385)
    expect(planVisits([{ name: 'all', population: 1000, share: 0.5 }], 0.05)[0]!.visits).toBe(278)
  })
  it('go where there is more, and where less is known', () => {
    const plan = planVisits(
      [
        { name: 'large', population: 8000, share: 0.5 },
        { name: 'small', population: 2000, share: 0.5 },
        { name: 'sure', population: 8000, share: 0.98 },
        { name: 'tiny', population: 3, share: 0.5 },
      ],
      0.05,
    )
    const [large, small, sure, tiny] = plan.map(({ visits }) => visits) as [number, number, number, number]
    expect(large / small).toBeCloseTo(4, 0)
    expect(sure).toBeLessThan(large / 2)
    expect(tiny).toBe(3)
  })
  it('hold the interval that they were planned for', () => {
    const strata = planVisits(
      [
        { name: 'a', population: 5000, share: 0.5 },
        { name: 'b', population: 20_000, share: 0.5 },
      ],
      0.04,
    )
    const { low, high } = estimateFromVisits(strata.map((one) => ({ ...one, asReported: Math.round(one.visits / 2) })))
    expect((high - low) / 2).toBeLessThanOrEqual(0.0401)
  })
  it('ask about a reported share that they do not bear out', () => {
    const strata = [{ name: 'a', population: 1000, visits: 100, asReported: 70 }]
    expect(reportedAgainstVisits('u', 0.95, strata)?.check).toBe('O')
    expect(reportedAgainstVisits('u', 0.72, strata)).toBeUndefined()
    expect(estimateFromVisits([...strata, { name: 'b', population: 9, visits: 0, asReported: 0 }]).unvisited).toEqual([
      'b',
    ])
  })
})
