// What follows from the limits of a service item: both in working days, so that they can be compared.
import type { Fact } from '../contract.ts'
import { numberOf } from '../definitions/arithmetic.ts'
import { compare, plainText, type Rational, rational } from '../rational.ts'
import type { Calendar } from '../time/calendar.ts'

/** A working day has so many hours; a month is a twelfth of the year's working days. */
const hoursPerDay = 8

/** Adds `legal.days`, `promised.days`, `sameUnit`, `longer`. `year` is that of the figure. */
export function withLimits(fields: Fact['fields'], calendar: Calendar, year: number): Fact['fields'] {
  const legal = inWorkingDays(fields['legal.amount'], fields['legal.unit'], calendar, year)
  const promised = inWorkingDays(fields['promised.amount'], fields['promised.unit'], calendar, year)
  if (!legal && !promised) return fields
  return {
    ...fields,
    'legal.days': legal ? plainText(legal) : null,
    'promised.days': promised ? plainText(promised) : null,
    sameUnit: legal && promised ? fields['legal.unit'] === fields['promised.unit'] : null,
    longer: legal && promised ? compare(promised, legal) > 0 : null,
  }
}

function inWorkingDays(
  amount: Fact['fields'][string] | undefined,
  unit: Fact['fields'][string] | undefined,
  calendar: Calendar,
  year: number,
): Rational | undefined {
  const value = numberOf(amount)
  if (!value) return undefined
  const { working, all } = calendar.year(year)
  switch (unit) {
    case 'working-day':
      return value
    case 'calendar-day':
      return rational(value.n * BigInt(working), value.d * BigInt(all))
    case 'month':
      return rational(value.n * BigInt(working), value.d * 12n)
    case 'hour':
      return rational(value.n, value.d * BigInt(hoursPerDay))
    default:
      return undefined
  }
}
