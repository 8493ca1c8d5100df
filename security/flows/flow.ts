// A connection as firewalls, Zeek, Suricata and agents log it, under ECS names; and what came shortly before it.
import type { Event } from '#core/event.ts'

export interface Flow {
  atMs: number
  eventId: string
  source: string
  destination: string
  port: number
  transport: string
  /** Bytes from the source, and to it; -1 when it is not said. */
  bytesOut: number
  bytesIn: number
  durationMs: number
  /** Refused, dropped or never answered. */
  isFailed: boolean
}

/** States of Zeek for what never became a connection. */
const failedStates = new Set(['S0', 'REJ', 'RSTO', 'RSTOS0', 'RSTRH', 'SH', 'SHR'])
const failedActions = new Set(['deny', 'denied', 'drop', 'dropped', 'reject', 'rejected', 'block', 'blocked'])

/** Undefined for what is no connection. */
export function flowOf(event: Event): Flow | undefined {
  const source = text(event, 'source.ip', 'SourceIp', 'id.orig_h')
  const destination = text(event, 'destination.ip', 'DestinationIp', 'id.resp_h')
  const port = number(event, 'destination.port', 'DestinationPort', 'id.resp_p')
  if (source === '' || destination === '' || port < 0) return undefined
  const state = text(event, 'zeek.connection.state', 'network.connection.state', 'conn_state')
  const action = text(event, 'event.action').toLowerCase()
  return {
    ...{ atMs: event['@timestamp'], eventId: event['event.id'], source, destination, port },
    transport: text(event, 'network.transport', 'Protocol', 'proto').toLowerCase(),
    bytesOut: number(event, 'source.bytes', 'BytesSent', 'orig_bytes'),
    bytesIn: number(event, 'destination.bytes', 'BytesReceived', 'resp_bytes'),
    // ECS counts nanoseconds.
    durationMs: number(event, 'event.duration') / 1e6,
    isFailed:
      failedStates.has(state) ||
      failedActions.has(action) ||
      (event['event.outcome'] === 'failure' && event['event.category'] !== undefined) ||
      includes(event['event.type'], 'denied'),
  }
}

/** Within the house: RFC 1918, 6598, 4193, loopback and link-local. */
export function isInside(address: string): boolean {
  return /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd]|fe[89ab]|::1$)/i.test(
    address,
  )
}

function text(event: Event, ...fields: string[]): string {
  for (const field of fields) {
    const value = event[field]
    if (typeof value === 'string' && value !== '') return value
  }
  return ''
}

function number(event: Event, ...fields: string[]): number {
  for (const field of fields) {
    const value = event[field]
    if (typeof value === 'number' && Number.isFinite(value)) return value
    if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value)
  }
  return -1
}

function includes(value: unknown, wanted: string): boolean {
  return Array.isArray(value) ? value.includes(wanted) : value === wanted
}
