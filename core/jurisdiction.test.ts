import fc from 'fast-check'
import { expect, test } from 'vitest'
import { covers, everywhere, type Jurisdiction, narrow, regionCovers, regionStem } from './jurisdiction.ts'

test('a code covers itself and what is below it, and nothing beside it', () => {
  expect(['440000', '440300', '440305', '440310', '440305001', '440305000000', '511602000000'].map(regionStem)).toEqual(
    [...['44', '4403', '440305', '440310', '440305001', '440305', '511602']],
  )
  expect(regionCovers('440000', '440305')).toBe(true)
  expect(regionCovers('440300', '440305001')).toBe(true)
  expect(regionCovers('440300', '440400')).toBe(false)
  expect(regionCovers('440305', '440300')).toBe(false)
  expect(regionCovers('深圳市', '深圳市')).toBe(true)
  expect(regionCovers('44', '440300')).toBe(false)
})

test('outside of both regions and departments is outside', () => {
  const bounds = { regions: ['440300'], departments: ['市场监管局'] }
  expect(covers(bounds, { region: '440305', department: '市场监管局' })).toBe(true)
  expect(covers(bounds, { region: '440305', department: '公安局' })).toBe(false)
  expect(covers(bounds, { region: '', department: '市场监管局' })).toBe(false)
  expect(covers(everywhere, { region: '', department: '' })).toBe(true)
})

test('what is asked for never widens what may be seen, and loses nothing that is in both', () => {
  const code = fc.constantFrom('440000', '440300', '440305', '440400', '440402', '450000')
  const jurisdiction: fc.Arbitrary<Jurisdiction> = fc.record({
    regions: fc.uniqueArray(code, { maxLength: 3 }),
    departments: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
  })
  const place = fc.record({ region: code, department: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(jurisdiction, jurisdiction, place, (bounds, asked, one) => {
      const both = narrow(bounds, asked)
      expect(both !== undefined && covers(both, one)).toBe(covers(bounds, one) && covers(asked, one))
    }),
  )
})
