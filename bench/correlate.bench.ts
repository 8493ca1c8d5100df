// From alerts to incidents on the given scenarios: ours beside three baselines, then with detectors dropped, times shifted
// and hosts renamed. Labels are used to measure only.
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { SeenAlert } from '#security/correlate/alert.ts'
import { correlate } from '#security/correlate/correlate.ts'
import { measure, Phases } from '#security/correlate/labels.ts'
import { readAlerts } from '#security/correlate/read.ts'
import { readTactics } from '#security/correlate/tactics.ts'

const folder = process.argv[2] ?? '../shared/data/attacks/alerts'
if (!existsSync(`${folder}/attack-phases.json`)) {
  console.log(`skipped: ${folder}/attack-phases.json is not there`)
  process.exit(0)
}
const { scenarios } = JSON.parse(readFileSync(`${folder}/attack-phases.json`, 'utf8'))
const tacticOf = readTactics('rules/security/tactics.yml')
type Labels = ReturnType<typeof Phases.parse>

/** Sessions of a key, cut at silence. */
function sessions(alerts: readonly SeenAlert[], keyOf: (alert: SeenAlert) => string, silenceMs: number): SeenAlert[][] {
  const open = new Map<string, SeenAlert[]>()
  const all: SeenAlert[][] = []
  for (const alert of alerts) {
    const key = keyOf(alert)
    const session = open.get(key)
    if (session && alert.atMs - session[session.length - 1]!.atMs <= silenceMs) session.push(alert)
    else {
      const begun = [alert]
      open.set(key, begun)
      all.push(begun)
    }
  }
  return all
}

const place = (alert: SeenAlert): string => alert.entities[0]!
const rows: Record<string, string | number>[] = []
function row(
  scenario: string,
  method: string,
  alerts: readonly SeenAlert[],
  items: SeenAlert[][],
  labels: Labels,
  cpuMs = 0,
): void {
  const found = measure(items, labels)
  const longestMs = items.reduce(
    (most, one) => Math.max(most, one.reduce((last, { atMs }) => Math.max(last, atMs), 0) - one[0]!.atMs),
    0,
  )
  rows.push({
    scenario,
    method,
    alerts: alerts.length,
    items: found.items,
    'fewer %': (100 * (1 - found.items / alerts.length)).toFixed(3),
    phases: `${found.phasesSeen.length}/${found.phases}`,
    missed: found.phasesMissed.join(' '),
    'with attack': `${found.withAttack}/${found.items}`,
    'longest h': (longestMs / 3_600_000).toFixed(1),
    ...(cpuMs > 0 ? { 'CPU ms': Math.round(cpuMs) } : {}),
  })
}

function ours(scenario: string, method: string, alerts: readonly SeenAlert[], labels: Labels): void {
  const before = process.cpuUsage()
  const { incidents } = correlate(alerts, tacticOf)
  const { user, system } = process.cpuUsage(before)
  const byId = new Map(alerts.map((alert) => [alert.id, alert]))
  const held = (ids: readonly string[]) => ids.map((id) => byId.get(id)!).sort((a, b) => a.atMs - b.atMs)
  const items = incidents.map(({ alertIds }) => held(alertIds))
  row(scenario, method, alerts, items, labels, (user + system) / 1000)
  if (method !== 'ours') return
  const grave = incidents.filter((one) => ['high', 'critical'].includes(one.draft().severity))
  row(
    scenario,
    'ours, high and critical only',
    alerts,
    grave.map(({ alertIds }) => held(alertIds)),
    labels,
  )
}

for (const scenario of Object.keys(scenarios)) {
  const labels = Phases.parse(scenarios[scenario])
  const file = `${folder}/${scenario}_alerts.csv.gz`
  if (!existsSync(file)) continue
  const { alerts } = readAlerts(gunzipSync(readFileSync(file)).toString('utf8'))
  row(
    scenario,
    'baseline 1: name and host, 300 s',
    alerts,
    sessions(alerts, (one) => `${one.name} ${place(one)}`, 300_000),
    labels,
  )
  const perHost = sessions(alerts, place, 1_800_000)
  row(scenario, 'baseline 2: host, 30 min', alerts, perHost, labels)
  const frequency = new Map<string, number>()
  for (const { name } of alerts) frequency.set(name, (frequency.get(name) ?? 0) + 1)
  const rarest = (session: SeenAlert[]): number =>
    session.reduce((least, { name }) => Math.min(least, frequency.get(name)!), Number.POSITIVE_INFINITY)
  row(
    scenario,
    'baseline 3: ten rarest of these',
    alerts,
    [...perHost].sort((a, b) => rarest(a) - rarest(b)).slice(0, 10),
    labels,
  )
  ours(scenario, 'ours', alerts, labels)
  for (const detector of new Set(alerts.map(({ name }) => name.split(':', 1)[0]!)))
    ours(
      scenario,
      `ours without ${detector}`,
      alerts.filter(({ name }) => !name.startsWith(`${detector}:`)),
      labels,
    )
  const shiftMs = 11 * 3_600_000
  const shifted = {
    phases: labels.phases.map((one) => ({
      ...one,
      start_epoch: one.start_epoch + shiftMs / 1000,
      end_epoch: one.end_epoch + shiftMs / 1000,
    })),
  }
  ours(
    scenario,
    'ours, 11 h later',
    alerts.map((one) => ({ ...one, atMs: one.atMs + shiftMs })),
    shifted,
  )
  ours(
    scenario,
    'ours, hosts renamed',
    alerts.map((one) => ({ ...one, entities: [`host:${Buffer.from(place(one)).toString('hex')}`] })),
    labels,
  )
  ours(
    scenario,
    'ours, no tactic words',
    alerts.map((one) => ({ ...one, tactic: 'reconnaissance' })),
    labels,
  )
}
console.table(rows)
