// Numeric fields of ECS 9 that parsers fill from text, so that no parser has to convert them one by one.
const integers = new Set([
  'client.bytes',
  'client.packets',
  'client.port',
  'destination.bytes',
  'destination.packets',
  'destination.port',
  'event.duration',
  'event.severity',
  'http.request.bytes',
  'http.request.body.bytes',
  'http.response.body.bytes',
  'http.response.bytes',
  'http.response.status_code',
  'log.syslog.priority',
  'network.bytes',
  'network.packets',
  'process.exit_code',
  'process.parent.pid',
  'process.pid',
  'process.thread.id',
  'server.bytes',
  'server.packets',
  'server.port',
  'source.bytes',
  'source.packets',
  'url.port',
  'source.port',
  'source.nat.port',
  'destination.nat.port',
])

/** Text as the field wants it: an integer where ECS has one and the text is one. */
export function typed(field: string, text: string): string | number {
  if (!integers.has(field) || !/^-?\d{1,15}$/.test(text)) return text
  return Number(text)
}
