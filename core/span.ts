/** One span of a distributed trace, OpenTelemetry's words. Ids are lower-case hex; times are nanoseconds as text. */
export interface Span {
  traceId: string
  spanId: string
  parentSpanId: string
  name: string
  kind: 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  startUnixNano: string
  endUnixNano: string
  status: 'unset' | 'ok' | 'error'
  statusMessage: string
  service: string
  /** Flat attribute names as sent, resource attributes included under their own names. */
  attributes: Record<string, unknown>
  events: { name: string; timeUnixNano: string; attributes: Record<string, unknown> }[]
  links: { traceId: string; spanId: string; attributes: Record<string, unknown> }[]
}
