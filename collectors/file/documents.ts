// Files that are one JSON document each, compressed or not, with the events in a list: AWS CloudTrail delivers so. Read
// whole, once it is quiet, and not again unless it changed. An event's identity is its own, or its place in the file.
import { createReadStream } from 'node:fs'
import { CodedError } from '#core/errors.ts'
import type { RawEvent } from '#core/event.ts'
import { isTooDeep, readBytes } from '../body.ts'
import type { FileConfig } from './config.ts'
import type { Found, FoundDocument } from './discover.ts'

export interface DocumentPosition {
  /** Size and time of change when it was read. */
  seen: string
  path: string
  seenMs: number
}

const prefix = 'document:'
const documentBytesMax = 64 * 1024 * 1024
const expandedBytesMax = 64 * 1024 * 1024

export const documentKey = (file: Pick<Found, 'key'>): string => `${prefix}${file.key}`
export const isDocumentKey = (key: string): boolean => key.startsWith(prefix)

export function readDocumentPosition(text: string | undefined): DocumentPosition | undefined {
  if (text === undefined) return undefined
  try {
    const { seen, path, seenMs } = JSON.parse(text) as Partial<DocumentPosition>
    return typeof seen === 'string' && typeof path === 'string' && typeof seenMs === 'number'
      ? { seen, path, seenMs }
      : undefined
  } catch {
    return undefined
  }
}

/**
 * @returns events, and how many entries of the list are none
 * @throws CodedError `body.too-large`, `body.too-deep` or `body.invalid`
 */
export async function readDocument({
  path,
  key,
  source,
  seen,
}: FoundDocument): Promise<{ events: RawEvent[]; refused: number }> {
  const bytes = await readBytes(
    createReadStream(path),
    { contentLength: undefined, contentEncoding: path.endsWith('.gz') ? 'gzip' : undefined },
    { bytesMax: documentBytesMax, expandedBytesMax },
  )
  const records = recordsOf(new TextDecoder().decode(bytes), source.records!)
  const events: RawEvent[] = []
  for (const [i, record] of records.entries()) {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) continue
    const event: RawEvent = {
      original: JSON.stringify(record),
      id: `${key}:${seen}:${i}`,
      // Beside the fields, as the line is cut when it is long.
      fields: { ...record, 'log.file.path': path, 'log.offset': i },
    }
    if (source.dataset !== undefined) event.dataset = source.dataset
    events.push(event)
  }
  return { events, refused: records.length - events.length }
}

function recordsOf(text: string, name: string): unknown[] {
  if (isTooDeep(text)) throw new CodedError('body.too-deep', { limit: 64 })
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new CodedError('body.invalid', { cause: `it is not JSON: ${(error as Error).message}` }, { cause: error })
  }
  const records = Object(document)[name] as unknown
  if (!Array.isArray(records)) throw new CodedError('body.invalid', { cause: `it has no list "${name}"` })
  return records
}

export function batchesOf(
  { batchEventsMax }: Pick<FileConfig, 'batchEventsMax'>,
  events: readonly RawEvent[],
): RawEvent[][] {
  const batches: RawEvent[][] = []
  for (let from = 0; from < events.length; from += batchEventsMax)
    batches.push(events.slice(from, from + batchEventsMax))
  return batches
}
