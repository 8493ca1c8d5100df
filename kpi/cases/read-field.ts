// One field of a row as its mapping says: found, cleaned, translated. What cannot be read is said, never guessed.
import { compileRegex, type LinearRegex } from '#core/regex.ts'
import type { FactScalar } from '../contract.ts'
import type { Zone } from '../time/zone.ts'
import type { DecimalSign, FieldMapping } from './mapping.ts'
import { formsOf, readTime } from './read-time.ts'
import type { Row } from './rows.ts'

export type FieldValue = FactScalar | FactScalar[]

export class FieldProblem extends Error {
  readonly hint: string
  constructor(cause: string, hint: string) {
    super(cause)
    this.hint = hint
  }
}

const patterns = new Map<string, LinearRegex>()
const numeral = /^[+-]?\d{1,40}(\.\d{1,40})?$/

/** Null when the row does not say. @throws FieldProblem */
export function readField(row: Row, name: string, field: FieldMapping, zone: Zone): FieldValue {
  if (field.when && !isMeant(row, field.when, field.up)) return null
  let text = rawOf(row, field)
  if (text === null || field.missing.includes(text)) return null
  if (field.query !== undefined) {
    text = queryOf(text, field.query)
    if (text === null) return null
  }
  if (field.pick !== undefined) {
    text = pickOf(text, field.pick, field.as)
    if (text === null) return null
  }
  if (field.map) {
    const mapped = Object.hasOwn(field.map, text) ? field.map[text]! : field.otherwise
    if (mapped === undefined && field.otherwise === undefined && field.type !== 'text')
      throw new FieldProblem(
        `${name}: "${text.slice(0, 60)}" is not one of ${Object.keys(field.map).join(', ')}`.slice(0, 300),
        'Add it to `map`, or give `otherwise`.',
      )
    text = mapped ?? text
  }
  if (field.time !== undefined) return timeOf(text, name, field, zone)
  switch (field.type) {
    case 'number':
      return numberText(text, name, field.decimal)
    case 'boolean':
      return booleanOf(text, name, field)
    case 'list':
      return text
        .split(field.separator)
        .map((one) => one.trim())
        .filter((one) => one !== '')
    default:
      return text
  }
}

const yes = ['true', 'yes', 'y', 't', '1', '是']
const no = ['false', 'no', 'n', 'f', '0', '否']

function booleanOf(text: string, name: string, { trues, falses }: FieldMapping): boolean {
  const among = (words: readonly string[]): boolean => words.some((word) => word.toLowerCase() === text.toLowerCase())
  if (among(trues ?? yes)) return true
  if (trues && !falses) return false
  if (among(falses ?? no)) return false
  throw new FieldProblem(
    `${name}: "${text.slice(0, 60)}" is neither yes nor no`,
    'Name the texts that mean so: `trues: [...]`, `falses: [...]`, or `missing` for what is not known.',
  )
}

/** Digits as text, exact: thousands separators and full-width forms are understood. */
export function numberText(text: string, name: string, decimal: DecimalSign = '.'): string {
  const plain = plainNumber(text, decimal)
  if (numeral.test(plain)) return plain
  const other = decimal === '.' ? ',' : '.'
  throw new FieldProblem(
    `${name}: "${text.slice(0, 60)}" is no number`,
    numeral.test(plainNumber(text, other))
      ? `If "${other}" stands before the fraction, write \`decimal: "${other}"\`.`
      : 'Write digits, or name the text in `missing`.',
  )
}

function plainNumber(text: string, decimal: DecimalSign): string {
  const bare = text
    .normalize('NFKC')
    .replace(/^[¥£$€]\s*/, '')
    .trim()
  if (decimal === '.') return bare.replace(/(?<=\d),(?=\d{3}(\D|$))/g, '')
  // Thousands are told apart by dots, blanks or apostrophes where the comma is taken.
  return bare.replace(/(?<=\d)[. '’](?=\d{3}(\D|$))/g, '').replace(/^([+-]?\d+),(?=\d+$)/, '$1.')
}

function timeOf(text: string, name: string, { time = 'iso', yearsFrom }: FieldMapping, zone: Zone): number {
  const plain = text.normalize('NFKC').replace(/\s+/g, ' ').trim()
  const forms = typeof time === 'string' ? [time] : time
  for (const form of forms) {
    const ms = readTime(plain, form, zone, yearsFrom)
    if (ms !== undefined) return ms
  }
  throw new FieldProblem(
    `${name}: "${text.slice(0, 60)}" is no date of the form ${forms.join(' or ')}`,
    hintOfTime(plain, forms.join(' or '), zone),
  )
}

function hintOfTime(text: string, forms: string, zone: Zone): string {
  if (/^\d{5}(\.\d+)?$/.test(text))
    return 'It looks like the number behind a date of Excel: show the column as dates there, or write `time: excel`.'
  if (/^\d{1,2}[-/.年]\d{1,2}[-/.月]\d{1,2}(\D|$)/.test(text))
    return 'Write the year with four digits, or say in the mapping where YY stands and from which year it counts: `yearsFrom: 1950`.'
  const fitting = formsOf(text, zone)
  return fitting.length > 0
    ? `It has the form ${fitting.join(' or ')}; ${forms} is expected.`
    : `Give the form in the mapping; it is ${forms} now.`
}

/** Rows of which the mapping says that they tell of this field. */
function isMeant(row: Row, when: NonNullable<FieldMapping['when']>, up: number): boolean {
  return Object.entries(when).every(([column, texts]) =>
    (typeof texts === 'string' ? [texts] : texts).includes(textOf(row, column, up) ?? ''),
  )
}

function rawOf(row: Row, field: FieldMapping): string | null {
  if (field.value !== undefined) return field.value
  if (field.join) return field.join.map((column) => textOf(row, column, field.up) ?? '').join('/')
  return field.column === undefined ? null : textOf(row, field.column, field.up)
}

function textOf(row: Row, column: string, up: number): string | null {
  const text = row.get(column, up)?.trim()
  return text === undefined || text === '' ? null : text.toWellFormed().replaceAll('\0', '\uFFFD')
}

/** The columns that a field looks at. */
export function columnsOf({ column, join, when }: FieldMapping): string[] {
  return [...(column === undefined ? [] : [column]), ...(join ?? []), ...Object.keys(when ?? {})]
}

function queryOf(text: string, name: string): string | null {
  const start = text.indexOf('?')
  return start < 0 ? null : new URLSearchParams(text.slice(start + 1).split('#')[0]).get(name)
}

/** `{year}-{month}` of the named groups; without a form the group `value`. */
function pickOf(text: string, pattern: string, form = '{value}'): string | null {
  const groups = matchOf(pattern, text)
  return groups && fill(form, groups)
}

export function matchOf(pattern: string, text: string): Record<string, string> | null {
  let regex = patterns.get(pattern)
  if (!regex) {
    regex = compileRegex(pattern)
    patterns.set(pattern, regex)
  }
  return regex.groups(text)
}

export function fill(form: string, groups: Record<string, string>): string {
  return form.replace(/\{(\w+)\}/g, (_, name: string) => groups[name] ?? '')
}
