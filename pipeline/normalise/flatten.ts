// Nested fields become flat dotted names, within the limits of one event and whatever the input is: deep, cyclic, huge,
// or with keys that would reach an object's prototype.
import { eventLimits, type FieldScalar, type FieldValue } from '#core/event.ts'

export type Flat = Record<string, FieldValue | undefined>

/** Told once per thing that was cut or left out. */
export type OnAdjusted = (reason: AdjustedReason) => void

export type AdjustedReason =
  | 'array'
  | 'depth'
  | 'field-name'
  | 'fields'
  | 'id'
  | 'not-finite'
  | 'original'
  | 'text'
  | 'timestamp'
  | 'value'

/** Bounds the walk itself: a cyclic object without scalars would otherwise be walked exponentially often. */
const nodesMax = 4096
const arrayItemsMax = 256

interface Walk {
  out: Flat
  count: number
  nodes: number
  adjusted: OnAdjusted
}

/** Adds the flattened `fields` to `out`. What is over a limit is left out or cut, and reported. */
export function flatten(fields: Record<string, unknown>, out: Flat, adjusted: OnAdjusted): void {
  const walk: Walk = { out, count: 0, nodes: 0, adjusted }
  walkObject(fields, '', 1, walk)
}

/** A scalar as an event may carry it; undefined when there is nothing to keep. */
export function toScalar(value: unknown, adjusted: OnAdjusted): FieldScalar | undefined {
  switch (typeof value) {
    case 'string':
      return boundText(value, adjusted)
    case 'number':
      if (Number.isFinite(value)) return value
      adjusted('not-finite')
      return String(value)
    case 'boolean':
      return value
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString()
    default:
      return undefined
  }
}

/** Cut to `valueCharsMax`, and well-formed: a lone surrogate has no UTF-8 form and would break readers of the log. */
export function boundText(text: string, adjusted: OnAdjusted): string {
  let bounded = text
  if (bounded.length > eventLimits.valueCharsMax) {
    adjusted('value')
    bounded = bounded.slice(0, eventLimits.valueCharsMax)
  }
  if (!bounded.isWellFormed()) {
    adjusted('text')
    bounded = bounded.toWellFormed()
  }
  return bounded
}

/** A name whose last or any part would be looked up on a prototype is never used as a field name. */
export function isFieldName(name: string): boolean {
  if (name.length === 0 || name.length > eventLimits.fieldNameCharsMax) return false
  // The three names have no shorter common trait than containing "proto" or "constructor".
  if (!name.includes('proto') && !name.includes('constructor')) return true
  return !name.split('.').some((part) => part === '__proto__' || part === 'prototype' || part === 'constructor')
}

function walkObject(object: Record<string, unknown>, prefix: string, depth: number, walk: Walk): void {
  if (++walk.nodes > nodesMax) {
    walk.adjusted('fields')
    return
  }
  for (const key in object) {
    if (!Object.hasOwn(object, key)) continue
    const value = object[key]
    if (value === undefined || value === null) continue
    const name = prefix === '' ? key : `${prefix}.${key}`
    if (!isFieldName(name)) {
      walk.adjusted('field-name')
      continue
    }
    if (typeof value !== 'object') put(name, toScalar(value, walk.adjusted), walk)
    else if (Array.isArray(value)) put(name, arrayValue(value, walk), walk)
    else if (value instanceof Date) put(name, Number.isFinite(value.getTime()) ? value.toISOString() : undefined, walk)
    else if (value instanceof Uint8Array) put(name, bytesText(value, walk.adjusted), walk)
    else if (depth >= eventLimits.depthMax) walk.adjusted('depth')
    else walkObject(value as Record<string, unknown>, name, depth + 1, walk)
    if (walk.nodes > nodesMax) return
    if (walk.count >= eventLimits.fieldsMax) {
      walk.adjusted('fields')
      walk.nodes = nodesMax + 1
      return
    }
  }
}

function put(name: string, value: FieldValue | undefined, walk: Walk): void {
  if (value === undefined) return
  walk.out[name] = value
  walk.count++
}

/** Scalars stay an array; anything else becomes its JSON text, so that no value is ever an object. */
function arrayValue(items: unknown[], walk: Walk): FieldValue | undefined {
  if (items.length === 0) return undefined
  if (items.length > arrayItemsMax) walk.adjusted('array')
  const kept = items.length > arrayItemsMax ? items.slice(0, arrayItemsMax) : items
  const scalars: FieldScalar[] = []
  for (const item of kept) {
    if (item === null || item === undefined) continue
    if (typeof item === 'object') return jsonText(kept, walk.adjusted)
    const scalar = toScalar(item, walk.adjusted)
    if (scalar !== undefined) scalars.push(scalar)
  }
  return scalars
}

/** JSON.stringify throws for cycles and when the nesting exhausts the stack: both are "too deep" for an event. */
function jsonText(value: unknown, adjusted: OnAdjusted): string | undefined {
  try {
    return boundText(JSON.stringify(value), adjusted)
  } catch {
    adjusted('depth')
    return undefined
  }
}

function bytesText(bytes: Uint8Array, adjusted: OnAdjusted): string {
  const bytesMax = (eventLimits.valueCharsMax / 4) * 3
  if (bytes.length > bytesMax) adjusted('value')
  const kept = bytes.subarray(0, bytesMax)
  return Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength).toString('base64')
}
