// One field of a row as its mapping says: found, cleaned, translated. What cannot be read is said, never guessed.
import { compileRegex, type LinearRegex } from '#core/regex.ts'
import type { FactScalar } from '../contract.ts'
import type { Zone } from '../time/zone.ts'
import type { FieldMapping } from './mapping.ts'
import { readTime } from './read-time.ts'
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
  if (field.time !== undefined) return timeOf(text, name, field.time, zone)
  switch (field.type) {
    case 'number':
      return numberText(text, name)
    case 'boolean':
      return field.trues.includes(text)
    case 'list':
      return text
        .split(field.separator)
        .map((one) => one.trim())
        .filter((one) => one !== '')
    default:
      return text
  }
}

/** Digits as text, exact: thousands separators and full-width forms are understood. */
export function numberText(text: string, name: string): string {
  const plain = text
    .normalize('NFKC')
    .replace(/^[¥£$€]\s*/, '')
    .replace(/(?<=\d),(?=\d{3}(\D|$))/g, '')
    .trim()
  if (!numeral.test(plain))
    throw new FieldProblem(
      `${name}: "${text.slice(0, 60)}" is no number`,
      'Write digits, or name the text in `missing`.',
    )
  return plain
}

function timeOf(text: string, name: string, form: string, zone: Zone): number {
  const plain = text.normalize('NFKC').replace(/\s+/g, ' ').trim()
  const ms = readTime(plain, form, zone)
  if (ms !== undefined) return ms
  const isSerial = /^\d{5}(\.\d+)?$/.test(plain)
  const hint = isSerial
    ? 'It looks like the number behind a date of Excel: show the column as dates there, or write `time: excel`.'
    : /^\d{1,2}[-/.年]\d{1,2}[-/.月]\d{2}(\D|$)/.test(plain) || /^\d{2}[-/.年]\d{1,2}[-/.月]\d{1,2}/.test(plain)
      ? 'Write the year with four digits.'
      : `Give the form in the mapping; it is ${form} now.`
  throw new FieldProblem(`${name}: "${text.slice(0, 60)}" is no date of the form ${form}`, hint)
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
