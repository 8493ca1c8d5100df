// fmt.Sprintf for the values that templates know.
import { formatGeneral, formatValue } from '#stores/metrics/promql/numbers.ts'
import { TemplateError, textOf, typeName, type Value } from './values.ts'

const widthMax = 1000

export function sprintf(format: string, args: readonly Value[]): string {
  let used = 0
  const text = format.replace(
    /%([-+# 0]*)(\d+|\*)?(?:\.(\d+|\*)?)?([a-zA-Z%])?/g,
    (all, flags: string, width = '', precision: string | undefined, verb: string | undefined) => {
      if (verb === undefined) return '%!(NOVERB)'
      if (verb === '%') return '%'
      const size = (given: string): number => {
        const value = given === '*' ? Number(args[used++] ?? 0) : Number(given)
        if (!(value <= widthMax)) throw new TemplateError(`a width over ${widthMax}`)
        return value
      }
      const wide = width === '' ? 0 : size(width)
      const digits = precision !== undefined ? size(precision) : /\.[a-zA-Z]$/.test(all) ? 0 : undefined
      if (used >= args.length) return `%!${verb}(MISSING)`
      const value = args[used++]!
      return pad(one(verb, value, digits, flags), wide, flags, typeof value === 'number' || typeof value === 'bigint')
    },
  )
  if (used >= args.length) return text
  return `${text}%!(EXTRA ${args
    .slice(used)
    .map((value) => `${typeName(value)}=${textOf(value)}`)
    .join(', ')})`
}

function one(verb: string, value: Value, digits: number | undefined, flags: string): string {
  const bad = (): string => `%!${verb}(${typeName(value)}=${textOf(value)})`
  if (verb === 'T') return typeName(value)
  if (verb === 'v')
    return signed(
      typeof value === 'number' && digits !== undefined ? general(value, digits) : textOf(value),
      value,
      flags,
    )
  if (typeof value === 'number') {
    if (!/[eEfFgGxX]/.test(verb)) return bad()
    if (!Number.isFinite(value))
      return signed(formatValue(value).replace(/^\+/, flags.includes('+') ? '' : '+'), value, '')
    if (verb === 'f' || verb === 'F') return signed(fixed(value, digits ?? 6), value, flags)
    if (verb === 'e' || verb === 'E') {
      const text = value.toExponential(Math.min(100, digits ?? 6)).replace(/e([+-])(\d)$/, 'e$10$2')
      return signed(verb === 'E' ? text.toUpperCase() : text, value, flags)
    }
    return signed(verb === 'G' ? general(value, digits).toUpperCase() : general(value, digits), value, flags)
  }
  if (typeof value === 'bigint') {
    switch (verb) {
      case 'd':
        return signed(value.toString(), value, flags)
      case 'x':
        return value.toString(16)
      case 'X':
        return value.toString(16).toUpperCase()
      case 'o':
        return value.toString(8)
      case 'b':
        return value.toString(2)
      case 'c':
        return value >= 0n && value <= 0x10ffffn ? String.fromCodePoint(Number(value)) : '\uFFFD'
      case 'q':
        return `'${String.fromCodePoint(Number(value))}'`
      default:
        return bad()
    }
  }
  if (typeof value === 'boolean') return verb === 't' ? String(value) : bad()
  const text = textOf(value)
  switch (verb) {
    case 's':
      return digits === undefined ? text : [...text].slice(0, digits).join('')
    case 'q':
      return JSON.stringify(text)
    case 'x':
    case 'X': {
      const hex = Buffer.from(text).toString('hex')
      return verb === 'X' ? hex.toUpperCase() : hex
    }
    default:
      return bad()
  }
}

const general = (value: number, digits: number | undefined): string =>
  formatGeneral(value, digits === 0 ? 1 : digits === undefined ? undefined : Math.min(digits, 100))

function fixed(value: number, digits: number): string {
  // toFixed turns to exponents from 1e21 on.
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}${digits > 0 ? `.${'0'.repeat(digits)}` : ''}`
  const exact = value.toFixed(Math.min(100, digits))
  // Go rounds a half that is exact in binary to even, toFixed away from zero.
  const scaled = Math.abs(value) * 10 ** digits
  if (
    digits <= 15 &&
    scaled < 2 ** 52 &&
    scaled % 1 === 0.5 &&
    scaled / 10 ** digits === Math.abs(value) &&
    Math.floor(scaled) % 2 === 0 &&
    isDyadic(value, digits)
  )
    return `${value < 0 ? '-' : ''}${(Math.floor(scaled) / 10 ** digits).toFixed(digits)}`
  return exact
}

/** Whether value × 10^digits is exact: only then a half is a half. */
function isDyadic(value: number, digits: number): boolean {
  return Number.isInteger(value * 2 ** (digits + 1))
}

function signed(text: string, value: Value, flags: string): string {
  if ((typeof value !== 'number' && typeof value !== 'bigint') || /^[+-]/.test(text) || text === 'NaN') return text
  return flags.includes('+') ? `+${text}` : flags.includes(' ') ? ` ${text}` : text
}

function pad(text: string, width: number, flags: string, number: boolean): string {
  const missing = width - [...text].length
  if (missing <= 0) return text
  if (flags.includes('-')) return text + ' '.repeat(missing)
  if (!flags.includes('0') || /Inf|NaN/.test(text)) return ' '.repeat(missing) + text
  const sign = number ? (/^[+-]/.exec(text)?.[0] ?? '') : ''
  return sign + '0'.repeat(missing) + text.slice(sign.length)
}
