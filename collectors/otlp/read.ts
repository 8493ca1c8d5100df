// A request of either encoding as a message, within limits on what it may hold.
import { CodedError } from '#core/errors.ts'
import { isTooDeep, jsonDepthMax } from '../body.ts'
import type { Signal } from './intake.ts'
import { kinds } from './metrics.ts'
import { decodeMessage, type Message } from './protobuf.ts'
import { logsRequest, type MessageType, metricsRequest, tracesRequest } from './schema.ts'
import { listOf, objectOf } from './values.ts'

/** Messages and elements of lists in one request: some 25 for each record of the largest one. */
const valuesMax = 2_500_000

const requestTypes: Record<Signal, MessageType> = {
  logs: logsRequest,
  metrics: metricsRequest,
  traces: tracesRequest,
}

/** @throws CodedError `body.invalid`, `body.too-deep`, `body.too-many` */
export function readRequest(
  signal: Signal,
  bytes: Buffer,
  encoding: 'json' | 'protobuf',
  { recordsMax }: { recordsMax: number },
): Message {
  const message = encoding === 'json' ? parseJson(bytes) : decodeMessage(bytes, requestTypes[signal], valuesMax)
  if (recordsOf(signal, message) > recordsMax) throw new CodedError('body.too-many', { limit: recordsMax })
  return message
}

function parseJson(bytes: Buffer): Message {
  const text = bytes.toString('utf8')
  if (isTooDeep(text)) throw new CodedError('body.too-deep', { limit: jsonDepthMax })
  if (hasMoreValues(text, valuesMax)) throw new CodedError('body.too-many', { limit: valuesMax })
  try {
    return objectOf(JSON.parse(text))
  } catch (error) {
    throw new CodedError('body.invalid', { cause: `it is not JSON: ${(error as Error).message}` }, { cause: error })
  }
}

/** Found by a scan, before the parser makes an object of each. */
function hasMoreValues(text: string, max: number): boolean {
  let values = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 92) i++
      else if (code === 34) inString = false
    } else if (code === 34) inString = true
    else if ((code === 44 || code === 91 || code === 123) && ++values > max) return true
  }
  return false
}

function recordsOf(signal: Signal, message: Message): number {
  if (signal === 'logs') return inScopes(message, 'resourceLogs', 'scopeLogs', 'logRecords', () => 1)
  if (signal === 'traces') return inScopes(message, 'resourceSpans', 'scopeSpans', 'spans', () => 1)
  return inScopes(message, 'resourceMetrics', 'scopeMetrics', 'metrics', (metric) => {
    let points = 0
    for (const kind of kinds) points += listOf(objectOf(objectOf(metric)[kind])['dataPoints']).length
    return points
  })
}

function inScopes(
  message: Message,
  resources: string,
  scopes: string,
  list: string,
  recordsIn: (one: unknown) => number,
): number {
  let records = 0
  for (const resource of listOf(message[resources]))
    for (const scope of listOf(objectOf(resource)[scopes]))
      for (const one of listOf(objectOf(scope)[list])) records += recordsIn(one)
  return records
}
