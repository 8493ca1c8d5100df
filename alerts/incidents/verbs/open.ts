// What a person begins: from alerts, or from a word on the telephone.
import { and, inArray } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { type Severity, severities } from '#core/finding.ts'
import type { IncidentDraft } from '#core/incident.ts'
import { covers, isEverywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import { incidentStories, incidents } from '#stores/state/schema/incident-work.ts'
import type { Transaction } from '#stores/state/state.ts'
import { aboutPlace } from '../../queries/place.ts'
import { authorize, cleanText } from '../../verbs/context.ts'
import { type Hand, type IncidentContext, writeTimeline } from '../change.ts'
import { listOf } from '../facts.ts'
import { knownEntities } from '../queries/hit.ts'
import { assign, refresh } from '../take-in.ts'

export interface Opening {
  kind: 'security' | 'operations'
  title: string
  severity: Severity
  alertIds: readonly string[]
  entities: readonly string[]
  discoveredMs: number | undefined
  operator: string
  /** What the person answers for: what they begin must be about it, as far as they say. */
  bounds: Jurisdiction
}

const alertsMax = 500
const titleMax = 300
const scoreOf: Record<Severity, number> = { info: 10, low: 25, medium: 45, high: 65, critical: 85 }

/** @returns its id */
export async function openByHand(context: IncidentContext, { actor }: Hand, opening: Opening): Promise<string> {
  authorize(actor, 'work on incidents')
  const title = cleanText(opening.title, titleMax)
  if (title === '') throw new CodedError('body.invalid', { cause: 'the title is empty' })
  const id = `inc_${context.random.hex(10)}`
  const nowMs = context.clock.nowMs()
  const discoveredMs = Math.min(opening.discoveredMs ?? nowMs, nowMs)
  const ids = [...new Set(opening.alertIds)].slice(0, alertsMax)
  await context.database.transaction(async (tx) => {
    const rows = ids.length === 0 ? [] : await tx.select().from(alerts).where(inArray(alerts.id, ids))
    if (rows.length < ids.length) throw new CodedError('not-found', { what: 'One of these alerts' })
    await mustBeWithin(tx, opening.bounds, rows, opening.entities)
    const chapters = rows
      .map((row) => ({ atMs: row.startedMs, text: row.title, severity: row.severity, alert: row.fingerprint }))
      .sort((a, b) => a.atMs - b.atMs)
    const severity =
      severities[
        Math.max(...[opening.severity, ...rows.map((row) => row.severity)].map((one) => severities.indexOf(one)))
      ]!
    const draft: IncidentDraft = {
      ...{ key: `hand:${id}`, title, severity, score: scoreOf[severity] },
      entities: [...new Set([...opening.entities, ...rows.flatMap((row) => row.entities)])],
      alerts: [...new Set(rows.map((row) => row.fingerprint))],
      tactics: [...new Set(rows.flatMap((row) => listOf(row.annotations['tactics'])))],
      story: chapters,
      startedMs: Math.min(discoveredMs, ...rows.map((row) => row.startedMs)),
      lastMs: Math.max(discoveredMs, ...rows.map((row) => row.lastSeenMs)),
    }
    const [made] = await tx
      .insert(incidents)
      .values({
        ...{ id, kind: opening.kind, title: { en: title, zh: title }, severity, score: draft.score },
        ...{ operator: opening.operator, entities: draft.entities, tactics: draft.tactics, techniques: [], rules: [] },
        ...{ alertCount: draft.alerts.length, startedMs: draft.startedMs, lastMs: draft.lastMs, discoveredMs },
        ...{ openedMs: nowMs, changedBy: actor.name, changedMs: nowMs },
      })
      .returning({ number: incidents.number })
    await tx
      .insert(incidentStories)
      .values({ key: draft.key, incidentId: id, draft: { en: draft, zh: draft }, over: true })
    await assign(tx, draft.key, id, draft.alerts)
    if (draft.alerts.length > 0) await refresh(tx, id)
    await writeTimeline(tx, id, actor.name, [{ kind: 'open', text: title, detail: { alerts: ids.length } }], nowMs)
    await writeAudit(tx, actor, 'incident.open', id, { number: made!.number, title })
  })
  context.changed(id)
  return id
}

/** @throws CodedError `not-found` for alerts and entities of others, `auth.outside` when nothing of theirs is named */
async function mustBeWithin(
  tx: Transaction,
  bounds: Jurisdiction,
  rows: readonly { id: string }[],
  entities: readonly string[],
): Promise<void> {
  if (isEverywhere(bounds)) return
  if (rows.length + entities.length === 0) throw new CodedError('auth.outside')
  const ids = rows.map(({ id }) => id)
  const seen =
    ids.length === 0
      ? []
      : await tx
          .select({ id: alerts.id })
          .from(alerts)
          .where(and(inArray(alerts.id, ids), aboutPlace(bounds)))
  if (seen.length < ids.length) throw new CodedError('not-found', { what: 'One of these alerts' })
  const known = await knownEntities(tx, entities)
  for (const id of entities) {
    const entity = known.get(id)
    if (!entity || !covers(bounds, entity))
      throw new CodedError('not-found', { what: `The entity ${id.slice(0, 100)}` })
  }
}
