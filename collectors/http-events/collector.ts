// Events over HTTP: NDJSON, a JSON array, plain lines, a table of Zeek's, or a file of AWS CloudTrail. Answered after the
// disk has them.
import { z } from 'zod'
import type { Collector, CollectorDeps, CollectorKind } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import type { RawEvent } from '#core/event.ts'
import { isTooDeep, reasonOf, requestBytes } from '../body.ts'
import { isZeekHeader, ZeekTable, zeekDataset } from '../zeek-table.ts'
import { decodeLine, decodeObject } from './decode.ts'

export const httpEventsConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether events are taken at POST /api/ingest/events'),
  bodyBytesMax: z
    .int()
    .min(1024)
    .default(16 * 1024 * 1024)
    .describe('Largest body as sent, in bytes'),
  expandedBytesMax: z
    .int()
    .min(1024)
    .default(64 * 1024 * 1024)
    .describe('Largest body after decompression, in bytes'),
  eventsMax: z.int().min(1).default(50_000).describe('Events in one request'),
})
type HttpEventsConfig = z.output<typeof httpEventsConfigSchema>

const receiver = 'http-events'
const path = '/api/ingest/events'
const refusalsShownMax = 20

interface Refusal {
  /** 1-based line, or position in the array. */
  line: number
  reason: string
}

export const httpEventsKind: CollectorKind<HttpEventsConfig> = {
  name: receiver,
  configSchema: httpEventsConfigSchema,
  create: (config, deps) => createHttpEvents(config, deps),
}

export function createHttpEvents(config: HttpEventsConfig, { emit, counters }: CollectorDeps): Collector {
  const limits = { bytesMax: config.bodyBytesMax, expandedBytesMax: config.expandedBytesMax }

  const handle = async (request: Request, peer: string): Promise<Response> => {
    const url = new URL(request.url)
    const dataset = url.searchParams.get('dataset') ?? undefined
    let accepted: RawEvent[]
    let refused: Refusal[]
    try {
      const text = utf8(await requestBytes(request, limits))
      ;({ accepted, refused } = decodeBody(text, request.headers.get('content-type') ?? '', dataset, config.eventsMax))
    } catch (error) {
      // How many events it would have been is not known.
      counters.received(1)
      counters.rejected(reasonOf(error), 1)
      throw error
    }
    counters.received(accepted.length + refused.length)
    for (const { reason } of refused) counters.rejected(reason, 1)
    try {
      if (accepted.length > 0) await emit.events(accepted, { receiver, source: peer || 'local' })
    } catch (error) {
      counters.rejected(reasonOf(error), accepted.length)
      throw error
    }
    counters.accepted(accepted.length)
    const body = { accepted: accepted.length, rejected: refused.length, refusals: refused.slice(0, refusalsShownMax) }
    return Response.json(body, { status: accepted.length === 0 && refused.length > 0 ? 400 : 202 })
  }

  return {
    name: receiver,
    routes: [{ method: 'POST', path, handle: (request, _params, peer) => handle(request, peer) }],
    describe: () => [`POST ${path}`],
    start: async () => {},
    stop: async () => {},
    health: () => ({ state: 'ok', detail: '' }),
  }
}

function decodeBody(
  text: string,
  type: string,
  dataset: string | undefined,
  eventsMax: number,
): { accepted: RawEvent[]; refused: Refusal[] } {
  const accepted: RawEvent[] = []
  const refused: Refusal[] = []
  const keep = (event: RawEvent | string, line: number): void => {
    if (accepted.length + refused.length >= eventsMax) throw new CodedError('body.too-many', { limit: eventsMax })
    if (typeof event === 'string') refused.push({ line, reason: event })
    else accepted.push(dataset === undefined ? event : { ...event, dataset })
  }
  if (isZeekHeader(text)) {
    const table = new ZeekTable()
    eachLine(text, (line, number) => {
      const message = table.read(line)
      if (message !== undefined) keep({ original: line, dataset: zeekDataset, fields: { message } }, number)
      else if (!line.startsWith('#')) keep({ original: line, dataset: zeekDataset }, number)
    })
  } else if (/^text\/plain\b/i.test(type)) {
    eachLine(text, (line, number) => keep({ original: line }, number))
  } else if (/^\s*\[/.test(text)) {
    if (isTooDeep(text)) throw new CodedError('body.too-deep', { limit: 64 })
    arrayOf(text).forEach((value, i) => {
      keep(decodeObject(value), i + 1)
    })
  } else {
    const records = wholeRecords(text)
    if (records) for (const [i, value] of records.entries()) keep(decodeObject(value), i + 1)
    else
      eachLine(text, (line, number) => {
        const event = decodeLine(line)
        const inner = typeof event === 'string' ? undefined : recordsIn(event.fields)
        if (inner) for (const value of inner) keep(decodeObject(value), number)
        else keep(event, number)
      })
  }
  return { accepted, refused }
}

const recordsHead = /^\s*\{\s*"Records"\s*:\s*\[/

/** Of a file as AWS CloudTrail delivers it: one document over any number of lines, whose list holds the events. */
function wholeRecords(text: string): readonly unknown[] | undefined {
  if (!recordsHead.test(text)) return undefined
  if (isTooDeep(text)) throw new CodedError('body.too-deep', { limit: 64 })
  try {
    return recordsIn(JSON.parse(text) as Record<string, unknown>)
  } catch {
    // It may be a document on each line.
    return undefined
  }
}

function recordsIn(fields: Record<string, unknown> | undefined): readonly unknown[] | undefined {
  const records = fields?.['Records']
  return Array.isArray(records) && Object.keys(fields!).length === 1 ? records : undefined
}

function arrayOf(text: string): unknown[] {
  try {
    return JSON.parse(text) as unknown[]
  } catch (error) {
    throw new CodedError('body.invalid', { cause: `it is not JSON: ${(error as Error).message}` }, { cause: error })
  }
}

function eachLine(text: string, take: (line: string, number: number) => void): void {
  let number = 0
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from)
    const to = end < 0 ? text.length : end
    number++
    const line = text.slice(from, text.charCodeAt(to - 1) === 13 ? to - 1 : to)
    if (line.trim() !== '') take(line, number)
    from = to + 1
  }
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new CodedError('body.invalid', { cause: 'it is not UTF-8' }, { cause: error })
  }
}
