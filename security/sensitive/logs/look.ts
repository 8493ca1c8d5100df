// Looks for sensitive data in events as they stream by. Many events are one text for the scan, which costs the same per
// byte however short they are; a wall stands between two values, so that no word and no number reaches over. Only where
// something was found is it asked which event and which field that was.
import type { Event } from '#core/event.ts'
import { type Dictionary, wall } from '../dictionary.ts'
import { maskText } from '../mask.ts'
import { createScanner, type Found } from '../scan.ts'
import { EventText, valuesMax } from './text.ts'

export interface Seen {
  kind: string
  field: string
  /** Different values of this kind in this field, in the clear: to be counted, never to be kept. */
  values: Set<string>
  /** Numbers that were right but for their check digit. */
  misses: number
}

export interface Looked {
  event: Event
  seen: readonly Seen[]
}

export interface LookTotals {
  events: number
  bytes: number
  /** Of these only the head was looked at. */
  cut: number
  /** Found beyond what one pass may hold: counted, of no event. */
  notPlaced: number
}

/** Of one event. Everything about the scan is linear, so this also bounds its time. */
export const eventCharsMax = 16 * 1024
const passBytes = 128 * 1024
const bytesPerChar = 3
/** Name, colon, space, wall. */
const overheadPerValue = 3
const foundMax = 50_000
const between = `: `
const separator = String.fromCharCode(wall)

export function createLogLook(dictionary: Dictionary) {
  const totals: LookTotals = { events: 0, bytes: 0, cut: 0, notPlaced: 0 }
  let misses: Found[] = []
  const scan = createScanner(dictionary, foundMax, (kind, start) => {
    if (misses.length < foundMax) misses.push({ kind, start, end: start })
  })
  const scanName = createScanner(dictionary)
  const text = new EventText(eventCharsMax)
  const buffer = Buffer.allocUnsafe(passBytes + eventCharsMax * bytesPerChar + valuesMax * overheadPerValue)
  let waiting: Event[] = []
  let starts: number[] = []
  let length = 0

  const append = (event: Event): void => {
    text.read(event)
    totals.events++
    if (text.isCut) totals.cut++
    const { names, values } = text
    if (names.length === 0) return
    let line = ''
    for (let i = 0; i < names.length; i++) line += names[i]! + between + values[i]! + separator
    waiting.push(event)
    starts.push(length)
    length += buffer.write(line, length)
  }

  /** Where in the event: the text is made again, for the few that hold something. */
  const placesOf = (event: Event, start: number, found: readonly Found[], missed: readonly Found[]): Seen[] => {
    text.read(event)
    const { names, values } = text
    const seen = new Map<string, Seen>()
    // Where each field ends, and its name: measured once, however much is found in it.
    const nameEnds: number[] = []
    const ends: number[] = []
    let at = start
    for (let i = 0; i < names.length; i++) {
      nameEnds.push(at + Buffer.byteLength(names[i]!))
      at = nameEnds[i]! + overheadPerValue + Buffer.byteLength(values[i]!)
      ends.push(at)
    }
    let field = 0
    const placeOf = (offset: number): { name: string; isName: boolean } => {
      while (field < names.length - 1 && offset >= ends[field]!) field++
      return { name: names[field]!, isName: offset < nameEnds[field]! }
    }
    const seenAt = (one: Found): Seen => {
      const { name, isName } = placeOf(one.start)
      // A key of somebody's map may be a number of somebody.
      const shown = isName ? maskText(name, scanName) : name
      const key = `${one.kind} ${shown}`
      const known = seen.get(key) ?? { kind: one.kind, field: shown, values: new Set<string>(), misses: 0 }
      seen.set(key, known)
      return known
    }
    for (const one of found) seenAt(one).values.add(buffer.toString('utf8', one.start, one.end))
    field = 0
    for (const one of missed) seenAt(one).misses++
    return onceEach([...seen.values()])
  }

  const pass = (tell: (looked: Looked) => void): void => {
    if (length === 0) return
    const { found, more } = scan(buffer.subarray(0, length))
    totals.bytes += length
    totals.notPlaced += more
    if (found.length + misses.length > 0) {
      const byStart = (a: Found, b: Found): number => a.start - b.start
      found.sort(byStart)
      misses.sort(byStart)
      let [f, m] = [0, 0]
      for (let i = 0; i < waiting.length; i++) {
        const end = starts[i + 1] ?? length
        const [f0, m0] = [f, m]
        while (f < found.length && found[f]!.start < end) f++
        while (m < misses.length && misses[m]!.start < end) m++
        if (f === f0 && m === m0) continue
        tell({ event: waiting[i]!, seen: placesOf(waiting[i]!, starts[i]!, found.slice(f0, f), misses.slice(m0, m)) })
      }
    }
    misses = []
    waiting = []
    starts = []
    length = 0
  }

  return {
    totals,
    look(events: readonly Event[], tell: (looked: Looked) => void): void {
      for (const event of events) {
        append(event)
        if (length >= passBytes) pass(tell)
      }
      pass(tell)
    },
  }
}

/** Fields that hold others whole, the widest last. */
const wide = ['url.full', 'url.original', 'http.request.body.content', 'event.original', 'message']

/** A parsed line holds a value as a whole and in a field: the field says more, and one value is one. */
function onceEach(seen: Seen[]): Seen[] {
  const elsewhere = new Map<string, Set<string>>()
  const missedElsewhere = new Set<string>()
  const ordered = seen.sort((a, b) => wide.indexOf(a.field) - wide.indexOf(b.field))
  const kept: Seen[] = []
  for (const one of ordered) {
    const known = elsewhere.get(one.kind) ?? new Set<string>()
    elsewhere.set(one.kind, known)
    const values = new Set([...one.values].filter((value) => !known.has(value)))
    for (const value of values) known.add(value)
    const misses = wide.includes(one.field) && missedElsewhere.has(one.kind) ? 0 : one.misses
    if (one.misses > 0) missedElsewhere.add(one.kind)
    if (values.size > 0 || misses > 0) kept.push({ ...one, values, misses })
  }
  return kept
}
