import { expect, test } from 'vitest'
import { formatGeneral, formatOpenMetrics, formatValue } from './numbers.ts'

// What Go's fmt prints for %g, %.3g and strconv's 'f'.
test.each([
  [12345678, '1.2345678e+07', '1.23e+07', '12345678'],
  [1e6, '1e+06', '1e+06', '1000000'],
  [999999, '999999', '1e+06', '999999'],
  [100000, '100000', '1e+05', '100000'],
  [123456.7, '123456.7', '1.23e+05', '123456.7'],
  [1e21, '1e+21', '1e+21', '1000000000000000000000'],
  [0.0001, '0.0001', '0.0001', '0.0001'],
  [0.000012, '1.2e-05', '1.2e-05', '0.000012'],
  [-2.5e-10, '-2.5e-10', '-2.5e-10', '-0.00000000025'],
  [Number.POSITIVE_INFINITY, '+Inf', '+Inf', '+Inf'],
  [Number.NaN, 'NaN', 'NaN', 'NaN'],
  [-0, '-0', '-0', '-0'],
])('%d is written as Go writes it', (value, general, three, plain) => {
  expect(formatGeneral(value)).toBe(general)
  expect(formatGeneral(value, 3)).toBe(three)
  expect(formatValue(value)).toBe(plain)
})

test('a bound of OpenMetrics has a point or an exponent', () => {
  expect([5, 0.5, 1e6, 2_500_000, Number.POSITIVE_INFINITY].map(formatOpenMetrics)).toEqual([
    ...['5.0', '0.5', '1e+06', '2.5e+06', '+Inf'],
  ])
})
