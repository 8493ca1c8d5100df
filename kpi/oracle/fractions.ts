// Fractions as [above, below], worked out the way it is taught at school.
export type Fraction = [bigint, bigint]

export function fraction(text: string): Fraction | null {
  const percent = text.trim().endsWith('%')
  const [left = '', right] = text.trim().replace(/%$/, '').split('/')
  if (!/^[+-]?\d+(\.\d+)?$/.test(left) || (right !== undefined && !/^\d+$/.test(right))) return null
  const [whole = '', after = ''] = left.split('.')
  const below = 10n ** BigInt(after.length) * BigInt(right ?? '1') * (percent ? 100n : 1n)
  if (below === 0n) return null
  const digits = BigInt(whole.replace(/^[+-]/, '') + after)
  return simple([left.startsWith('-') ? -digits : digits, below])
}

export function simple([a, b]: Fraction): Fraction {
  let x = a < 0n ? -a : a
  let y = b < 0n ? -b : b
  while (y > 0n) {
    const rest = x % y
    x = y
    y = rest
  }
  const by = x === 0n ? 1n : x
  return b < 0n ? [-a / by, -b / by] : [a / by, b / by]
}

export const plus = ([a, b]: Fraction, [c, d]: Fraction): Fraction => simple([a * d + c * b, b * d])
export const minus = ([a, b]: Fraction, [c, d]: Fraction): Fraction => simple([a * d - c * b, b * d])
export const times = ([a, b]: Fraction, [c, d]: Fraction): Fraction => simple([a * c, b * d])
export const over = ([a, b]: Fraction, [c, d]: Fraction): Fraction | null => (c === 0n ? null : simple([a * d, b * c]))

export function written([a, b]: Fraction): string {
  return b === 1n ? `${a}` : `${a}/${b}`
}

/** A sum such as `volume * (legal.days - promised.days)` over the fields of one fact; null when one of them is missing. */
export function evaluate(text: string, field: (name: string) => unknown): Fraction | null {
  const words = text.match(/\d+(\.\d+)?|[A-Za-z_][\w.-]*|[-+*/(),]/g) ?? []
  let at = 0
  const value = (): Fraction | null => {
    const word = words[at++] ?? ''
    if (word === '(') {
      const inside = chain()
      at++
      return inside
    }
    if (word === 'min' && words[at] === '(') {
      const among: (Fraction | null)[] = []
      do {
        at++
        among.push(chain())
      } while (words[at] === ',')
      at++
      if (among.includes(null)) return null
      return (among as Fraction[]).reduce((least, one) => (minus(one, least)[0] < 0n ? one : least))
    }
    if (/^\d/.test(word)) return fraction(word)
    const given = field(word)
    return typeof given === 'string' || typeof given === 'number' ? fraction(String(given)) : null
  }
  const product = (): Fraction | null => {
    let left = value()
    while (words[at] === '*' || words[at] === '/') {
      const sign = words[at++]
      const right = value()
      left = left && right ? (sign === '*' ? times(left, right) : over(left, right)) : null
    }
    return left
  }
  const chain = (): Fraction | null => {
    let left = product()
    while (words[at] === '+' || words[at] === '-') {
      const sign = words[at++]
      const right = product()
      left = left && right ? (sign === '+' ? plus(left, right) : minus(left, right)) : null
    }
    return left
  }
  return chain()
}
