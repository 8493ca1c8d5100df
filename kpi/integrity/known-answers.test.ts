// What others counted on real published figures, found by the checks to the digit.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadEvidence, readMapping } from '../cases/load.ts'
import { checkFigures, readFigureChecks } from './figures.ts'

const root = resolve(import.meta.dirname, '../..')
const data = resolve(root, '../shared/data/kpi')
const older = ['uk-services-vintages/2016-11-30_1082c417.csv', Date.UTC(2016, 10, 30)] as const
const newer = ['uk-services-vintages/2017-02-02_43e92973.csv', Date.UTC(2017, 1, 2)] as const

async function asked(name: string, files: readonly (readonly [string, number])[]) {
  const mapping = readMapping(join(root, 'tests/kpi/mappings', `${name}.yml`))
  const { facts } = await loadEvidence(files.map(([file, knownMs]) => ({ file: join(data, file), mapping, knownMs })))
  const { findings, restatements } = checkFigures(
    facts,
    readFigureChecks(join(root, 'tests/kpi/checks', `${name}.yml`)),
  )
  const of = (rule: string) => findings.filter((one) => one.rule === rule)
  return { of, restatements }
}

describe.skipIf(!existsSync(data))('known answers (needs ../shared/data/kpi)', () => {
  it('restatements between two publications', async () => {
    const { restatements, of } = await asked('services', [older, newer])
    const { findings, gone, added, ...counts } = restatements!
    expect(counts).toEqual({
      restated: 102,
      items: 39,
      byTwo: 13,
      fromOrToZero: 27,
      large: 33,
      filled: 252,
      emptied: 0,
    })
    expect([gone.length, added.length, findings.length]).toEqual([11, 2, 39])
    expect(of('part-of-whole')).toHaveLength(14)
  })

  it('parts above their whole, heaped digits, flat lines and jumps of one publication', async () => {
    const { restatements, of } = await asked('services', [older])
    expect(restatements).toBeUndefined()
    expect(of('part-of-whole')).toHaveLength(9)
    const [digits] = of('last-digits')
    expect(digits).toMatchObject({ seen: 729, count: 4472 })
    expect(digits!.pValue).toBeLessThan(1e-20)
    const counted = (rule: string) => [of(rule).reduce((sum, { seen }) => sum + seen!, 0), of(rule).length]
    expect(counted('flat-lining')).toEqual([205, 111])
    expect(counted('tenfold-jump')).toEqual([134, 70])
  })

  it('monthly notices that do not reconcile', async () => {
    const { of } = await asked('monthly', [['guangdong-official-monthly.json', 0]])
    const told = (rule: string) => of(rule).map(({ unit, statistic }) => [unit, Number(statistic.toFixed(4))])
    expect(told('parts-sum')).toEqual([
      ['2020-01', 631_793],
      ['2020-01', 5],
      ['2021-01', 836_852],
      ['2023-07', 417_632],
    ])
    expect(told('part-of-whole')).toEqual([['2023-07', 13_879_360 - 11_238_000]])
    expect(told('mass-balance')).toEqual([['2020-01', 2_143_249 - 7_878_562]])
    expect(told('linked-counts')).toEqual([
      ['2021-01', 791 - 798],
      ['2023-07', 1275 - 1249],
    ])
    expect(told('default-answer')).toEqual([['2020-01', 0.7729]])
    expect(told('denominator-jump')).toEqual([['2021-01', 1.9218]])
  })
})
