// How many honest units stand out is what is asked for, whatever the tails of single rules are.
import { expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { unitScores } from './unit-scores.ts'

const draw = draws(seededRandom(3))
const rules = 40
/** @param tail below 1: p-values are smaller than they should be */
const unitOf = (at: number, tail: number, sign = 1) =>
  Array.from({ length: rules }, (_, rule) => ({
    ...{ unit: `u${at}`, rule: `r${rule}` },
    pValue: rule === 0 ? Math.min(sign, draw.next()) : draw.next() ** (1 / tail),
  }))
const outside = (units: ReturnType<typeof unitOf>[], rate = 0.05) =>
  unitScores(units.flat()).units.filter(({ pValue }) => pValue <= rate)

it('one honest unit in twenty stands out, with exact p-values and with ones that are too small', () => {
  for (const tail of [1, 0.7, 0.5]) {
    const found = outside(Array.from({ length: 2000 }, (_, at) => unitOf(at, tail)))
    expect(found.length / 2000).toBeGreaterThan(0.03)
    expect(found.length / 2000).toBeLessThan(0.07)
  }
})

it('a tenth that fabricate stand out by the rule that is loud, and hide no other', () => {
  const units = Array.from({ length: 600 }, (_, at) => unitOf(at, 0.7, at < 60 ? 1e-12 : 1))
  const found = outside(units)
  const fabricating = found.filter(({ unit }) => Number(unit.slice(1)) < 60)
  expect(fabricating.length).toBe(60)
  expect(fabricating.every(({ rule }) => rule === 'r0')).toBe(true)
  expect(found.length - 60).toBeLessThan(540 * 0.075)
})

it('few units are taken as if every test were exact', () => {
  const units = Array.from({ length: 20 }, (_, at) => unitOf(at, 1, at === 0 ? 1e-6 : 1))
  expect(outside(units).map(({ unit }) => unit)).toContain('u0')
  const [first] = unitScores(units.flat()).units.filter(({ unit }) => unit === 'u0')
  expect(first!.pValue).toBeCloseTo(rules * 1e-6, 7)
})

it('when half of all units fabricate, in many ways, they are still found', () => {
  const units = Array.from({ length: 400 }, (_, at) => {
    const tests = unitOf(at, 0.8)
    if (at % 2 === 0) tests[at % rules]!.pValue = 10 ** -(8 + (at % 30))
    return tests
  })
  const found = outside(units)
  const fabricating = found.filter(({ unit }) => Number(unit.slice(1)) % 2 === 0)
  expect(fabricating.length).toBeGreaterThan(180)
  expect(found.length - fabricating.length).toBeLessThan(200 * 0.075)
})

it('a habit alone is never asked about, however loud; another check that is none speaks for it', () => {
  const peers = Array.from({ length: 200 }, (_, at) => [
    ...unitOf(at, 1).map((one) => ({ ...one, check: 'E', ground: 'habit' as const })),
    { unit: `u${at}`, rule: 'told', check: 'K', ground: 'contradiction' as const, pValue: 1, attained: () => 0 },
  ])
  peers[3]![0]!.pValue = 1e-30
  peers[4]![0]!.pValue = 1e-30
  peers[4]!.at(-1)!.pValue = 1e-4
  const tests = peers.flat()
  const { units, qValues } = unitScores(tests)
  const qOf = (unit: string, rule: string): number =>
    qValues[tests.findIndex((one) => one.unit === unit && one.rule === rule)]!
  expect(qOf('u3', 'r0')).toBe(1)
  expect(units.find(({ unit }) => unit === 'u3')!.pValue).toBeLessThan(0.001)
  expect(qOf('u4', 'r0')).toBeLessThan(0.05)
})

it('signs that hardly any case can give are weighed by what they can give, not by their number', () => {
  const rare = Array.from({ length: 30 }, (_, at) =>
    Array.from({ length: rules }, (_, rule) => ({
      ...{ unit: `u${at}`, rule: `r${rule}`, ground: 'contradiction' as const },
      ...{ pValue: at === 0 && rule === 0 ? 1e-3 : 1, attained: () => 1e-6 },
    })),
  )
  const [first] = unitScores(rare.flat()).units.filter(({ unit }) => unit === 'u0')
  expect(first!.pValue).toBeCloseTo(1e-3 + (rules - 1) * 1e-6, 6)
})
