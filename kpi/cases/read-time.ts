// Dates as people and programs write them. Two digits of a year are refused: 01 may be 1901 or 2001.
import type { Zone } from '../time/zone.ts'

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const iso =
  /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?$/
const chinese = /^(\d{4})年(\d{1,2})月(\d{1,2})日(?: ?(\d{1,2})[:时点](\d\d)(?:[:分](\d\d)秒?|分)?)?$/

/** @returns ms since the epoch, or undefined when the text has not that form. */
export function readTime(text: string, form: string, zone: Zone): number | undefined {
  if (form === 'ms') return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined
  if (form === 'excel') return excelTime(text, zone)
  if (form !== 'iso') return readForm(text, form, zone)
  const match = iso.exec(text) ?? chinese.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = match
  const parts = [year, month, day, hour, minute, second].map(Number)
  const local = localMs(parts, Number(fraction.slice(0, 3).padEnd(3, '0')))
  if (local === undefined) return undefined
  if (offset === undefined) return zone.instantOf(local)
  if (offset === 'Z') return local
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset)!
  // No place on earth is further from UTC.
  if (Number(hours) > offsetHoursMax || Number(minutes) > 59) return undefined
  return local - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

const offsetHoursMax = 14
/** 1900-03-01: before it Excel's calendar has a day that never was. */
const excelDayMin = 61
const excelDayMax = 2_958_466

/** The number behind a date of Excel: days from 1899-12-30 on, as the clocks of the zone showed them. */
function excelTime(text: string, zone: Zone): number | undefined {
  if (!/^\d{1,7}(\.\d{1,15})?$/.test(text)) return undefined
  const days = Number(text)
  if (days < excelDayMin || days >= excelDayMax) return undefined
  return zone.instantOf(Date.UTC(1899, 11, 30) + Math.round(days * 86_400_000))
}

/** What a form is made of. @returns what is wrong with it, or nothing */
export function problemOfForm(form: string): string {
  if (form === 'iso' || form === 'ms' || form === 'excel') return ''
  const parts: string[] = form.match(part) ?? []
  if (!parts.includes('YYYY')) return 'a form needs the year as YYYY'
  const twice = parts.find((one, i) => parts.indexOf(one) !== i)
  if (twice) return `it has ${twice} twice`
  if (parts.includes('A') !== parts.some((one) => /^h/.test(one))) return 'h and A (AM, PM) go together'
  return ''
}

const part = /YYYY|MMM|MM|M|DD|D|HH|H|hh|h|mm|ss|SSS|A/g
const patterns: Record<string, string> = {
  ...{ YYYY: '(\\d{4})', MMM: '([A-Za-z]{3})', MM: '(\\d{2})', M: '(\\d{1,2})', DD: '(\\d{2})', D: '(\\d{1,2})' },
  ...{ HH: '(\\d{2})', H: '(\\d{1,2})', hh: '(\\d{2})', h: '(\\d{1,2})', mm: '(\\d{2})', ss: '(\\d{2})' },
  ...{ SSS: '(\\d{3})', A: '([AaPp][Mm])' },
}
const compiled = new Map<string, { parts: string[]; expression: RegExp }>()

function readForm(text: string, form: string, zone: Zone): number | undefined {
  let made = compiled.get(form)
  if (!made) {
    const parts = form.match(part) ?? []
    const escaped = form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    made = { parts, expression: new RegExp(`^${escaped.replace(part, (one) => patterns[one]!)}$`) }
    compiled.set(form, made)
  }
  const match = made.expression.exec(text)
  if (!match) return undefined
  const found: Record<string, string> = {}
  made.parts.forEach((name, i) => {
    found[name] = match[i + 1]!
  })
  const number = (...names: string[]): number | undefined => {
    for (const name of names) if (found[name] !== undefined) return Number(found[name])
    return undefined
  }
  const month = found['MMM'] ? months.indexOf(found['MMM'].toLowerCase()) + 1 : (number('MM', 'M') ?? 1)
  let hour = number('HH', 'H') ?? 0
  const twelve = number('hh', 'h')
  if (twelve !== undefined) {
    if (twelve < 1 || twelve > 12) return undefined
    hour = (twelve % 12) + (found['A']?.toLowerCase() === 'pm' ? 12 : 0)
  }
  const parts = [
    number('YYYY') ?? Number.NaN,
    month,
    number('DD', 'D') ?? 1,
    hour,
    number('mm') ?? 0,
    number('ss') ?? 0,
  ]
  const local = localMs(parts, number('SSS') ?? 0)
  return local === undefined ? undefined : zone.instantOf(local)
}

/** Undefined for 31 February and 25 o'clock. */
function localMs(parts: readonly number[], ms: number): number | undefined {
  const [year, month, day, hour, minute, second] = parts as [number, number, number, number, number, number]
  const at = Date.UTC(year, month - 1, day, hour, minute, second, ms)
  const back = new Date(at)
  const same =
    back.getUTCFullYear() === year &&
    back.getUTCMonth() === month - 1 &&
    back.getUTCDate() === day &&
    back.getUTCHours() === hour &&
    back.getUTCMinutes() === minute &&
    back.getUTCSeconds() === second
  return same ? at : undefined
}
