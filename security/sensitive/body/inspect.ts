// One half of an HTTP exchange, looked into: what kinds of sensitive data it carries, where, how many. Nothing of it is
// kept but masked samples and keyed hashes.
import type { BodyPart, Inspected, SensitiveReport, SensitiveSpot, SkipReason } from '#core/sensitive.ts'
import type { Dictionary } from '../dictionary.ts'
import { maskOne, maskText } from '../mask.ts'
import { createScanner } from '../scan.ts'
import { createValueHash } from '../value-hash.ts'
import { expandBody } from './expand.ts'
import { decodeText, flattenForm, flattenTable, multipartOf } from './forms.ts'
import { flattenJson } from './json.ts'
import { Lines } from './lines.ts'

/** Kinds that belong where they are: a password in the request that signs in. */
export interface Expected {
  direction: BodyPart['direction'] | 'any'
  kinds: readonly string[]
  /** Beginnings of paths; empty: all. */
  paths: readonly string[]
}

export interface InspectConfig {
  dictionary: Dictionary
  key: Uint8Array
  expected: readonly Expected[]
  /** After decompression; the head of what is larger is looked into. */
  expandedBytesMax: number
}

type Format = 'json' | 'form' | 'multipart' | 'table' | 'text' | 'unknown' | 'binary'

const spotsMax = 20
const hashesMax = 256
const urlCharsMax = 2048
const sniffBytes = 4096

export function createInspection(config: InspectConfig): (part: BodyPart) => Promise<Inspected> {
  const scan = createScanner(config.dictionary)
  const hash = createValueHash(config.key)
  const kinds = new Map(config.dictionary.map((one) => [one.kind, one]))

  const report = (lines: Lines, isExpected: (kind: string) => boolean): SensitiveReport | undefined => {
    const { bytes } = lines
    const { found, more } = scan(bytes)
    const spots = new Map<unknown, Map<string, SensitiveSpot>>()
    const different = new Map<string, Set<string>>()
    const hashes = new Set<string>()
    let count = more
    let level = 0
    for (const one of found) {
      if (isExpected(one.kind)) continue
      const value = bytes.toString('utf8', one.start, one.end)
      const known = kinds.get(one.kind)
      count++
      level = Math.max(level, known?.level ?? 1)
      let values = different.get(one.kind)
      if (!values) {
        values = new Set()
        different.set(one.kind, values)
      }
      const isNew = !values.has(value)
      values.add(value)
      if (isNew && known?.category !== 'secret' && hashes.size < hashesMax) hashes.add(hash(value))
      const where = lines.whereOf(one.start)
      let here = spots.get(where.key)
      if (!here) {
        here = new Map()
        spots.set(where.key, here)
      }
      const spot = here.get(one.kind)
      if (spot) spot.count++
      else here.set(one.kind, { kind: one.kind, where: where.name(), count: 1, sample: maskOne(one, value) })
    }
    if (different.size === 0) return undefined
    return {
      spots: [...spots.values()]
        .flatMap((here) => [...here.values()])
        .sort((a, b) => b.count - a.count)
        .slice(0, spotsMax)
        // A key of a map may be a number of somebody.
        .map((spot) => ({ ...spot, where: maskText(spot.where, scan) })),
      values: Object.fromEntries([...different].map(([kind, values]) => [kind, values.size])),
      ...{ count, level, hashes: [...hashes] },
    }
  }

  return async (part) => {
    const url = part.url.slice(0, urlCharsMax)
    const at = url.indexOf('?')
    const path = at < 0 ? url : url.slice(0, at)
    const expected = config.expected.filter(
      ({ direction, paths }) =>
        (direction === 'any' || direction === part.direction) &&
        (paths.length === 0 || paths.some((one) => path.startsWith(one))),
    )
    const isExpected = (kind: string): boolean => expected.some((one) => one.kinds.includes(kind))
    const lines = new Lines(part.bytes.length)
    // The address belongs to the request: looked at once.
    if (part.direction === 'request') {
      lines.add('', decodedPath(path), 'path')
      lines.wall()
      if (at >= 0) flattenForm(url.slice(at + 1), lines, '?')
      lines.wall()
    }
    const body =
      part.bytes.length === 0 ? undefined : await expandBody(part.bytes, part.contentEncoding, config.expandedBytesMax)
    let skipped: SkipReason | undefined
    if (typeof body === 'string') skipped = body
    else if (body && !flatten(body.bytes, part.contentType, lines, '')) skipped = 'binary'
    return {
      url: maskUrl(url, scan),
      skipped,
      isPartial: part.isPartial || lines.isPartial || (typeof body === 'object' && body.isPartial),
      report: report(lines, isExpected),
    }
  }
}

