// The check digits and tables of the standards, over bytes where they stand: a number that is none is given up at the
// first digit that tells, and nothing is copied. The forms over text are for numbers written in groups or full width.

const idWeights = Uint8Array.from([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
const idChecks = Buffer.from('10X98765432')
/** GB/T 2260: the provinces. */
const provinces = new Uint8Array(100)
for (const code of '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83'.split(
  ' ',
))
  provinces[Number(code)] = 1
const letterX = 88
const lowerBit = 32

/** GB 11643 at a place of 18 characters, of which the first 17 are digits: region, date of birth, ISO 7064 MOD 11-2. */
export function residentIdAt(bytes: Uint8Array, at: number): boolean {
  if (!datedRegionAt(bytes, at)) return false
  let sum = 0
  for (let i = 0; i < 17; i++) sum += (bytes[at + i]! - 48) * idWeights[i]!
  const last = bytes[at + 17]!
  return idChecks[sum % 11] === (last === letterX + lowerBit ? letterX : last)
}

/** All that a resident ID says of itself but its check digit: a province, and a day that there was. */
export function datedRegionAt(bytes: Uint8Array, at: number): boolean {
  if (provinces[two(bytes, at)] !== 1) return false
  const century = two(bytes, at + 6)
  if (century !== 19 && century !== 20) return false
  const month = two(bytes, at + 10)
  const day = two(bytes, at + 12)
  if (month < 1 || month > 12 || day < 1 || day > 31) return false
  return day <= daysOf(century * 100 + two(bytes, at + 8), month)
}

const two = (bytes: Uint8Array, at: number): number => (bytes[at]! - 48) * 10 + bytes[at + 1]! - 48

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const daysOf = (year: number, month: number): number =>
  month === 2 && ((year % 4 === 0 && year % 100 !== 0) || year % 400 === 0) ? 29 : monthDays[month - 1]!

export function isResidentId(text: string): boolean {
  return /^\d{17}[\dX]$/.test(text) && residentIdAt(Buffer.from(text), 0)
}

const creditAlphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const none = 255
/** Upper case, and both cases. */
const creditValues = new Uint8Array(256).fill(none)
const creditValuesFolded = new Uint8Array(256).fill(none)
for (let i = 0; i < creditAlphabet.length; i++) {
  const code = creditAlphabet.charCodeAt(i)
  creditValues[code] = creditValuesFolded[code] = i
  if (code > 64) creditValuesFolded[code | lowerBit] = i
}
/** Registrar and kind. */
const registrars = new Set<number>()
for (const [first, seconds] of Object.entries({
  ...{ 1: '1239', 2: '19', 3: '123459', 4: '19', 5: '1239', 6: '19', 7: '129', 8: '19', 9: '123' },
  ...{ A: '19', N: '1239', Y: '1' },
}))
  for (const second of seconds) registrars.add((first.charCodeAt(0) << 8) | second.charCodeAt(0))

/** GB 32100 at a place of 18 letters and digits: registrar, kind, region, organisation, MOD 31. */
export function creditCodeAt(bytes: Uint8Array, at: number, isFolded: boolean): boolean {
  const first = bytes[at]!
  const upper = isFolded && first > 96 ? first & ~lowerBit : first
  if (!registrars.has((upper << 8) | bytes[at + 1]!)) return false
  for (let i = 2; i < 8; i++) if (bytes[at + i]! < 48 || bytes[at + i]! > 57) return false
  const region = two(bytes, at + 2)
  if (provinces[region] !== 1 && region !== 10) return false
  const values = isFolded ? creditValuesFolded : creditValues
  let sum = 0
  let weight = 1
  for (let i = 0; i < 17; i++) {
    const value = values[bytes[at + i]!]!
    if (value === none) return false
    sum += value * weight
    weight = (weight * 3) % 31
  }
  return values[bytes[at + 17]!] === (31 - (sum % 31)) % 31
}

export function isCreditCode(text: string): boolean {
  return /^[0-9A-Z]{18}$/.test(text) && creditCodeAt(Buffer.from(text), 0, false)
}

const organisationWeights = Uint8Array.from([3, 7, 9, 10, 5, 8, 4, 2])
const organisationChecks = Buffer.from('0123456789X0')

/** GB 11714, MOD 11: the organisation's part of a credit code, digits only. */
export function organisationCodeAt(bytes: Uint8Array, at: number): boolean {
  let sum = 0
  for (let i = 0; i < 8; i++) sum += organisationWeights[i]! * (bytes[at + i]! - 48)
  return organisationChecks[11 - (sum % 11)] === bytes[at + 8]
}

export function luhnAt(bytes: Uint8Array, start: number, end: number): boolean {
  let sum = 0
  for (let i = end - 1, double = false; i >= start; i--, double = !double) {
    const digit = bytes[i]! - 48
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit
  }
  return sum % 10 === 0
}

/** By issuer: UnionPay proves something by itself, the short prefixes of others do not. */
export function cardIssuerAt(bytes: Uint8Array, at: number, size: number): 'unionpay' | 'other' | undefined {
  const head = two(bytes, at)
  if (size >= 16 && size <= 19 && head === 62) {
    const third = bytes[at + 2]! - 48
    return third <= 6 || third === 8 ? 'unionpay' : undefined
  }
  if (size === 16)
    return (head >= 40 && head <= 49) || (head >= 51 && head <= 55) || (head >= 22 && head <= 27) || head === 35
      ? 'other'
      : undefined
  return size === 15 && (head === 34 || head === 37) ? 'other' : undefined
}

/** Prefixes given to operators. */
const mobilePrefixes = new Uint8Array(1000)
for (let i = 0; i < 1000; i++)
  if (/^1(3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])$/.test(String(i))) mobilePrefixes[i] = 1

export function mobileAt(bytes: Uint8Array, at: number): boolean {
  return mobilePrefixes[(bytes[at]! - 48) * 100 + two(bytes, at + 1)] === 1
}
