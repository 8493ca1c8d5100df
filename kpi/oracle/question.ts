// Does a fact match a filter? Reads the filter anew for each fact, word by word: slow, short, and easy to check.
type Field = (name: string) => unknown

export function matches(filter: string, field: Field): boolean {
  const words = [...filter.matchAll(/\s*("(?:[^"\\]|\\.)*"|<=|>=|[():<>]|(?:[^\s():<>"\\]|\\.)+)/g)].map(
    (match) => match[1]!,
  )
  let at = 0
  const is = (word: string): boolean => words[at]?.toLowerCase() === word
  const either = (): boolean => {
    let result = both()
    while (is('or')) {
      at++
      const right = both()
      result = result || right
    }
    return result
  }
  const both = (): boolean => {
    let result = negated()
    while (is('and')) {
      at++
      const right = negated()
      result = result && right
    }
    return result
  }
  const negated = (): boolean => {
    if (!is('not')) return single()
    at++
    return !negated()
  }
  const single = (): boolean => {
    if (words[at] === '(') {
      at++
      const inside = either()
      at++
      return inside
    }
    const name = words[at++]!
    if (name === '*') return true
    const values = listed(field(name))
    const sign = words[at++]!
    if (sign !== ':') {
      const wanted = words[at++]!
      return values.some((one) => ordered(one, sign, wanted))
    }
    return values_(values)
  }
  /** After the colon: one word, or words in brackets joined by and, or, not. */
  const values_ = (values: unknown[]): boolean => {
    if (words[at] !== '(') return someEqual(values, words[at++]!)
    at++
    const inner = (): boolean => {
      let result = innerBoth()
      while (is('or')) {
        at++
        const right = innerBoth()
        result = result || right
      }
      return result
    }
    const innerBoth = (): boolean => {
      let result = innerOne()
      while (is('and')) {
        at++
        const right = innerOne()
        result = result && right
      }
      return result
    }
    const innerOne = (): boolean => {
      if (is('not')) {
        at++
        return !innerOne()
      }
      return values_(values)
    }
    const result = inner()
    at++
    return result
  }
  return words.length === 0 || either()
}

function listed(value: unknown): unknown[] {
  return (Array.isArray(value) ? value : [value]).filter((one) => one !== null && one !== undefined)
}

const number = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

function someEqual(values: unknown[], word: string): boolean {
  if (word.startsWith('"')) {
    const text = word.slice(1, -1).replace(/\\(.)/g, '$1')
    return values.some((one) => same(String(one), text))
  }
  const pieces = word.split('*').map((piece) => piece.replace(/\\(.)/g, '$1'))
  if (pieces.length === 1) return values.some((one) => same(String(one), pieces[0]!))
  const expression = new RegExp(`^${pieces.map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*')}$`)
  return values.some((one) => expression.test(String(one)))
}

function same(one: string, other: string): boolean {
  return one === other || (number.test(one) && number.test(other) && Number(one) === Number(other))
}

function ordered(one: unknown, sign: string, word: string): boolean {
  const other = word.replace(/^"|"$/g, '')
  if (number.test(other)) {
    if (!number.test(String(one))) return false
    const difference = Number(one) - Number(other)
    return sign === '<'
      ? difference < 0
      : sign === '<='
        ? difference <= 0
        : sign === '>'
          ? difference > 0
          : difference >= 0
  }
  const text = String(one)
  return sign === '<' ? text < other : sign === '<=' ? text <= other : sign === '>' ? text > other : text >= other
}