/** @returns false when it is no text */
function flatten(bytes: Buffer, contentType: string, lines: Lines, prefix: string): boolean {
  const type = contentType.slice(0, 500)
  let format = formatOf(type)
  if (format === 'binary') return false
  if (format === 'multipart') {
    const parts = multipartOf(bytes, type)
    let isRead = parts.length === 0
    for (const part of parts) {
      lines.wall()
      if (!part.isFile && part.contentType === '') {
        lines.add(part.name, decodeText(part.content, ''), part.name || 'form')
        isRead = true
      } else isRead = flatten(part.content, part.contentType, lines, part.name) || isRead
    }
    return isRead
  }
  const charset = /charset\s*=\s*"?([\w-]{1,40})/i.exec(type)?.[1] ?? ''
  const isWide =
    /^utf-?16/i.test(charset) || (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (!isWide && looksBinary(bytes)) return false
  const label = isWide && !/^utf-?16/i.test(charset) ? (bytes[0] === 0xff ? 'utf-16le' : 'utf-16be') : charset
  const text = (): string => decodeText(bytes, label)
  if (format === 'unknown') format = sniffed(bytes)
  if (format === 'json') flattenJson(text(), lines, prefix)
  else if (format === 'form') flattenForm(text(), lines)
  else if (format === 'table') flattenTable(text(), lines)
  else if (isWide || /^(big5|shift_jis|euc-)/i.test(charset)) lines.addText(Buffer.from(text()))
  // The scan reads UTF-8 and GB18030 as they are.
  else if (bytes.includes('&#')) lines.addText(Buffer.from(withoutEntities(text())))
  else lines.addText(bytes)
  return true
}

function formatOf(contentType: string): Format {
  const type = contentType.split(';')[0]!.trim().toLowerCase()
  if (/[/+](json|x-ndjson|jsonl|ndjson|json5?|x-json)$/.test(type)) return 'json'
  if (type === 'application/x-www-form-urlencoded') return 'form'
  if (type.startsWith('multipart/')) return 'multipart'
  if (type === 'text/csv' || type === 'text/tab-separated-values' || type === 'application/csv') return 'table'
  if (type.startsWith('text/') || /[/+]xml$/.test(type) || /javascript$|graphql$|yaml$/.test(type)) return 'text'
  if (/^(image\/(?!svg)|audio\/|video\/|font\/)/.test(type)) return 'binary'
  if (
    /(zip|gzip|x-7z-compressed|x-rar-compressed|pdf|protobuf|grpc|wasm|msgpack|vnd\.openxmlformats.*|msword|vnd\.ms-excel)$/.test(
      type,
    )
  )
    // Many send CSV under the name of Excel: the bytes decide.
    return type.endsWith('vnd.ms-excel') ? 'unknown' : 'binary'
  return 'unknown'
}

function sniffed(bytes: Buffer): Format {
  const head = bytes.toString('latin1', 0, 64).trimStart()
  if (/^(\xef\xbb\xbf)?[[{]/.test(head)) return 'json'
  const firstLine = bytes.toString('latin1', 0, sniffBytes).split('\n')[0]!
  return firstLine.split(/[,;\t]/).length >= 3 && !firstLine.includes('<') ? 'table' : 'text'
}

function looksBinary(bytes: Buffer): boolean {
  const head = bytes.subarray(0, sniffBytes)
  if (head.includes(0)) return true
  let odd = 0
  for (const byte of head)
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13 && byte !== 27 && byte !== 0x1e) odd++
  return odd * 20 > head.length
}

function withoutEntities(text: string): string {
  return text.replace(
    /&#(?:x([0-9a-f]{1,6})|(\d{1,7}));/gi,
    (whole, hex: string | undefined, decimal: string | undefined) => {
      const code = hex ? Number.parseInt(hex, 16) : Number(decimal)
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
    },
  )
}

function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** Each value of the query by its own name; what is in escapes is masked as well. */
function maskUrl(url: string, scan: ReturnType<typeof createScanner>): string {
  const at = url.indexOf('?')
  const mask = (text: string): string => {
    const plain = decodedPath(text)
    const masked = maskText(plain, scan)
    return masked === plain ? text : masked
  }
  if (at < 0) return mask(url)
  return `${mask(url.slice(0, at))}?${url
    .slice(at + 1)
    .split('&')
    .map(mask)
    .join('&')}`
}
