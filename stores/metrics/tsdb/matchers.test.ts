import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { compileRegex } from '#core/regex.ts'
import { encodeForTest } from '../testing.ts'
import { matcherTest } from './matchers.ts'
import { SeriesIndex } from './series-index.ts'
import { visitWriteRequest } from './write-request.ts'

const part = fc.constantFrom('a', 'b', 'ab', '.*', '.+', '|', '(', ')', '?', 'é', '\\.', '[ab]', '^', '$', '')
const pattern = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''))
const text = fc.array(fc.constantFrom('a', 'b', 'é', '.', '\n', '|'), { maxLength: 5 }).map((parts) => parts.join(''))

function isLegal(source: string): boolean {
  try {
    compileRegex(source, { anchored: true, dotAll: true })
    return true
  } catch {
    return false
  }
}

describe('a matcher', () => {
  it('takes the same values by its short cuts as by its expression', () => {
    fc.assert(
      fc.property(pattern.filter(isLegal), fc.array(text, { minLength: 1, maxLength: 20 }), (value, candidates) => {
        const regex = compileRegex(value, { anchored: true, dotAll: true })
        const positive = matcherTest({ name: 'x', op: '=~', value })
        const negative = matcherTest({ name: 'x', op: '!~', value })
        for (const one of candidates) {
          expect([value, one, positive.test(one)]).toEqual([value, one, regex.test(one)])
          expect(negative.test(one)).toBe(!regex.test(one))
        }
        for (const one of positive.values ?? []) expect(regex.test(one)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('finds in the index what it takes of the labels themselves', () => {
    const label = fc.record({ a: fc.constantFrom('', 'x', 'xy', 'z'), b: fc.constantFrom('', '1', '2') })
    const matcher = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      op: fc.constantFrom('=' as const, '!=' as const, '=~' as const, '!~' as const),
      value: fc.constantFrom('', 'x', 'x.*', 'x|z', '.+', '.*', '1', '[12]'),
    })
    fc.assert(
      fc.property(fc.array(label, { maxLength: 12 }), fc.array(matcher, { maxLength: 3 }), (series, matchers) => {
        const index = new SeriesIndex(seededRandom(1))
        const sets: Record<string, string>[] = []
        series.forEach((labels, i) => {
          const own = { __name__: `m${i}`, ...labels }
          visitWriteRequest(encodeForTest([[own, []]]), {
            ...{ sample() {}, histogram() {}, exemplar() {}, metadata() {}, malformed() {} },
            series: (bytes, from, to) => {
              expect(index.find(bytes, from, to)).toBe(-1)
              expect(index.add(bytes, from, to)).toBe(sets.length)
              expect(index.find(bytes, from, to)).toBe(sets.length)
            },
          })
          sets.push(own)
        })
        const expected = sets.flatMap((labels, i) =>
          matchers.every((one) => matcherTest(one).test(labels[one.name] ?? '')) ? [i] : [],
        )
        expect([...index.select(matchers)]).toEqual(expected)
      }),
    )
  })
})
