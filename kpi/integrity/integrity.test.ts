import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { digitHeaping, thresholdBunching } from './case-patterns.ts'
import {
  defaultValue,
  denominatorJump,
  linkedCounts,
  massBalance,
  partExceedsWhole,
  partsMustSum,
} from './published-figures.ts'
import {
  betaBinomialTail,
  binomialTail,
  chiSquareTail,
  discoveries,
  normalTail,
  poissonTail,
  qValues,
  wilson,
} from './statistics.ts'

const data = join(import.meta.dirname, '../../../shared/data/kpi')
const withData = it.skipIf(!existsSync(join(data, 'wabo-receipt-events.csv')))
const dayMs = 86_400_000

describe('statistics', () => {
  it('give textbook values', () => {
    expect(binomialTail(8, 10, 0.5)).toBeCloseTo(56 / 1024, 10)
    expect(normalTail(1.959964)).toBeCloseTo(0.025, 6)
    expect(chiSquareTail(16.919, 9)).toBeCloseTo(0.05, 2)
  })

  it('give the tails that sums give', () => {
    expect(chiSquareTail(3.841459, 1)).toBeCloseTo(0.05, 6)
    expect(chiSquareTail(196, 9)).toBeLessThan(1e-36)
    // P(X ≥ 2) of a Poisson of mean 1 is 1 − 2/e.
    expect(poissonTail(2, 1)).toBeCloseTo(1 - 2 / Math.E, 10)
    // With shares from a uniform, 0 to n are equally likely.
    expect(betaBinomialTail(8, 9, 0.5, 1 / 3)).toBeCloseTo(2 / 10, 10)
    expect(betaBinomialTail(8, 10, 0.5, 0)).toBeCloseTo(56 / 1024, 10)
    const { low, high } = wilson(8, 10)
    expect([low, high].map((one) => one.toFixed(4))).toEqual(['0.4902', '0.9433'])
  })

  it('name the rate at which a test becomes a discovery', () => {
    const p = [0.01, 0.02, 0.03, 0.5]
    expect(qValues(p).map((one) => one.toFixed(4))).toEqual(['0.0400', '0.0400', '0.0400', '0.5000'])
    for (const rate of [0.05, 0.3, 0.6]) expect(qValues(p).map((one) => one <= rate)).toEqual(discoveries(p, rate))
  })

  it('find the discoveries of the example of Benjamini and Hochberg', () => {
    const p = [
      0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
    ]
    expect(discoveries(p, 0.05).filter(Boolean)).toHaveLength(4)
    expect(discoveries(p, 0.05, true).filter(Boolean)).toHaveLength(3)
    expect(discoveries([], 0.05)).toEqual([])
  })
})

describe('published figures', () => {
  it('are asked about when they do not fit, and not when they do', () => {
    expect(partsMustSum('u', 'closed', 10, { a: 4, b: 6 })).toBeUndefined()
    expect(partsMustSum('u', 'closed', 11, { a: 4, b: 6 })?.statistic).toBe(1)
    expect(partExceedsWhole('u', 'digital', 3, 3)).toBeUndefined()
    expect(partExceedsWhole('u', 'digital', 4, 3)?.check).toBe('B')
    expect(massBalance('u', { opened: 5, closed: 4, stockBefore: 2, stockAfter: 3 })).toBeUndefined()
    expect(massBalance('u', { opened: 5, closed: 9, stockBefore: null, stockAfter: null })?.statistic).toBe(-4)
    expect(linkedCounts('u', { name: 'bad reviews', count: 7 }, { name: 'orders', count: 8 })?.statistic).toBe(-1)
    expect(defaultValue('u', 'satisfied', 0.77, 0.004, 1000)?.check).toBe('E')
    expect(defaultValue('u', 'satisfied', 0.77, 0.7, 1000)).toBeUndefined()
    expect(denominatorJump('u', 'items', 93_509, 179_706)?.check).toBe('F')
    expect(denominatorJump('u', 'items', 100, 110)).toBeUndefined()
  })
})

describe('patterns of cases', () => {
  withData('the closings of the permits pile up at their deadline', () => {
    const rows = parse(readFileSync(join(data, 'wabo-receipt-events.csv')), { columns: true }) as Record<
      string,
      string
    >[]
    const cases = new Map(rows.map((row) => [row['case:concept:name']!, row]))
    const day = (text: string) => Math.floor(Date.parse(`${text.slice(0, 10)}T00:00:00Z`) / dayMs)
    const days = [...cases].flatMap(([id, row]) =>
      row['case:enddate'] ? [{ id, days: day(row['case:enddate']) - day(row['case:deadline']!) }] : [],
    )
    const finding = thresholdBunching('all', days)
    expect(finding?.pValue).toBeLessThan(1e-6)
    expect(
      thresholdBunching(
        'all',
        days.map(({ id, days: at }) => ({ id, days: at + 4 })),
      )?.pValue,
    ).toBeGreaterThan(0.05)
  })

  withData('the services of the United Kingdom end in 0 too often', () => {
    const text = readFileSync(join(data, 'uk-services-vintages/2016-11-30_1082c417.csv'))
    const [head, ...rows] = parse(text, { relax_column_count: true }) as string[][]
    const totals = head!.flatMap((name, at) =>
      /^Total\s+transactions \w{3} - \w{3} \d{4}$/.test(name.replace(/\s+/g, ' ')) ? [at] : [],
    )
    const figures = rows.flatMap((row) => totals.map((at) => Number((row[at] ?? '').replaceAll(',', '') || 'x')))
    expect(totals).toHaveLength(14)
    expect(digitHeaping('all', figures)?.pValue).toBeLessThan(1e-10)
  })

  it('even digits are not asked about', () => {
    const random = seededRandom(7)
    const figures = Array.from({ length: 5000 }, () => 1000 + Math.floor(random.next() * 1e6))
    expect(digitHeaping('all', figures)?.pValue).toBeGreaterThan(0.001)
  })
})
