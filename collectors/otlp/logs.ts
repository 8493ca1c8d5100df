import type { RawEvent } from '#core/event.ts'
import type { Message } from './protobuf.ts'
import { ecsFields } from './resource.ts'
import { attributesOf, idOf, listOf, nanosToMs, objectOf, plainValue } from './values.ts'

/** Severity numbers come in fours (logs data model, "Field: SeverityNumber"). */
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

export function decodeLogs(request: Message): RawEvent[] {
  const events: RawEvent[] = []
  for (const one of listOf(request['resourceLogs'])) {
    const resourceLogs = objectOf(one)
    const resource = ecsFields(attributesOf(objectOf(resourceLogs['resource'])['attributes']))
    for (const scoped of listOf(resourceLogs['scopeLogs'])) {
      const { scope, logRecords } = objectOf(scoped)
      const name = objectOf(scope)['name']
      const common = typeof name === 'string' && name !== '' ? { ...resource, 'log.logger': name } : resource
      for (const record of listOf(logRecords)) events.push(decodeRecord(objectOf(record), common))
    }
  }
  return events
}

function decodeRecord(record: Message, common: Record<string, unknown>): RawEvent {
  const fields: Record<string, unknown> = { ...common, ...ecsFields(attributesOf(record['attributes'])) }
  const body = plainValue(record['body'])
  const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body)
  const severity = Number(record['severityNumber'] ?? 0)
  const level = levels[Math.ceil(severity / 4) - 1]
  if (level !== undefined) fields['log.level'] = level
  if (severity > 0) fields['event.severity'] = severity
  const severityText = record['severityText']
  if (level === undefined && typeof severityText === 'string' && severityText !== '')
    fields['log.level'] = severityText.toLowerCase()
  const [traceId, spanId] = [idOf(record['traceId']), idOf(record['spanId'])]
  if (traceId !== '') fields['trace.id'] = traceId
  if (spanId !== '') fields['span.id'] = spanId
  const eventName = record['eventName']
  if (typeof eventName === 'string' && eventName !== '') fields['event.action'] = eventName
  const event: RawEvent = { original: text, fields }
  const timestampMs = nanosToMs(record['timeUnixNano']) ?? nanosToMs(record['observedTimeUnixNano'])
  if (timestampMs !== undefined) event.timestampMs = timestampMs
  return event
}
