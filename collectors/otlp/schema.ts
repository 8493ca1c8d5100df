// The messages of OTLP 1.x by field number (opentelemetry-proto, opentelemetry/proto/*/v1). Decoded into the shape of
// OTLP/JSON, so that both encodings meet before anything else happens. What is not named here is skipped.
export type FieldType =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'double'
  | 'fixed64'
  | 'sfixed64'
  | 'int64'
  | 'uint64'
  | 'sint32'
  | 'uint32'
  | MessageType

export interface MessageType {
  [fieldNumber: number]: { name: string; type: FieldType; repeated: boolean }
}

const one = (name: string, type: FieldType) => ({ name, type, repeated: false })
const many = (name: string, type: FieldType) => ({ name, type, repeated: true })

const anyValue: MessageType = {}
const keyValue: MessageType = { 1: one('key', 'string'), 2: one('value', anyValue) }
const arrayValue: MessageType = { 1: many('values', anyValue) }
const keyValueList: MessageType = { 1: many('values', keyValue) }
Object.assign(anyValue, {
  1: one('stringValue', 'string'),
  2: one('boolValue', 'bool'),
  3: one('intValue', 'int64'),
  4: one('doubleValue', 'double'),
  5: one('arrayValue', arrayValue),
  6: one('kvlistValue', keyValueList),
  7: one('bytesValue', 'bytes'),
} satisfies MessageType)

const resource: MessageType = { 1: many('attributes', keyValue) }
const scope: MessageType = { 1: one('name', 'string'), 2: one('version', 'string') }

const logRecord: MessageType = {
  1: one('timeUnixNano', 'fixed64'),
  2: one('severityNumber', 'uint32'),
  3: one('severityText', 'string'),
  5: one('body', anyValue),
  6: many('attributes', keyValue),
  9: one('traceId', 'bytes'),
  10: one('spanId', 'bytes'),
  11: one('observedTimeUnixNano', 'fixed64'),
  12: one('eventName', 'string'),
}
const scopeLogs: MessageType = { 1: one('scope', scope), 2: many('logRecords', logRecord) }
export const logsRequest: MessageType = {
  1: many('resourceLogs', { 1: one('resource', resource), 2: many('scopeLogs', scopeLogs) }),
}

const spanEvent: MessageType = {
  1: one('timeUnixNano', 'fixed64'),
  2: one('name', 'string'),
  3: many('attributes', keyValue),
}
const spanLink: MessageType = { 1: one('traceId', 'bytes'), 2: one('spanId', 'bytes'), 4: many('attributes', keyValue) }
const span: MessageType = {
  1: one('traceId', 'bytes'),
  2: one('spanId', 'bytes'),
  4: one('parentSpanId', 'bytes'),
  5: one('name', 'string'),
  6: one('kind', 'uint32'),
  7: one('startTimeUnixNano', 'fixed64'),
  8: one('endTimeUnixNano', 'fixed64'),
  9: many('attributes', keyValue),
  11: many('events', spanEvent),
  13: many('links', spanLink),
  15: one('status', { 2: one('message', 'string'), 3: one('code', 'uint32') }),
}
const scopeSpans: MessageType = { 1: one('scope', scope), 2: many('spans', span) }
export const tracesRequest: MessageType = {
  1: many('resourceSpans', { 1: one('resource', resource), 2: many('scopeSpans', scopeSpans) }),
}

const exemplar: MessageType = {
  2: one('timeUnixNano', 'fixed64'),
  3: one('asDouble', 'double'),
  4: one('spanId', 'bytes'),
  5: one('traceId', 'bytes'),
  6: one('asInt', 'sfixed64'),
  7: many('filteredAttributes', keyValue),
}
const numberPoint: MessageType = {
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('asDouble', 'double'),
  5: many('exemplars', exemplar),
  6: one('asInt', 'sfixed64'),
  7: many('attributes', keyValue),
  8: one('flags', 'uint32'),
}
const histogramPoint: MessageType = {
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: many('bucketCounts', 'fixed64'),
  7: many('explicitBounds', 'double'),
  8: many('exemplars', exemplar),
  9: many('attributes', keyValue),
  10: one('flags', 'uint32'),
}
const buckets: MessageType = { 1: one('offset', 'sint32'), 2: many('bucketCounts', 'uint64') }
const exponentialPoint: MessageType = {
  1: many('attributes', keyValue),
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: one('scale', 'sint32'),
  7: one('zeroCount', 'fixed64'),
  8: one('positive', buckets),
  9: one('negative', buckets),
  10: one('flags', 'uint32'),
  11: many('exemplars', exemplar),
  14: one('zeroThreshold', 'double'),
}
const summaryPoint: MessageType = {
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: many('quantileValues', { 1: one('quantile', 'double'), 2: one('value', 'double') }),
  7: many('attributes', keyValue),
  8: one('flags', 'uint32'),
}
const temporality = { 2: one('aggregationTemporality', 'uint32') }
const metric: MessageType = {
  1: one('name', 'string'),
  2: one('description', 'string'),
  3: one('unit', 'string'),
  5: one('gauge', { 1: many('dataPoints', numberPoint) }),
  7: one('sum', { 1: many('dataPoints', numberPoint), ...temporality, 3: one('isMonotonic', 'bool') }),
  9: one('histogram', { 1: many('dataPoints', histogramPoint), ...temporality }),
  10: one('exponentialHistogram', { 1: many('dataPoints', exponentialPoint), ...temporality }),
  11: one('summary', { 1: many('dataPoints', summaryPoint) }),
}
const scopeMetrics: MessageType = { 1: one('scope', scope), 2: many('metrics', metric) }
export const metricsRequest: MessageType = {
  1: many('resourceMetrics', { 1: one('resource', resource), 2: many('scopeMetrics', scopeMetrics) }),
}
