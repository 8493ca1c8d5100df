// "Why was I not told?": everything that decided on an alert, in the order in which it decides.
import { arrayContains, asc, eq, or } from 'drizzle-orm'
import { severities } from '#core/finding.ts'
import { notifications } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import { type Alert, watchdogRule } from '../alert.ts'
import type { Held } from '../lifecycle/tables.ts'
import type { AlertReceiverConfig } from '../notify/config.ts'
import { parseMatcher } from '../notify/match.ts'
import type { Silences } from './silences.ts'
import { type RoutedDeps, type WhyRouted, whyRouted } from './why-routed.ts'

export type Why =
  | WhyRouted
  | { kind: 'pending'; untilMs: number | null }
  | { kind: 'watchdog' }
  | { kind: 'no-receivers' }
  | { kind: 'silence'; id: string; by: string; comment: string; untilMs: number }
  | { kind: 'inhibited'; by: string; title: string; titleZh: string }
  | { kind: 'held'; sinceMs: number }
  | { kind: 'severity'; receiver: string; wanted: string }
  | { kind: 'matcher'; receiver: string; matcher: string }
  | {
      kind: 'told'
      receiver: string
      event: string
      state: 'pending' | 'delivered' | 'failed'
      atMs: number
      error: string
    }

export interface WhyDeps {
  database: Database
  nowMs: number
  /** Told of single alerts, by what they ask for. */
  receivers: readonly AlertReceiverConfig[]
  /** Set when there is a routing tree. */
  routed: Pick<RoutedDeps, 'routing' | 'receivers'> | undefined
  silences: Silences
  held: ReadonlyMap<string, Held>
  inhibitors(alert: Alert): Alert[]
}

export async function whyOf(alert: Alert, deps: WhyDeps): Promise<Why[]> {
  const { database, nowMs, receivers, routed, silences, held, inhibitors } = deps
  const found: Why[] = []
  if (alert.rule === watchdogRule) return [{ kind: 'watchdog' }]
  if (alert.state === 'pending') found.push({ kind: 'pending', untilMs: null })
  if (receivers.length === 0 && !routed) found.push({ kind: 'no-receivers' })
  if (alert.state !== 'resolved') {
    for (const { id, createdBy, comment, endsMs } of silences.of(alert))
      found.push({ kind: 'silence', id, by: createdBy, comment, untilMs: endsMs })
    for (const { id, title, annotations } of inhibitors(alert))
      found.push({ kind: 'inhibited', by: id, title, titleZh: annotations['title.zh'] ?? title })
    const kept = held.get(alert.id)
    if (kept) found.push({ kind: 'held', sinceMs: kept.sinceMs })
  }
  const isMuted = found.some(({ kind }) => kind === 'silence' || kind === 'inhibited')
  if (routed) found.push(...(await whyRouted(alert, isMuted, { database, nowMs, ...routed })))
  for (const { name, minSeverity, match } of receivers) {
    if (severities.indexOf(alert.severity) < severities.indexOf(minSeverity)) {
      found.push({ kind: 'severity', receiver: name, wanted: minSeverity })
      continue
    }
    const refuses = match.find((text) => !parseMatcher(text)(alert))
    if (refuses !== undefined) found.push({ kind: 'matcher', receiver: name, matcher: refuses })
  }
  const rows = await database
    .select()
    .from(notifications)
    .where(or(eq(notifications.alertId, alert.id), arrayContains(notifications.alertIds, [alert.id])))
    .orderBy(asc(notifications.sequence))
    .limit(200)
  for (const { receiver, event, state, finishedMs, createdMs, lastError } of rows)
    found.push({ kind: 'told', receiver, event, state, atMs: finishedMs ?? createdMs, error: lastError ?? '' })
  return found
}
