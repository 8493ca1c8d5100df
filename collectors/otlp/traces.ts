import type { Span } from '#core/span.ts'
import type { Message } from './protobuf.ts'
import { attributesOf, idOf, listOf, nanosText, objectOf } from './values.ts'

const kinds: Span['kind'][] = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']
const statuses: Span['status'][] = ['unset', 'ok', 'error']
const namedKinds: Record<string, number> = Object.fromEntries(
  kinds.map((kind, i) => [`SPAN_KIND_${kind.toUpperCase()}`, i]),
)
const namedStatuses: Record<string, number> = Object.fromEntries(
  statuses.map((status, i) => [`STATUS_CODE_${status.toUpperCase()}`, i]),
)

/** Spans without valid ids are refused: nothing could ever be joined to them (OTLP, "trace_id … MUST be 16 bytes"). */
export function decodeTraces(request: Message): { spans: Span[]; refused: number } {
  const spans: Span[] = []
  let refused = 0
  for (const one of listOf(request['resourceSpans'])) {
    const resourceSpans = objectOf(one)
    const resource = attributesOf(objectOf(resourceSpans['resource'])['attributes'])
    for (const scoped of listOf(resourceSpans['scopeSpans']))
      for (const raw of listOf(objectOf(scoped)['spans'])) {
        const span = decodeSpan(objectOf(raw), resource)
        if (span) spans.push(span)
        else refused++
      }
  }
  return { spans, refused }
}

function decodeSpan(raw: Message, resource: Record<string, unknown>): Span | undefined {
  const [traceId, spanId] = [idOf(raw['traceId']), idOf(raw['spanId'])]
  if (traceId.length !== 32 || spanId.length !== 16) return undefined
  const status = objectOf(raw['status'])
  return {
    traceId,
    spanId,
    parentSpanId: idOf(raw['parentSpanId']),
    name: String(raw['name'] ?? ''),
    kind: kinds[enumOf(raw['kind'], namedKinds)] ?? 'unspecified',
    startUnixNano: nanosText(raw['startTimeUnixNano']),
    endUnixNano: nanosText(raw['endTimeUnixNano']),
    status: statuses[enumOf(status['code'], namedStatuses)] ?? 'unset',
    statusMessage: String(status['message'] ?? ''),
    service: String(resource['service.name'] ?? ''),
    attributes: { ...resource, ...attributesOf(raw['attributes']) },
    events: listOf(raw['events']).map((event) => {
      const { name, timeUnixNano, attributes } = objectOf(event)
      return { name: String(name ?? ''), timeUnixNano: nanosText(timeUnixNano), attributes: attributesOf(attributes) }
    }),
    links: listOf(raw['links']).map((link) => {
      const { traceId: trace, spanId: of, attributes } = objectOf(link)
      return { traceId: idOf(trace), spanId: idOf(of), attributes: attributesOf(attributes) }
    }),
  }
}

function enumOf(value: unknown, names: Record<string, number>): number {
  return typeof value === 'string' ? (names[value] ?? 0) : Number(value ?? 0)
}
