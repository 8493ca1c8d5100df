// Where reading begins and how far it may go. Rows are often stamped before they are committed, so a stretch is read
// again each time; a row that claims to be of tomorrow must not carry the cursor past what comes until then.
import { parseDuration } from '#core/duration.ts'
import { CodedError } from '#core/errors.ts'
import { suggest } from '#core/yaml-source.ts'
import { readTime } from '../cases/read-time.ts'
import { type Zone, zoneOf } from '../time/zone.ts'
import type { Column, Position } from './database.ts'
import type { PullSource } from './source.ts'

const overlapMs = 10 * 60_000
const overlapNumbers = '1000'

/** The columns of a list by name. @throws CodedError `pull.shape` naming the one that is gone */
export function columnNamed(source: PullSource, columns: readonly Column[], name: string): Column {
  const found = columns.find((one) => one.name === name)
  if (found) return found
  const near = suggest(
    name,
    columns.map((one) => one.name),
  )
  const known = columns
    .map((one) => one.name)
    .slice(0, 40)
    .join(', ')
  throw new CodedError('pull.shape', {
    source: source.id,
    cause: `there is no column "${name}". ${near || `There are: ${known}`}`,
  })
}

/** From where on to read in this run; undefined: from the beginning. @throws CodedError `pull.cursor` */
export function beginOf(source: PullSource, column: Column, position: Position | undefined): string | undefined {
  const wrong = (cause: string, hint: string): CodedError =>
    new CodedError('pull.cursor', { source: source.id, cause, hint })
  const { overlap } = source.cursor
  if (column.family === 'time') {
    const ms = overlap === undefined ? overlapMs : parseDuration(overlap)
    if (ms === undefined) throw wrong(`"${overlap}" is no duration`, 'For a column of times write overlap: 10m.')
    if (!position) return undefined
    const zone = zoneFor(source, column)
    const at = readTime(position.updated, 'iso', zone)
    // BC, infinity and the like: whatever it is, it comes again from there.
    return at === undefined ? position.updated : timeText(at - ms, column, zone)
  }
  if (column.family === 'number') {
    const amount = overlap ?? overlapNumbers
    if (!/^\d{1,15}$/.test(amount))
      throw wrong(`"${overlap}" is no number`, 'For a column of numbers write overlap: 1000.')
    if (!position) return undefined
    const whole = position.updated.split('.')[0]!
    return String(BigInt(whole) - BigInt(amount))
  }
  throw wrong(
    `the column "${column.name}" is ${column.type}: neither a time nor a number`,
    'Name a column that has an order, or cast it in `query`.',
  )
}

/** Up to where: the database's own now. Numbers carry no time. */
export function endOf(source: PullSource, column: Column, nowMs: number): string | undefined {
  return column.family === 'time' ? timeText(nowMs, column, zoneFor(source, column)) : undefined
}

/** True when reading has come to or beyond where it had been. */
export function isBeyond(column: Column, next: Position, before: Position | undefined): boolean {
  if (!before) return true
  if (column.family === 'number') return compareNumbers(next.updated, before.updated) >= 0
  // ISO texts of one column sort as their times do; the mark of UTC would sort after a fraction.
  return next.updated.replace(/Z$/, '') >= before.updated.replace(/Z$/, '')
}

function compareNumbers(a: string, b: string): number {
  const [wholeA = '0', partA = ''] = a.split('.')
  const [wholeB = '0', partB = ''] = b.split('.')
  if (BigInt(wholeA) !== BigInt(wholeB)) return BigInt(wholeA) < BigInt(wholeB) ? -1 : 1
  const width = Math.max(partA.length, partB.length)
  const [left, right] = [partA.padEnd(width, '0'), partB.padEnd(width, '0')]
  const order = left < right ? -1 : left > right ? 1 : 0
  return a.startsWith('-') ? -order : order
}

const zoneFor = (source: PullSource, column: Column): Zone => zoneOf(column.zoned ? 'UTC' : source.zone)

function timeText(ms: number, { type, zoned }: Column, zone: Zone): string {
  const local = zone.dayOf(ms) * 86_400_000 + zone.sinceMidnightMs(ms)
  const text = new Date(local).toISOString().replace('T', ' ').slice(0, -1)
  return type === 'date' ? text.slice(0, 10) : zoned ? `${text}Z` : text
}
