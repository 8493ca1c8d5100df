// Spans travel twice: as they are, on their own topic, and as an event each, so that they can be searched.
import type { RawEvent } from '#core/event.ts'
import type { Span } from '#core/span.ts'

export const spanDataset = 'otel.span'

/** JSON lines, one span a line, no line feed at the end. */
export function encodeSpans(spans: readonly Span[]): string {
  return spans.map((span) => JSON.stringify(span)).join('\n')
}

export function decodeSpans(payload: Uint8Array): Span[] {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Span)
}

export function spanToRawEvent(span: Span): RawEvent {
  const start = BigInt(span.startUnixNano || '0')
  const end = BigInt(span.endUnixNano || '0')
  const fields: Record<string, unknown> = {
    ...span.attributes,
    message: span.name,
    'event.kind': 'event',
    'event.outcome': span.status === 'error' ? 'failure' : span.status === 'ok' ? 'success' : 'unknown',
    'service.name': span.service,
    'trace.id': span.traceId,
    'span.id': span.spanId,
    'span.kind': span.kind,
    'span.name': span.name,
  }
  // ECS has event.duration in nanoseconds.
  if (end >= start) fields['event.duration'] = Number(end - start)
  if (span.parentSpanId !== '') fields['parent.id'] = span.parentSpanId
  if (span.status === 'error' && span.statusMessage !== '') fields['error.message'] = span.statusMessage
  // The same span sent again is the same event.
  const raw: RawEvent = { dataset: spanDataset, fields, id: `span-${span.traceId}-${span.spanId}` }
  if (start > 0n) raw.timestampMs = Number(start / 1_000_000n)
  return raw
}
