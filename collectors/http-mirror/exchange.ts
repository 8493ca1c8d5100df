// An HTTP exchange as gateways tell of it: our own short form, Apache APISIX's http-logger, Envoy's tap, or anything that
// names request, response and client in one of the usual ways. Whatever is missing is empty.
import type { Direction } from '#core/sensitive.ts'

export interface MirroredPart {
  direction: Direction
  bytes: Uint8Array
  contentType: string
  contentEncoding: string
  isPartial: boolean
}

export interface Exchange {
  /** ms since the epoch; undefined: now. */
  atMs: number | undefined
  method: string
  /** Path and query. */
  url: string
  /** Name under which it was asked for. */
  host: string
  /** What answered: the name of a machine or service in the inventory. */
  server: string
  service: string
  status: number | undefined
  /** Address of who asked. */
  client: string
  user: string
  traceId: string
  parts: MirroredPart[]
}

type Json = Record<string, unknown>

const textCharsMax = 2048

/** @returns undefined when it is no exchange */
export function decodeExchange(value: unknown, bodyBytesMax: number): Exchange | undefined {
  if (!isObject(value)) return undefined
  const tap = value['http_buffered_trace']
  const root = isObject(tap) ? tap : value
  const request = objectOf(root['request'])
  const response = objectOf(root['response'])
  const asked = headersOf(request['headers'])
  const told = headersOf(response['headers'])
  const address = first(root['url'], request['url'], request['uri'], asked[':path'], root['path'], root['uri'])
  const { url, host } = splitAddress(address)
  const parts: MirroredPart[] = []
  const add = (direction: Direction, from: Json, headers: Record<string, string>): void => {
    const part = partOf(direction, from, headers, bodyBytesMax)
    if (part) parts.push(part)
  }
  add('request', request, asked)
  add('response', response, told)
  // The short form: one body beside the rest.
  const isRequest = root['direction'] === 'request'
  add(isRequest ? 'request' : 'response', root, headersOf(root['headers']))
  if (parts.length === 0 && url === '') return undefined
  const status = Number(first(root['status'], response['status'], told[':status']))
  const server = objectOf(root['server'])
  return {
    atMs: timeOf(root['time'] ?? root['@timestamp'] ?? root['start_time']),
    method: first(root['method'], request['method'], asked[':method']).toUpperCase().slice(0, 20),
    url,
    host: first(root['host'], asked[':authority'], asked['host'], host),
    server: first(root['server'], server['hostname'], root['upstream_host']),
    service: first(root['service'], root['service_id']),
    status: Number.isInteger(status) && status >= 100 && status <= 599 ? status : undefined,
    client: clientOf(first(root['client'], root['client_ip'], asked['x-forwarded-for'], asked['x-real-ip'])),
    user: first(
      root['user'],
      asked['x-forwarded-user'],
      asked['x-remote-user'],
      objectOf(root['consumer'])['username'],
    ),
    traceId: first(root['traceId'], root['trace_id'], asked['traceparent']?.split('-')[1]),
    parts,
  }
}

/** The first of the addresses through which it came. */
export function clientOf(text: string): string {
  const one = text.split(',')[0]!.trim()
  return one.startsWith('::ffff:') ? one.slice(7) : one
}

function partOf(
  direction: Direction,
  from: Json,
  headers: Record<string, string>,
  bytesMax: number,
): MirroredPart | undefined {
  const body = from['body']
  // Envoy: {"truncated": false, "as_bytes": "…"} or as_string.
  const tapped = objectOf(body)
  const encoded = first(from['bodyBase64'], from['body_base64'], tapped['as_bytes'])
  let bytes: Buffer | undefined
  if (encoded !== '') bytes = Buffer.from(whole(from['bodyBase64'], from['body_base64'], tapped['as_bytes']), 'base64')
  else if (typeof body === 'string') bytes = Buffer.from(body)
  else if (typeof tapped['as_string'] === 'string') bytes = Buffer.from(tapped['as_string'])
  else if (typeof body === 'object' && body !== null) bytes = Buffer.from(JSON.stringify(body))
  if (!bytes || bytes.length === 0) return undefined
  const isJson = typeof body === 'object' && body !== null && encoded === '' && tapped['as_string'] === undefined
  return {
    direction,
    bytes: bytes.subarray(0, bytesMax),
    contentType:
      first(from['contentType'], from['content_type'], headers['content-type']) || (isJson ? 'application/json' : ''),
    // Text in JSON was decoded before; only bytes can still be compressed.
    contentEncoding: encoded === '' ? '' : first(from['contentEncoding'], headers['content-encoding']),
    isPartial: bytes.length > bytesMax || tapped['truncated'] === true || from['truncated'] === true,
  }
}

/** An object, or Envoy's list of `{key, value}`; names in lower case. */
function headersOf(value: unknown): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  const entries: [unknown, unknown][] = Array.isArray(value)
    ? value.map((one) => [objectOf(one)['key'], objectOf(one)['value'] ?? objectOf(one)['raw_value']])
    : Object.entries(objectOf(value))
  for (const [name, one] of entries.slice(0, 200))
    if (typeof name === 'string') headers[name.toLowerCase()] = first(Array.isArray(one) ? one[0] : one)
  return headers
}

/** `https://host/path?query` or `/path?query`. */
function splitAddress(address: string): { url: string; host: string } {
  const match = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/i.exec(address)
  if (!match) return { url: address.split('#')[0]!, host: '' }
  return { url: match[2]!.split('#')[0] || '/', host: match[1]!.replace(/^.*@/, '') }
}

function timeOf(value: unknown): number | undefined {
  // Seconds, milliseconds, or a text.
  if (typeof value === 'number') return value < 1e11 ? value * 1000 : value
  if (typeof value !== 'string') return undefined
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const objectOf = (value: unknown): Json => (isObject(value) ? value : {})

function first(...values: unknown[]): string {
  return whole(...values).slice(0, textCharsMax)
}

function whole(...values: unknown[]): string {
  for (const value of values) {
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'number') return String(value)
  }
  return ''
}
