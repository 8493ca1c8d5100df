// The evaluation itself: the second generator leaves what it should, the bound behaves as a bound, and results are kept.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { tuningFamily } from '../demo/family.ts'
import { readTraceRules } from '../integrity/traces.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { zoneOf } from '../time/zone.ts'
import { familyBackground } from './fabrication.ts'
import { keepIn } from './kept.ts'
import { countPatterns, mostPowerful, type Patterns } from './oracle.ts'
import { otherHands, withOtherHabits } from './other-hands.ts'

const rules = join(import.meta.dirname, '../../rules/kpi')
const context = {
  zone: zoneOf('Asia/Shanghai'),
  calendar: compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!),
  traces: readTraceRules(join(rules, 'integrity/traces.yml')).rules!,
}
const background = familyBackground({ ...tuningFamily, sizeMin: 300, sizeMax: 500 }, 3, 2, context)
const draw = draws(seededRandom(6))
const folder = mkdtempSync(join(tmpdir(), 'guanlan-kept-'))
afterAll(() => rmSync(folder, { recursive: true }))

it.each(otherHands.map((one) => [one.name, one] as const))('%s: a twentieth of the cases, and no others', (_, way) => {
  const year = background.year(0)
  const before = new Map(year.cases.map(({ record }) => [record.id, JSON.stringify(record)]))
  const after = way.apply(year, 0.05, draw)
  const touched = after.cases.filter(({ record }) => before.get(record.id) !== JSON.stringify(record)).length
  const gone = year.cases.filter(({ record }) => !after.cases.some((one) => one.record.id === record.id)).length
  expect(touched + gone).toBeGreaterThan(0)
  expect(touched + gone).toBeLessThanOrEqual(Math.ceil(year.cases.length * 0.05) + 3)
  // The year itself stays as it was.
  expect(year.cases.every(({ record }) => before.get(record.id) === JSON.stringify(record))).toBe(true)
})

it('other habits change what others recorded and no case', () => {
  const year = background.year(1)
  const other = withOtherHabits(year, draws(seededRandom(2)))
  const bare = ({ cases }: typeof year) => cases.map(({ record }) => ({ ...record, traces: [] }))
  expect(bare(other)).toEqual(bare(year))
  expect(other.cases.map(({ record }) => record.traces)).not.toEqual(year.cases.map(({ record }) => record.traces))
})

it('the most powerful test finds more the more cases there are, and no more than the level where nothing differs', () => {
  const honest: Patterns = new Map()
  const treated: Patterns = new Map()
  const year = background.year(0)
  countPatterns(honest, year, context)
  countPatterns(treated, otherHands[5]!.apply(year, 0.02, draw), context)
  const power = (to: Patterns, cases: number) => mostPowerful(honest, to, { cases, level: 0.05, rounds: 300, draw })
  expect(power(honest, 300)).toBeLessThanOrEqual(0.12)
  expect(power(treated, 60)).toBeLessThan(power(treated, 600))
  expect(power(treated, 600)).toBeGreaterThan(0.8)
})

it('a result is made once, and not begun when the time is over', () => {
  const kept = keepIn(folder, 'a')
  expect(
    kept.take(
      'one',
      () => true,
      () => 1,
    ),
  ).toBeUndefined()
  expect(
    kept.take(
      'one',
      () => false,
      () => 2,
    ),
  ).toBe(2)
  expect(
    kept.take(
      'one',
      () => true,
      () => 3,
    ),
  ).toBe(2)
  expect(
    keepIn(folder, 'b').take(
      'one',
      () => true,
      () => 4,
    ),
  ).toBeUndefined()
})
