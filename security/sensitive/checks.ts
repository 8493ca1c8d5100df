// The check digits and tables of the standards, over plain digits.

const idWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const idChecks = '10X98765432'
/** GB/T 2260: the provinces. */
const provinces = new Set(
  '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83'.split(' '),
)

/** GB 11643: region, date of birth, ISO 7064 MOD 11-2. */
export function isResidentId(text: string): boolean {
  if (!/^\d{17}[\dX]$/.test(text) || !provinces.has(text.slice(0, 2))) return false
  const year = Number(text.slice(6, 10))
  if (year < 1900 || year > 2099 || !isDate(year, Number(text.slice(10, 12)), Number(text.slice(12, 14)))) return false
  let sum = 0
  for (let i = 0; i < 17; i++) sum += Number(text[i]) * idWeights[i]!
  return idChecks[sum % 11] === text[17]
}

function isDate(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return day <= [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!
}

const creditAlphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'

/** GB 32100: registrar, kind, region, organisation, MOD 31. */
export function isCreditCode(text: string): boolean {
  if (
    !/^(1[1239]|2[19]|3[1-59]|4[19]|5[1239]|6[19]|7[129]|8[19]|9[123]|A[19]|N[1239]|Y1)\d{6}[0-9A-HJ-NP-RTUWXY]{10}$/.test(
      text,
    )
  )
    return false
  const region = text.slice(2, 4)
  if (!provinces.has(region) && region !== '10') return false
  let sum = 0
  let weight = 1
  for (let i = 0; i < 17; i++) {
    sum += creditAlphabet.indexOf(text[i]!) * weight
    weight = (weight * 3) % 31
  }
  return creditAlphabet[(31 - (sum % 31)) % 31] === text[17]
}

/** GB 11714, MOD 11: the organisation's part of a credit code. */
export function isOrganisationCode(text: string): boolean {
  const weights = [3, 7, 9, 10, 5, 8, 4, 2]
  const sum = weights.reduce((total, weight, i) => total + weight * Number.parseInt(text[i]!, 36), 0)
  return '0123456789X0'[11 - (sum % 11)] === text[8]
}

export function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let i = digits.length - 1, double = false; i >= 0; i--, double = !double) {
    const digit = digits.charCodeAt(i) - 48
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit
  }
  return sum % 10 === 0
}

/** By issuer: UnionPay proves something by itself, the short prefixes of others do not. */
export function cardIssuer(digits: string): 'unionpay' | 'other' | undefined {
  const length = digits.length
  if (length >= 16 && length <= 19 && /^62[0-68]/.test(digits)) return 'unionpay'
  if (length === 16 && /^(4|5[1-5]|2[2-7]|35)/.test(digits)) return 'other'
  return length === 15 && /^3[47]/.test(digits) ? 'other' : undefined
}

/** Prefixes given to operators. */
export const isMobile = (digits: string): boolean =>
  /^1(3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}$/.test(digits)
