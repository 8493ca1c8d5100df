// Dates as people and programs write them. Two digits of a year are refused, 01 may be 1901 or 2001, unless the mapping
// says from which year they count.
import type { Zone } from '../time/zone.ts'
import { contradicts, hourOf, problemOfSpelling, readSpelling } from './time-forms.ts'

const half = '(上午|下午)? ?'
const clock = `${half}(\\d{1,2}):(\\d\\d)(?::(\\d\\d)(?:[.,](\\d{1,9}))?)?`
const iso = new RegExp(`^(\\d{4})([-/.])(\\d{1,2})\\2(\\d{1,2})(?:[T ]${clock})? ?(Z|[+-]\\d\\d(?::?\\d\\d)?)?$`)
/** ISO 8601 without its marks. */
const basic = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})?)?$/
const chineseClock = `${half}(\\d{1,2})[:时時点點](\\d\\d)(?:[:分](\\d\\d)秒?|分)?`
const chinese = new RegExp(`^(\\d{4})年(\\d{1,2})月(\\d{1,2})日(?: ?${chineseClock})?$`)
/** 民國113年3月5日, 113/03/05 or 1130305: years of the Republic, the first of which was 1912. */
const roc = new RegExp(
  `^(?:(?:民國|民国)? ?(\\d{1,3})(?:年|[-/.])(\\d{1,2})(?:月|[-/.])(\\d{1,2})日?|(\\d{2,3})(\\d\\d)(\\d\\d))(?:(?<=日)|(?= )|$)(?: ?${chineseClock})?$`,
)
const yearBeforeRoc = 1911
const builtIn = ['iso', 'ms', 's', 'excel', 'excel1904', 'roc']

/** @returns ms since the epoch, or undefined when the text has not that form. */
export function readTime(text: string, form: string, zone: Zone, yearsFrom = 0): number | undefined {
  switch (form) {
    case 'ms':
      // Fewer digits are seconds: as milliseconds they would all lie in the first weeks of 1970.
      return /^-?\d{1,15}$/.test(text) && !looksLikeSeconds(text) ? Number(text) : undefined
    case 's':
      return /^-?\d{1,11}(\.\d{1,9})?$/.test(text) ? Math.round(Number(text) * 1000) : undefined
    case 'excel':
      return excelTime(text, Date.UTC(1899, 11, 30), zone)
    case 'excel1904':
      return excelTime(text, Date.UTC(1904, 0, 1), zone)
    case 'roc':
      return rocTime(text, zone)
    case 'iso':
      return isoTime(text, zone)
  }
  const found = readSpelling(text, form, yearsFrom)
  return found && instantOf(found.parts, found.ms, found.offset, zone)
}

export function looksLikeSeconds(text: string): boolean {
  return /^\d{9,10}$/.test(text)
}

function isoTime(text: string, zone: Zone): number | undefined {
  const written = iso.exec(text)
  if (written) {
    const [, year, , month, day, noon, hour = '0', minute = '0', second = '0', fraction = '', offset] = written
    return at([year, month, day, hour, minute, second], noon, fraction, offset, zone)
  }
  const bare = basic.exec(text)
  if (bare) {
    const [, year, month, day, hour = '0', minute = '0', second = '0', offset] = bare
    return at([year, month, day, hour, minute, second], undefined, '', offset, zone)
  }
  const match = chinese.exec(text)
  if (!match) return undefined
  const [, year, month, day, noon, hour = '0', minute = '0', second = '0'] = match
  return at([year, month, day, hour, minute, second], noon, '', undefined, zone)
}

function rocTime(text: string, zone: Zone): number | undefined {
  const match = roc.exec(text)
  if (!match) return undefined
  const [, year, month, day, shortYear, shortMonth, shortDay, noon, hour = '0', minute = '0', second = '0'] = match
  const counted = Number(year ?? shortYear)
  if (counted === 0) return undefined
  const parts = [String(yearBeforeRoc + counted), month ?? shortMonth, day ?? shortDay, hour, minute, second]
  return at(parts, noon, '', undefined, zone)
}

function at(
  texts: readonly (string | undefined)[],
  noon: string | undefined,
  fraction: string,
  offset: string | undefined,
  zone: Zone,
): number | undefined {
  const [year = 0, month = 0, day = 0, written = 0, minute = 0, second = 0] = texts.map(Number)
  const hour = hourOf(written, noon)
  if (hour === undefined) return undefined
  return instantOf([year, month, day, hour, minute, second], Number(fraction.slice(0, 3).padEnd(3, '0')), offset, zone)
}

function instantOf(parts: readonly number[], ms: number, offset: string | undefined, zone: Zone): number | undefined {
  const local = localMs(parts, ms)
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

/** The number behind a date of Excel: days since a day of its own, as the clocks of the zone showed them. */
function excelTime(text: string, sinceMs: number, zone: Zone): number | undefined {
  if (!/^\d{1,7}(\.\d{1,15})?$/.test(text)) return undefined
  const days = Number(text)
  if (days < excelDayMin || days >= excelDayMax) return undefined
  return zone.instantOf(sinceMs + Math.round(days * 86_400_000))
}

/** @returns what is wrong with a form, or nothing */
export function problemOfForm(form: string, hasYearsFrom = false): string {
  return builtIn.includes(form) ? '' : problemOfSpelling(form, hasYearsFrom)
}

/** @returns what is wrong with forms that are tried one after another, or nothing */
export function problemOfForms(forms: readonly string[], hasYearsFrom: boolean): string {
  for (const [i, form] of forms.entries()) {
    const problem = problemOfForm(form, hasYearsFrom)
    if (problem !== '') return problem
    const other = forms.slice(0, i).find((before) => contradicts(before, form))
    if (other !== undefined) return `the forms ${other} and ${form} read the same digits in another order`
  }
  return ''
}

const commonForms = [
  ...['iso', 'ms', 's', 'roc', 'D/M/YYYY', 'M/D/YYYY', 'D.M.YYYY', 'D-M-YYYY', 'M-D-YYYY', 'D MMM YYYY', 'D-MMM-YYYY'],
  ...['D MMMM YYYY', 'MMMM D, YYYY', 'MMM D, YYYY', 'YYYYMMDDHHmmss'],
]
const commonClocks = ['', ' H:mm', ' H:mm:ss', ' h:mm A', ' h:mm:ss A']

/** Forms that a text has, for whoever must name one: more than one where it can be read in more than one way. */
export function formsOf(text: string, zone: Zone): string[] {
  // Two digits may be those of any year.
  const dates = /^(民|\d{3}\D|\d{7}(\D|$))/.test(text) ? commonForms : commonForms.filter((one) => one !== 'roc')
  return dates.flatMap((date) =>
    (/^[a-z]+$/.test(date) ? [date] : commonClocks.map((one) => date + one)).filter(
      (form) => readTime(text, form, zone) !== undefined,
    ),
  )
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
