// What an incident is made of, worked out from its stories and the alerts that are assigned to it.
import { and, desc, eq, inArray } from 'drizzle-orm'
import { type Severity, severities } from '#core/finding.ts'
import type { IncidentDraft } from '#core/incident.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import { incidentAlerts, incidentStories } from '#stores/state/schema/incident-work.ts'
import type { Database, Transaction } from '#stores/state/state.ts'
import type { Bilingual } from './model.ts'

export interface Facts {
  title: Bilingual
  severity: Severity
  score: number
  entities: string[]
  tactics: string[]
  techniques: string[]
  rules: string[]
  alertCount: number
  startedMs: number
  lastMs: number
}

export type Drafts = { en: IncidentDraft; zh: IncidentDraft }

export interface HeldAlert {
  id: string
  fingerprint: string
  title: string
  titleZh: string
  rule: string
  severity: Severity
  state: string
  entities: string[]
  labels: Record<string, string>
  techniques: string[]
  startedMs: number
  lastSeenMs: number
}

export const alertsShownMax = 2000

/** The newest episode of each alert that is assigned to the incident, newest first. */
export async function heldAlerts(tx: Database | Transaction, incidentId: string): Promise<HeldAlert[]> {
  const rows = await tx
    .selectDistinctOn([alerts.fingerprint], {
      ...{ id: alerts.id, fingerprint: alerts.fingerprint, title: alerts.title, rule: alerts.rule },
      ...{ severity: alerts.severity, state: alerts.state, entities: alerts.entities, annotations: alerts.annotations },
      ...{ labels: alerts.labels, startedMs: alerts.startedMs, lastSeenMs: alerts.lastSeenMs },
    })
    .from(alerts)
    .innerJoin(incidentAlerts, eq(incidentAlerts.fingerprint, alerts.fingerprint))
    .where(eq(incidentAlerts.incidentId, incidentId))
    .orderBy(alerts.fingerprint, desc(alerts.episode))
    .limit(alertsShownMax)
  return rows
    .map(({ annotations, ...row }) => ({
      ...row,
      titleZh: annotations['title.zh'] || row.title,
      techniques: listOf(annotations['techniques']),
    }))
    .sort((a, b) => b.startedMs - a.startedMs)
}

/** The stories whose alerts, or some of them, are this incident's. */
export async function storiesOf(
  tx: Database | Transaction,
  incidentId: string,
): Promise<{ key: string; draft: Drafts; over: boolean; fingerprints: Set<string> }[]> {
  const assigned = await tx
    .select({ key: incidentAlerts.storyKey, fingerprint: incidentAlerts.fingerprint })
    .from(incidentAlerts)
    .where(eq(incidentAlerts.incidentId, incidentId))
  const byKey = Map.groupBy(assigned, ({ key }) => key)
  if (byKey.size === 0) return []
  const rows = await tx
    .select()
    .from(incidentStories)
    .where(and(inArray(incidentStories.key, [...byKey.keys()])))
  return rows.map(({ key, draft, over }) => ({
    ...{ key, draft, over },
    fingerprints: new Set(byKey.get(key)!.map(({ fingerprint }) => fingerprint)),
  }))
}

export async function factsOf(tx: Transaction, incidentId: string): Promise<Facts | undefined> {
  const stories = await storiesOf(tx, incidentId)
  if (stories.length === 0) return undefined
  const held = await heldAlerts(tx, incidentId)
  const drafts = stories.map(({ draft }) => draft)
  const isWhole = stories.every(({ draft, fingerprints }) => draft.en.alerts.every((one) => fingerprints.has(one)))
  const strongest = drafts.reduce((best, one) => (one.en.score > best.en.score ? one : best))
  const union = (lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())]
  const worst = (given: readonly Severity[]): Severity =>
    severities[Math.max(0, ...given.map((one) => severities.indexOf(one)))]!
  const techniques = union(held.map((one) => one.techniques))
  const rules = union(held.map(({ rule }) => [rule]))
  const alertCount = stories.reduce((sum, { fingerprints }) => sum + fingerprints.size, 0)
  // A part of a story keeps no more than what its own alerts say.
  if (!isWhole && held.length > 0) {
    const chapters = stories.flatMap(({ draft, fingerprints }) =>
      draft.en.story.filter(({ alert }) => alert !== null && fingerprints.has(alert)),
    )
    const share =
      chapters.length /
      Math.max(
        1,
        drafts.reduce((sum, { en }) => sum + en.story.length, 0),
      )
    const [first] = [...held].sort((a, b) => severities.indexOf(b.severity) - severities.indexOf(a.severity))
    return {
      title: { en: first!.title, zh: first!.titleZh },
      severity: worst(held.map(({ severity }) => severity)),
      score: Math.max(1, Math.round(strongest.en.score * share)),
      entities: union(held.map(({ entities }) => entities)),
      tactics: strongest.en.tactics,
      ...{ techniques, rules, alertCount },
      startedMs: Math.min(...held.map(({ startedMs }) => startedMs)),
      lastMs: Math.max(...held.map(({ lastSeenMs }) => lastSeenMs)),
    }
  }
  return {
    title: { en: named(strongest.en.title, held, 'title'), zh: named(strongest.zh.title, held, 'titleZh') },
    severity: worst(drafts.map(({ en }) => en.severity)),
    score: Math.max(...drafts.map(({ en }) => en.score)),
    entities: union(drafts.map(({ en }) => en.entities)),
    tactics: union(drafts.map(({ en }) => en.tactics)),
    ...{ techniques, rules, alertCount },
    startedMs: Math.min(...drafts.map(({ en }) => en.startedMs)),
    lastMs: Math.max(...drafts.map(({ en }) => en.lastMs)),
  }
}

/** The correlation calls alerts by their rules, people by their titles. */
function named(text: string, held: readonly HeldAlert[], title: 'title' | 'titleZh'): string {
  const alert = held.find(({ rule }) => text.includes(rule))
  return alert ? text.replace(alert.rule, () => alert[title]) : text
}

export function listOf(text: string | undefined): string[] {
  return (text ?? '').split(/[ ,]+/).filter((one) => one !== '')
}
