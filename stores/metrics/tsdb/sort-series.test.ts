import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createPace } from '#core/pace.ts'
import { SortedSeries, sortSeries } from './sort-series.ts'

/** What series are compared by: any order that is not that of their numbers. */
const compare = (a: number, b: number): number => ((a * 7919) % 10_007) - ((b * 7919) % 10_007)
const pace = createPace()
const rest = (): Promise<void> => pace(true)
const numbers = fc.uniqueArray(fc.nat(10_006), { maxLength: 5000, size: 'max' })

it('sorts as a plain sort does, also over many runs, and leaves what it was given', async () => {
  await fc.assert(
    fc.asyncProperty(numbers, async (list) => {
      const given = Uint32Array.from(list)
      expect([...(await sortSeries(given, compare, rest))]).toEqual([...list].sort(compare))
      expect([...given]).toEqual(list)
    }),
    { numRuns: 50 },
  )
})

it('lets others have their turn while it sorts very many', async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await sortSeries(
    Uint32Array.from({ length: 200_000 }, (_, i) => i),
    (a, b) => ((a * 7919) % 200_003) - ((b * 7919) % 200_003),
    rest,
  )
  clearInterval(timer)
  expect(turns).toBeGreaterThan(0)
})

it('knows again what it sorted, sorts in what came since, and forgets nothing that is asked for', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ query: fc.nat(3), grow: fc.nat(400) }), { maxLength: 20 }), async (steps) => {
      const sorted = new SortedSeries(compare)
      let size = 1
      for (const { query, grow } of steps) {
        size = Math.min(size + grow, 10_000)
        const found = Uint32Array.from({ length: size }, (_, i) => i).filter((one) => one % (query + 1) === 0)
        const matchers = [{ name: 'q', op: '=' as const, value: String(query) }]
        expect([...(await sorted.of(matchers, found, true))]).toEqual([...found].sort(compare))
      }
    }),
    { numRuns: 50 },
  )
})
