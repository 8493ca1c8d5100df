// Exact ratios: no drift, however many are added. The denominator is positive; a result is reduced when it is shown.
import type { RationalText } from './contract.ts'

export interface Rational {
  n: bigint
  d: bigint
}

export const zero: Rational = { n: 0n, d: 1n }

export function rational(n: bigint | number, d: bigint | number = 1n): Rational {
  const numerator = BigInt(n)
  const denominator = BigInt(d)
  if (denominator === 0n) throw new RangeError('a ratio with denominator 0')
  return denominator < 0n ? { n: -numerator, d: -denominator } : { n: numerator, d: denominator }
}

const decimal = /^([+-]?)(\d{1,40})(?:\.(\d{1,40}))?(?:\/(\d{1,40}))?(%?)$/

/** `0.125`, `-3`, `1/3`, `85%`; undefined for anything else. */
export function parseRational(text: string): Rational | undefined {
  const match = decimal.exec(text.trim())
  if (!match) return undefined
  const [, sign, whole, fraction = '', over, percent] = match
  const n = BigInt(whole! + fraction) * (sign === '-' ? -1n : 1n)
  const d = 10n ** BigInt(fraction.length) * (over === undefined ? 1n : BigInt(over)) * (percent === '' ? 1n : 100n)
  return d === 0n ? undefined : { n, d }
}

export function add(a: Rational, b: Rational): Rational {
  return a.d === b.d ? { n: a.n + b.n, d: a.d } : { n: a.n * b.d + b.n * a.d, d: a.d * b.d }
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, { n: -b.n, d: b.d })
}

export function multiply(a: Rational, b: Rational): Rational {
  return { n: a.n * b.n, d: a.d * b.d }
}

/** @throws RangeError when `b` is 0 */
export function divide(a: Rational, b: Rational): Rational {
  return rational(a.n * b.d, a.d * b.n)
}

export function compare(a: Rational, b: Rational): number {
  const left = a.n * b.d
  const right = b.n * a.d
  return left < right ? -1 : left > right ? 1 : 0
}

export function reduce({ n, d }: Rational): Rational {
  const by = greatestCommonDivisor(n < 0n ? -n : n, d)
  return by === 1n ? { n, d } : { n: n / by, d: d / by }
}

/**
 * The sum of many. Equal denominators are added first, then the rest in pairs: one running sum would carry an ever longer
 * denominator through every addition.
 */
export function sum(parts: Iterable<Rational>): Rational {
  const byDenominator = new Map<bigint, bigint>()
  for (const part of parts) {
    const { n, d } = part.d === 1n ? part : reduce(part)
    byDenominator.set(d, (byDenominator.get(d) ?? 0n) + n)
  }
  let level = [...byDenominator].map(([d, n]) => reduce({ n, d }))
  while (level.length > 1) {
    const next: Rational[] = []
    for (let i = 0; i < level.length; i += 2)
      next.push(i + 1 < level.length ? reduce(add(level[i]!, level[i + 1]!)) : level[i]!)
    level = next
  }
  return level[0] ?? zero
}

export function textOf(value: Rational): RationalText {
  const { n, d } = reduce(value)
  return { numerator: n.toString(), denominator: d.toString() }
}

export function fromText({ numerator, denominator }: RationalText): Rational {
  return rational(BigInt(numerator), BigInt(denominator))
}

/** `12` or `25/2`. */
export function plainText(value: Rational): string {
  const { n, d } = reduce(value)
  return d === 1n ? n.toString() : `${n}/${d}`
}

/** For charts and series, where a double is enough. */
export function toNumber({ n, d }: Rational): number {
  const bits = Math.max(n.toString(2).length, d.toString(2).length) - 1000
  return bits > 0 ? Number(n >> BigInt(bits)) / Number(d >> BigInt(bits)) : Number(n) / Number(d)
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x === 0n ? 1n : x
}
