// One text for one value: keys sorted by UTF-16 code unit, no white space (RFC 8785 for what our records hold).
import { createHash } from 'node:crypto'
import type { Pace } from './pace.ts'

export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`)
    return JSON.stringify(value)
  }
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed())
  if (typeof value === 'bigint') return JSON.stringify(value.toString())
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one ?? null)).join(',')}]`
  const entries = Object.entries(value as Record<string, unknown>).filter(([, one]) => one !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join(',')}}`
}

const piece = 1024 * 1024

/** Hex SM3 (GB/T 32905) of the canonical JSON. A long text goes in piece by piece: written as JSON it could be too long for one. */
export function recordHash(value: unknown): string {
  const hash = createHash('sm3')
  if (typeof value !== 'string') return hash.update(canonicalJson(value), 'utf8').digest('hex')
  hash.update('"')
  for (let at = 0, end = 0; at < value.length; at = end) {
    end = Math.min(at + piece, value.length)
    // The halves of a sign outside the first plane stay together.
    if (end < value.length && isHighSurrogate(value.charCodeAt(end - 1))) end--
    hash.update(canonicalJson(value.slice(at, end)).slice(1, -1), 'utf8')
  }
  return hash.update('"').digest('hex')
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}

/** The same of a list that is too long for one text and one turn. */
export async function listHash(values: Iterable<unknown>, pace: Pace): Promise<string> {
  const hash = createHash('sm3')
  let before = '['
  for (const value of values) {
    hash.update(before + canonicalJson(value), 'utf8')
    before = ','
    await pace(true)
  }
  return hash.update(before === '[' ? '[]' : ']', 'utf8').digest('hex')
}
