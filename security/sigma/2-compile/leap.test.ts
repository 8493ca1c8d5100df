import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Automaton } from './automaton.ts'
import { cheapestScanners, Leap, Moves, PairCounts, type Scanner } from './leap.ts'

const found = (scanners: readonly Scanner[], text: string): number[] => {
  const atoms = new Set<number>()
  for (const scanner of scanners) scanner.scan(text, (atom) => atoms.add(atom))
  return [...atoms].sort((a, b) => a - b)
}
const patternsOf = (texts: readonly string[]) =>
  texts.map((text, atom) => ({ text, op: 'contains' as const, atom: atom + 5 }))
const pairsOf = (texts: readonly string[]): PairCounts => {
  const pairs = new PairCounts()
  for (const text of texts) pairs.add(text)
  return pairs
}
const inside = (texts: readonly string[], value: string): number[] =>
  texts.flatMap((text, i) => (value.includes(text) ? [i + 5] : []))

// Few letters, so that texts overlap; chars that share a place in the table (a, ſ-like ones 128 and 256 further).
const letters = fc.constantFrom('a', 'b', ':', '\\', '.', '\u00e1', '\u0161', '观', '\u0131')
const words = (minLength: number) =>
  fc.uniqueArray(fc.string({ unit: letters, minLength, maxLength: minLength + 8 }), { minLength: 1, maxLength: 12 })
const values = fc.string({ unit: letters, maxLength: 60 })

function scannersOf(...given: Parameters<typeof cheapestScanners>): Scanner[] {
  const steps = cheapestScanners(...given)
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}

describe('texts anywhere in a value', () => {
  test('leaps find what includes finds', () => {
    fc.assert(
      fc.property(fc.oneof(words(2), words(4), words(9)), values, (texts, value) => {
        expect(found([new Leap(new Moves(patternsOf(texts), pairsOf(texts)))], value)).toEqual(inside(texts, value))
      }),
      { numRuns: 3000 },
    )
  })
  test('also where a text stands between others, at the begin and at the end', () => {
    fc.assert(
      fc.property(words(3), values, values, fc.nat(), (texts, before, after, which) => {
        const value = before + texts[which % texts.length]! + after
        const pairs = pairsOf([...texts, before, after])
        expect(found([new Leap(new Moves(patternsOf(texts), pairs))], value)).toEqual(inside(texts, value))
      }),
      { numRuns: 3000 },
    )
  })
  test('whatever is chosen finds the same', () => {
    fc.assert(
      fc.property(fc.oneof(words(1), words(4), words(9)), values, (texts, value) => {
        expect(found(scannersOf(patternsOf(texts), pairsOf(texts)), value)).toEqual(inside(texts, value))
      }),
      { numRuns: 2000 },
    )
  })
  test('few long texts are leapt for, many short ones read for', () => {
    const long = ['sekurlsa::', 'kerberos::ptt', '\\mimilib.dll', 'privilege::debug']
    expect(scannersOf(patternsOf(long), pairsOf(long)).map((one) => one.constructor)).toEqual([Leap])
    const short = ['a', 'b', '\\', 'aa', 'bb']
    expect(scannersOf(patternsOf(short), pairsOf(short)).map((one) => one.constructor)).toEqual([Automaton])
    expect(scannersOf([], pairsOf([]))).toEqual([])
  })
})
