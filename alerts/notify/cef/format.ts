// CEF as the ArcSight guide has it (Implementing ArcSight Common Event Format, revision 25): a header of seven fields
// between bars, then key=value pairs. In the header \ and | are escaped, in a value \ and = ; a line feed in a value is
// written \n.
import type { Severity } from '#core/finding.ts'
import type { NotifiedAlert } from '../notification.ts'

/** 0 to 10; 7 and 8 are high, 9 and 10 very high. */
const severities: Record<Severity, number> = { info: 1, low: 3, medium: 5, high: 8, critical: 10 }

/** Keys of the guide's dictionary for what labels may name, with the longest value that each takes. */
const fromLabels: readonly [key: string, charsMax: number, labels: readonly string[]][] = [
  ['dvchost', 100, ['host.name', 'host', 'instance', 'node']],
  ['src', 45, ['source.ip']],
  ['dst', 45, ['destination.ip']],
  ['spt', 5, ['source.port']],
  ['dpt', 5, ['destination.port']],
  ['suser', 1023, ['user.name']],
  ['dhost', 1023, ['destination.domain', 'url.domain']],
  ['request', 1023, ['url.full']],
  ['sproc', 1023, ['process.name']],
  ['fileHash', 255, ['file.hash.sha256']],
]

export interface CefDevice {
  version: string
  url: string
}

export function writeCef(alert: NotifiedAlert, { version, url }: CefDevice): string {
  const header = ['CEF:0', 'Guanlan', 'Guanlan', version, clip(alert.rule, 1023), clip(alert.title, 512)]
  const label = (names: readonly string[]): string =>
    names.map((name) => alert.labels[name] ?? '').find((value) => value !== '') ?? ''
  const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`)
  const pairs: [string, string | number][] = [
    ['rt', alert.lastSeenMs],
    ['start', alert.firedMs ?? alert.startedMs],
    ...(alert.resolvedMs === null ? [] : ([['end', alert.resolvedMs]] as [string, number][])),
    ['externalId', alert.id],
    ['act', alert.state],
    ['cnt', alert.findingCount],
    ['cat', alert.rule.split('/')[0] ?? ''],
    ...fromLabels.map(([key, charsMax, names]): [string, string] => [key, clip(label(names), charsMax)]),
    ['msg', clip(alert.description, 1023)],
    ...custom(1, 'labels', clip(labels.join(', '), 4000)),
    ...custom(2, 'entities', clip(alert.entities.join(', '), 4000)),
    ...custom(3, 'query', clip(alert.evidence.query, 4000)),
    ...custom(4, 'page', url),
    ...(alert.value === null
      ? []
      : ([
          ['cfp1Label', 'value'],
          ['cfp1', alert.value],
        ] as [string, string | number][])),
  ]
  const extension = pairs
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key}=${escapeValue(String(value))}`)
  return [...header.map(escapeHeader), String(severities[alert.severity]), extension.join(' ')].join('|')
}

/** A custom text comes with its name. */
function custom(number: number, name: string, value: string): [string, string][] {
  if (value === '') return []
  return [
    [`cs${number}Label`, name],
    [`cs${number}`, value],
  ]
}

export function escapeHeader(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').replace(/[\\|]/g, '\\$&')
}

export function escapeValue(text: string): string {
  return text
    .replace(/[\\=]/g, '\\$&')
    .replace(/\r\n|\n|\r/g, '\\n')
    .replace(/\p{Cc}/gu, ' ')
}

function clip(text: string, charsMax: number): string {
  const chars = [...text]
  return chars.length <= charsMax ? text : chars.slice(0, charsMax).join('')
}
