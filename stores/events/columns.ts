// Which fields have a column of their own. Everything else is kept in one JSON column and is searched all the same.
export type ColumnKind = 'keyword' | 'text' | 'long' | 'ip' | 'date'

/** Order is the order in the files. Adding one needs a new `layoutVersion`. */
export const columns = {
  '@timestamp': 'date',
  'event.id': 'keyword',
  'event.ingested': 'date',
  'observer.name': 'keyword',
  'event.dataset': 'keyword',
  message: 'text',
  'event.original': 'text',
  'event.action': 'keyword',
  'event.outcome': 'keyword',
  'event.severity': 'long',
  'log.level': 'keyword',
  'log.file.path': 'keyword',
  'log.syslog.facility.name': 'keyword',
  'log.syslog.severity.name': 'keyword',
  'host.name': 'keyword',
  'service.name': 'keyword',
  'process.name': 'keyword',
  'process.pid': 'long',
  'process.command_line': 'keyword',
  'user.name': 'keyword',
  'source.ip': 'ip',
  'source.port': 'long',
  'destination.ip': 'ip',
  'destination.port': 'long',
  'network.transport': 'keyword',
  'network.bytes': 'long',
  'http.request.method': 'keyword',
  'http.response.status_code': 'long',
  'http.response.body.bytes': 'long',
  'url.path': 'keyword',
  'user_agent.original': 'keyword',
  'rule.name': 'keyword',
  'trace.id': 'keyword',
  'span.id': 'keyword',
  'guanlan.region': 'keyword',
  'guanlan.department': 'keyword',
} as const satisfies Record<string, ColumnKind>

export type ColumnName = keyof typeof columns
export const columnNames = Object.keys(columns) as ColumnName[]
export const layoutVersion = 1

export function isColumn(field: string): field is ColumnName {
  return Object.hasOwn(columns, field)
}

const textFields: ReadonlySet<string> = new Set(['message', 'event.original', 'error.message', 'error.stack_trace'])

/** Searched by words rather than as a whole. */
export function isText(field: string): boolean {
  return textFields.has(field)
}

/** Fields that hold addresses and take CIDR blocks: `source.ip`, `host.ip`, … */
export function isAddress(field: string): boolean {
  return field === 'ip' || field.endsWith('.ip')
}

export function isDate(field: string): boolean {
  return field === '@timestamp' || field === 'event.ingested' || field === 'event.created'
}

/** Where a word without a field is looked for: by words in the texts, as a whole in the others. */
export const freeTextFields = {
  text: ['message', 'event.original'],
  whole: [
    'host.name',
    'service.name',
    'user.name',
    'process.name',
    'source.ip',
    'destination.ip',
    'event.dataset',
    'event.action',
    'trace.id',
  ],
} as const
