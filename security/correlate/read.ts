// Any alert list as the correlation wants it: CSV by its heading, JSON in the shapes of ECS, Suricata EVE and Wazuh.
import type { Severity } from '#core/finding.ts'
import type { SeenAlert } from './alert.ts'
import { type Column, columns } from './columns.ts'
import { eachRow, type Row, unreadable } from './rows.ts'
import { type SeverityScale, severityOf, timeOf } from './values.ts'

export interface ReadAlerts {
  alerts: SeenAlert[]
  /** Rows without a time or a name, by reason. */
  refused: Record<string, number>
}

/** @throws CodedError `alerts.unreadable` when it is no alert list, or none of its rows has a time and a name */
export function readAlerts(text: string): ReadAlerts {
  const refused: Record<string, number> = {}
  const alerts: SeenAlert[] = []
  const severities: string[] = []
  const scales: (SeverityScale | undefined)[] = []
  let rows = 0
  let headings: string[] = []
  let numberMax = 0
  eachRow(text.replace(/^\uFEFF/, ''), (row) => {
    rows++
    if (row && headings.length === 0) headings = Object.keys(row)
    const alert = row ? alertOf(row, rows) : 'not JSON'
    if (typeof alert === 'string') {
      refused[alert] = (refused[alert] ?? 0) + 1
      return
    }
    const severity = pick(row!, 'severity')
    alerts.push(alert)
    severities.push(severity)
    scales.push(scaleOf(row!))
    if (Number(severity) > numberMax) numberMax = Number(severity)
  })
  if (rows > 0 && alerts.length === 0)
    throw unreadable(
      `none of its ${rows} rows has a time and a name (${Object.entries(refused)
        .map(([reason, count]) => `${count} ${reason}`)
        .join(', ')})${headings.length > 0 ? `; it has ${headings.slice(0, 40).join(', ')}` : ''}`,
    )
  for (const [i, alert] of alerts.entries())
    alert.severity = severityOf(severities[i]!, scales[i] ?? (numberMax <= 10 ? 'ten' : 'hundred'))
  // By time; what came at the same moment stays in the order of the file.
  alerts.sort((a, b) => a.atMs - b.atMs)
  return { alerts, refused }
}

function scaleOf(row: Row): SeverityScale | undefined {
  if (row['alert.severity'] !== undefined) return 'suricata'
  return row['rule.level'] !== undefined ? 'wazuh' : undefined
}

function pick(row: Row, column: Column): string {
  for (const name of columns[column]) {
    const value = row[name]
    if (value !== undefined && value !== null && value !== '') return String(value)
  }
  return ''
}

/** Its severity is set when the whole list is known. */
function alertOf(row: Row, number: number): SeenAlert | string {
  const atMs = timeOf(pick(row, 'time'))
  if (atMs === undefined) return 'no time'
  const name = pick(row, 'name').slice(0, 500)
  if (name === '') return 'no name'
  const host = pick(row, 'host') || pick(row, 'ip')
  const user = pick(row, 'user')
  const entities = [...(host ? [`host:${host}`] : []), ...(user ? [`user:${user}`] : [])]
  const tactic = pick(row, 'tactic')
    .toLowerCase()
    .replaceAll(/[\s_]+/g, '-')
  return {
    id: pick(row, 'id') || `row-${number}`,
    atMs,
    name,
    entities: entities.length > 0 ? entities : ['host:unknown'],
    severity: 'medium' satisfies Severity,
    ...(tactic ? { tactic } : {}),
  }
}
