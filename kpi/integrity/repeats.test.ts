// Exact hits among differences: chance makes as many of them as of any other small difference.
import { expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { repeatsOf, repeatTests } from './repeats.ts'
import { RowKeeper, type UnitRows } from './unit-rows.ts'
import { UnitSigns } from './unit-signs.ts'

const hour = 3_600_000
const rowsOf = (cases: { openedMs: number; tookMs: number; item?: number }[]): UnitRows => ({
  ...new RowKeeper().rows,
  length: cases.length,
  openedMs: cases.map(({ openedMs }) => openedMs),
  closedMs: cases.map(({ openedMs, tookMs }) => openedMs + tookMs),
  item: cases.map(({ item = 0 }) => item),
  isSystem: cases.map(() => false),
})
const ids = Array.from({ length: 5000 }, (_, i) => `c${i}`)
const pOf = (rows: UnitRows): number => {
  const unit = new UnitSigns('u')
  unit.repeats = repeatsOf(rows, ids)
  return repeatTests([unit])[0]?.pValue ?? Number.NaN
}
const draw = draws(seededRandom(8))
/** Durations to the second over a week: of many cases some agree by chance. */
const honest = (count: number, gridMs = 1000) =>
  Array.from({ length: count }, (_, i) => ({
    openedMs: i * hour,
    tookMs: 2 * hour + draw.whole(0, Math.floor((168 * hour) / gridMs)) * gridMs,
  }))

it('three cases that took as long as another are one or two repeats less than they are, and are named', () => {
  const tookMs = 30 * hour + 37_000
  const rows = rowsOf([...[0, 7, 9].map((at) => ({ openedMs: at * hour, tookMs })), { openedMs: 0, tookMs: 31 * hour }])
  expect(repeatsOf(rows, ids)).toMatchObject({ judged: 3, exact: 2, near: 0, ids: ['c0', 'c1'] })
})

it('neither another item, nor what was opened at once, nor a whole number of minutes is a repeat', () => {
  const tookMs = 30 * hour + 37_000
  expect(
    repeatsOf(
      rowsOf([
        { openedMs: 0, tookMs },
        { openedMs: 5 * hour, tookMs, item: 1 },
      ]),
      ids,
    ).exact,
  ).toBe(0)
  expect(
    repeatsOf(
      rowsOf([
        { openedMs: 0, tookMs },
        { openedMs: 60_000, tookMs },
      ]),
      ids,
    ).exact,
  ).toBe(0)
  const whole = 30 * hour
  expect(
    repeatsOf(
      rowsOf([
        { openedMs: 0, tookMs: whole },
        { openedMs: 5 * hour, tookMs: whole },
      ]),
      ids,
    ).judged,
  ).toBe(0)
})

it('chance hits of large items mean nothing, whatever times are multiples of', () => {
  for (const gridMs of [1, 1000, 10_000]) {
    const found = Array.from({ length: 40 }, () => pOf(rowsOf(honest(1500, gridMs))))
    expect(found.filter((p) => p < 0.05).length).toBeLessThanOrEqual(6)
    expect(Math.min(...found)).toBeGreaterThan(1e-4)
  }
})

it('four copied durations of 1,500 cases are plain', () => {
  const cases = honest(1500)
  for (const at of [10, 400, 800, 1200, 1400]) cases[at]!.tookMs = 50 * hour + 11_000
  expect(pOf(rowsOf(cases))).toBeLessThan(0.05)
  for (const at of [20, 420, 820, 1220, 1420]) cases[at]!.tookMs = 60 * hour + 13_000
  expect(pOf(rowsOf(cases))).toBeLessThan(1e-3)
})
