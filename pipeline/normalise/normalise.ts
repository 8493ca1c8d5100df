// One raw event becomes one Event: flattened, parsed, timed, named, enriched, within its limits.
import type { Clock } from '#core/clock.ts'
import type { Origin } from '#core/collector.ts'
import { type Event, eventLimits, type RawEvent } from '#core/event.ts'
import type { Inventory } from '../enrich/inventory.ts'
import { completeAddresses } from './addresses.ts'
import { boundId, idCharsMax, type NextId } from './event-id.ts'
import { type AdjustedReason, boundText, type Flat, flatten, isFieldName } from './flatten.ts'
import { isPlausible, type TimestampLimits, toTimestampMs } from './timestamp.ts'

/** What the parsers offer to the pipeline. They may read and write `fields`. */
export interface Parse {
  parse(
    fields: Flat,
    text: string,
    dataset: string | undefined,
    nowMs: number,
    adjusted: (reason: AdjustedReason) => void,
  ): ParseOutcome
}

export interface ParseOutcome {
  dataset: string
  /** False when no parser understood the line; it is kept all the same. */
  parsed: boolean
}

export interface Normalised {
  event: Event
  parsed: boolean
}

export interface NormaliseDeps {
  clock: Clock
  parsers: Parse
  inventory: Inventory
  nextId: NextId
  timestampLimits: TimestampLimits
  adjusted: (reason: AdjustedReason) => void
}

export type Normalise = (raw: RawEvent, origin: Origin, nowMs: number) => Normalised

export function createNormalise(deps: NormaliseDeps): Normalise {
  const { adjusted } = deps
  return (raw, origin, nowMs) => {
    const fields: Flat = {}
    if (raw.fields) flatten(raw.fields, fields, adjusted)
    renameForeign(fields)
    const original = raw.original === undefined ? undefined : boundOriginal(raw.original, adjusted)
    const text = typeof fields['message'] === 'string' ? fields['message'] : (original ?? '')
    const hint = raw.dataset ?? textOf(fields['event.dataset'])
    const outcome = deps.parsers.parse(fields, text, hint, nowMs, adjusted)

    const event: Event = {
      '@timestamp': nowMs,
      'event.id': '',
      'event.ingested': nowMs,
      'observer.name': origin.receiver,
      'event.dataset': outcome.dataset.slice(0, 128),
      message: textOf(fields['message']) ?? boundText(text, adjusted),
    }
    if (original !== undefined) event['event.original'] = original
    // What the parser read in the line is closer to the event than what the transport says of its own sending.
    const claimed = toTimestampMs(fields['@timestamp']) ?? raw.timestampMs
    const id = raw.id ?? textOf(fields['event.id'])
    copyFields(fields, event, adjusted)
    if (claimed !== undefined) setTimestamp(event, claimed, nowMs, deps)
    if (id !== undefined && id.length > idCharsMax) adjusted('id')
    event['event.id'] = id === undefined || id === '' ? deps.nextId(nowMs) : boundId(id)
    completeAddresses(event)
    deps.inventory.resolve(event)
    return { event, parsed: outcome.parsed }
  }
}

/** Names that common shippers use for what ECS calls otherwise. */
function renameForeign(fields: Flat): void {
  if (fields['host'] !== undefined) move(fields, 'host', 'host.name')
  if (fields['hostname'] !== undefined) move(fields, 'hostname', 'host.name')
  if (fields['@timestamp'] === undefined && toTimestampMs(fields['timestamp']) !== undefined)
    move(fields, 'timestamp', '@timestamp')
}

function move(fields: Flat, from: string, to: string): void {
  if (fields[to] !== undefined) return
  fields[to] = fields[from]
  fields[from] = undefined
}

function setTimestamp(event: Event, claimedMs: number, nowMs: number, deps: NormaliseDeps): void {
  if (isPlausible(claimedMs, nowMs, deps.timestampLimits)) {
    event['@timestamp'] = Math.floor(claimedMs)
    return
  }
  deps.adjusted('timestamp')
  const claimed = new Date(claimedMs)
  event['guanlan.claimed_timestamp'] = Number.isFinite(claimed.getTime()) ? claimed.toISOString() : String(claimedMs)
}

/** Set by the pipeline alone: a sender cannot speak for it. */
const ours = new Set(['@timestamp', 'event.id', 'event.ingested', 'observer.name', 'event.dataset', 'message'])

function copyFields(fields: Flat, event: Event, adjusted: (reason: AdjustedReason) => void): void {
  let count = 0
  for (const name in fields) {
    const value = fields[name]
    if (value === undefined || ours.has(name) || (name === 'event.original' && event[name] !== undefined)) continue
    if (!isFieldName(name)) {
      adjusted('field-name')
      continue
    }
    if (++count > eventLimits.fieldsMax) {
      adjusted('fields')
      break
    }
    event[name] = value
  }
  const created = event['event.created']
  if (created !== undefined && typeof created !== 'number') event['event.created'] = toTimestampMs(created)
}

/** Cut at a character, at most `originalBytesMax` of UTF-8. */
function boundOriginal(original: string, adjusted: (reason: AdjustedReason) => void): string {
  const bytesMax = eventLimits.originalBytesMax
  let text = original
  // A UTF-16 unit is at most three bytes of UTF-8, so short texts need no counting.
  if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) {
    adjusted('original')
    const bytes = Buffer.from(text.slice(0, bytesMax))
    let end = Math.min(bytes.length, bytesMax)
    while (end > 0 && end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--
    text = bytes.toString('utf8', 0, end)
  }
  if (text.isWellFormed()) return text
  adjusted('text')
  return text.toWellFormed()
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
