// Any alert list as the correlation wants it: CSV by its heading, NDJSON in the shapes of ECS, Suricata EVE and Wazuh.
import { parse } from 'csv-parse/sync'
import { CodedError } from '#core/errors.ts'
import { type Severity, severities } from '#core/finding.ts'
import type { SeenAlert } from './alert.ts'

export interface ReadAlerts {
  alerts: SeenAlert[]
  /** Rows without a time or a name, by reason. */
  refused: Record<string, number>
}

type Row = Record<string, unknown>

/** First match wins; names are compared in lower case. */
const columns = {
  time: ['time', 'timestamp', '@timestamp', 'date', 'datetime', 'start', '时间'],
  name: [
    'name',
    'rule.name',
    'alert.signature',
    'rule.description',
    'signature',
    'rule',
    'title',
    'message',
    '告警',
    '名称',
  ],
  host: ['host', 'host.name', 'agent.name', 'hostname', 'asset', 'device', 'computer', '主机'],
  ip: ['ip', 'host.ip', 'agent.ip', 'source.ip', 'src_ip', 'data.srcip', 'src'],
  user: ['user', 'user.name', 'username', 'account', 'data.dstuser', '用户'],
  severity: ['severity', 'event.severity', 'alert.severity', 'rule.level', 'level', 'priority', '级别'],
  tactic: ['tactic', 'threat.tactic.name', 'rule.mitre.tactic', 'threat.tactic.id'],
  id: ['id', 'event.id', '_id', 'fingerprint', 'alert.id'],
} as const

/** @throws CodedError `body.invalid` when it is neither CSV with a heading nor JSON lines */
export function readAlerts(text: string): ReadAlerts {
  const body = text.replace(/^\uFEFF/, '')
  const rows = /^\s*[{[]/.test(body) ? jsonRows(body) : csvRows(body)
  const refused: Record<string, number> = {}
  const alerts: SeenAlert[] = []
  rows.forEach((row, index) => {
    const alert = row && alertOf(row, index)
    if (typeof alert === 'object') alerts.push(alert)
    else refused[alert ?? 'not JSON'] = (refused[alert ?? 'not JSON'] ?? 0) + 1
  })
  // By time; what came at the same moment stays in the order of the file.
  alerts.sort((a, b) => a.atMs - b.atMs)
  return { alerts, refused }
}

function csvRows(text: string): Row[] {
  const heading = text.slice(0, text.indexOf('\n') + 1)
  const delimiter = [',', ';', '\t'].reduce((best, one) =>
    heading.split(one).length > heading.split(best).length ? one : best,
  )
  try {
    return parse(text, {
      columns: (names: string[]) => names.map((name) => name.trim().toLowerCase()),
      delimiter,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    })
  } catch (error) {
    throw new CodedError('body.invalid', { cause: `it is no CSV: ${(error as Error).message}` }, { cause: error })
  }
}

function jsonRows(text: string): (Row | undefined)[] {
  if (text.trimStart().startsWith('['))
    try {
      return (JSON.parse(text) as unknown[]).map((one) => flat(one))
    } catch (error) {
      throw new CodedError('body.invalid', { cause: `it is no JSON: ${(error as Error).message}` }, { cause: error })
    }
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        return flat(JSON.parse(line))
      } catch {
        return undefined
      }
    })
}

const depthMax = 6

/** Dotted names in lower case; of a list the first. */
function flat(value: unknown, prefix = '', into: Row = Object.create(null) as Row, depth = 0): Row {
  if (typeof value !== 'object' || value === null || depth > depthMax) return into
  for (const [name, one] of Object.entries(value)) {
    const path = (prefix === '' ? name : `${prefix}.${name}`).toLowerCase()
    const single = Array.isArray(one) ? one[0] : one
    if (typeof single === 'object' && single !== null) flat(single, path, into, depth + 1)
    else into[path] = single
  }
  return into
}

function alertOf(row: Row, index: number): SeenAlert | string {
  const pick = (names: readonly string[]): string => {
    for (const name of names) {
      const value = row[name]
      if (value !== undefined && value !== null && value !== '') return String(value)
    }
    return ''
  }
  const atMs = timeOf(pick(columns.time))
  if (atMs === undefined) return 'no time'
  const name = pick(columns.name).slice(0, 500)
  if (name === '') return 'no name'
  const host = pick(columns.host) || pick(columns.ip)
  const user = pick(columns.user)
  const entities = [...(host ? [`host:${host}`] : []), ...(user ? [`user:${user}`] : [])]
  const tactic = pick(columns.tactic)
    .toLowerCase()
    .replaceAll(/[\s_]+/g, '-')
  return {
    id: pick(columns.id) || `row-${index + 1}`,
    atMs,
    name,
    entities: entities.length > 0 ? entities : ['host:unknown'],
    severity: severityOf(pick(columns.severity), row),
    ...(tactic ? { tactic } : {}),
  }
}

/** Seconds, milliseconds, microseconds or nanoseconds since the epoch by their size; else ISO 8601. */
export function timeOf(text: string): number | undefined {
  if (text === '') return undefined
  if (/^\d+(\.\d+)?$/.test(text)) {
    let value = Number(text)
    if (value < 1e11) value *= 1000
    else while (value > 1e14) value /= 1000
    return Math.floor(value)
  }
  const atMs = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`)
  return Number.isNaN(atMs) ? undefined : atMs
}

function severityOf(text: string, row: Row): Severity {
  const word = text.toLowerCase()
  if ((severities as readonly string[]).includes(word)) return word as Severity
  const number = Number(text)
  if (text === '' || Number.isNaN(number)) return 'medium'
  // Suricata counts down from 1, Wazuh's levels go up to 15.
  if (row['alert.severity'] !== undefined) return number <= 1 ? 'high' : number === 2 ? 'medium' : 'low'
  if (row['rule.level'] !== undefined)
    return number >= 13 ? 'critical' : number >= 10 ? 'high' : number >= 6 ? 'medium' : number >= 3 ? 'low' : 'info'
  return number >= 75 ? 'critical' : number >= 50 ? 'high' : number >= 25 ? 'medium' : 'low'
}
