// What the correlation drafts becomes an incident that waits for people, and grows with the draft. One at a time; of a
// draft that grew while another was written only the newest is written. A replay after a restart changes nothing.
import { eq, inArray } from 'drizzle-orm'
import { type Severity, severities } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import { systemActor, writeAudit } from '#stores/state/audit.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import { incidentAlerts, incidentStories, incidents } from '#stores/state/schema/incident-work.ts'
import type { Transaction } from '#stores/state/state.ts'
import { type IncidentContext, type TimelineEntry, writeTimeline } from './change.ts'
import { type Drafts, factsOf } from './facts.ts'
import type { IncidentRow } from './model.ts'

export interface Told {
  draft: Drafts
  over: boolean
}

export interface TakeIn {
  /** Returns at once. */
  tell(told: Told): void
  /** Resolves when all that was told is written. */
  settled(): Promise<void>
  /** What waits is told again at the next start: the feed is replayed. */
  stop(): Promise<void>
  /** Drafts that wait. */
  readonly waiting: number
  readonly failure: string
}

const waitingMax = 2000
const againMs = 1000

export function createTakeIn(
  context: IncidentContext,
  deps: { logger: Logger; operator: string; opened(): void; dropped(): void },
): TakeIn {
  const waiting = new Map<string, Told>()
  let running: Promise<void> | undefined
  let failure = ''
  let stopped = false

  const work = async (): Promise<void> => {
    while (waiting.size > 0 && !stopped) {
      const [key, told] = waiting.entries().next().value as [string, Told]
      waiting.delete(key)
      try {
        const { id, isNew } = await takeIn(context, told, deps.operator)
        failure = ''
        if (isNew) deps.opened()
        if (id) context.changed(id)
      } catch (error) {
        failure = (error as Error).message
        deps.logger.warn({ err: error, key }, 'an incident could not be written; it is tried again')
        if (!waiting.has(key)) waiting.set(key, told)
        if (!stopped) await new Promise((resolve) => setTimeout(resolve, againMs))
      }
    }
  }
  const start = (): void => {
    running ??= work().finally(() => {
      running = undefined
    })
  }

  return {
    tell: (told) => {
      if (stopped) return
      if (!waiting.has(told.draft.en.key) && waiting.size >= waitingMax) {
        waiting.delete(waiting.keys().next().value as string)
        deps.dropped()
      }
      waiting.set(told.draft.en.key, told)
      start()
    },
    settled: async () => {
      while (running) await running
    },
    stop: async () => {
      stopped = true
      await running
    },
    get waiting() {
      return waiting.size
    },
    get failure() {
      return failure
    },
  }
}

/** @returns the incident that changed, if any */
async function takeIn(
  context: IncidentContext,
  { draft, over }: Told,
  operator: string,
): Promise<{ id: string | undefined; isNew: boolean }> {
  const nowMs = context.clock.nowMs()
  const { key, lastMs } = draft.en
  return context.database.transaction(async (tx) => {
    const [known] = await tx.select().from(incidentStories).where(eq(incidentStories.key, key)).for('update')
    // A replay tells the story from its beginning again: what is older than what is known says nothing new.
    if (known && (known.draft.en.lastMs > lastMs || known.draft.en.alerts.length > draft.en.alerts.length))
      return { id: undefined, isNew: false }
    const isSame = known && known.over === over && JSON.stringify(known.draft) === JSON.stringify(draft)
    if (isSame) return { id: undefined, isNew: false }
    const id = known?.incidentId ?? `inc_${context.random.hex(10)}`
    if (known) await tx.update(incidentStories).set({ draft, over }).where(eq(incidentStories.key, key))
    else {
      await openIncident(tx, id, draft, operator, nowMs)
      await tx.insert(incidentStories).values({ key, incidentId: id, draft, over })
    }
    const added = await assign(tx, key, id, draft.en.alerts)
    if (known) await grow(tx, id, added, nowMs)
    else await refresh(tx, id)
    return { id, isNew: !known }
  })
}

async function openIncident(
  tx: Transaction,
  id: string,
  { en, zh }: Drafts,
  operator: string,
  nowMs: number,
): Promise<void> {
  await tx.insert(incidents).values({
    ...{ id, kind: 'security', title: { en: en.title, zh: zh.title }, severity: en.severity, score: en.score },
    ...{ entities: en.entities, tactics: en.tactics, techniques: [], rules: [], alertCount: en.alerts.length },
    ...{ operator, changedBy: systemActor.name, changedMs: nowMs },
    ...{ startedMs: en.startedMs, lastMs: en.lastMs, discoveredMs: nowMs, openedMs: nowMs },
  })
  const entry: TimelineEntry = { kind: 'open', text: en.title, detail: { key: en.key } }
  await writeTimeline(tx, id, systemActor.name, [entry], nowMs)
  await writeAudit(tx, systemActor, 'incident.open', id, { title: en.title, key: en.key })
}

/** @returns fingerprints that are new */
export async function assign(
  tx: Transaction,
  storyKey: string,
  incidentId: string,
  fingerprints: readonly string[],
): Promise<string[]> {
  if (fingerprints.length === 0) return []
  const rows = await tx
    .insert(incidentAlerts)
    .values(fingerprints.map((fingerprint) => ({ storyKey, fingerprint, incidentId })))
    .onConflictDoNothing()
    .returning({ fingerprint: incidentAlerts.fingerprint })
  return rows.map(({ fingerprint }) => fingerprint)
}

/** The facts follow; what a person set stays. */
export async function refresh(tx: Transaction, id: string): Promise<void> {
  const facts = await factsOf(tx, id)
  if (!facts) return
  const [row] = await tx.select().from(incidents).where(eq(incidents.id, id))
  const { severity, ...rest } = facts
  await tx
    .update(incidents)
    .set({ ...rest, ...(row!.severitySet ? {} : { severity }) })
    .where(eq(incidents.id, id))
}

/** New alerts of an incident that was closed are told on its timeline; worse ones open it again. */
async function grow(tx: Transaction, id: string, added: readonly string[], nowMs: number): Promise<void> {
  const [before] = await tx.select().from(incidents).where(eq(incidents.id, id)).for('update')
  await refresh(tx, id)
  if (before?.state !== 'closed' || before.mergedInto !== null || added.length === 0) return
  const worst = await worstOf(tx, added)
  const isWorse = severities.indexOf(worst) > severities.indexOf(before.severity)
  const entry: TimelineEntry = {
    kind: isWorse ? 'reopen' : 'grew',
    text: `${added.length} alerts came after it was closed`,
    detail: { alerts: added.slice(0, 100), severity: worst },
  }
  if (isWorse)
    await tx
      .update(incidents)
      .set(reopened(before, systemActor.name, nowMs))
      .where(eq(incidents.id, id))
  await writeTimeline(tx, id, systemActor.name, [entry], nowMs)
  await writeAudit(tx, systemActor, `incident.${entry.kind}`, id, { number: before.number, ...entry.detail })
}

export function reopened(row: IncidentRow, by: string, nowMs: number): Partial<IncidentRow> {
  return {
    ...{ state: 'triaged', disposition: null, closedMs: null, containedMs: null, recoveredMs: null },
    ...{ reopenedCount: row.reopenedCount + 1, version: row.version + 1, changedBy: by, changedMs: nowMs },
  }
}

async function worstOf(tx: Transaction, fingerprints: readonly string[]): Promise<Severity> {
  const rows = await tx
    .select({ severity: alerts.severity })
    .from(alerts)
    .where(inArray(alerts.fingerprint, [...fingerprints]))
  return severities[Math.max(0, ...rows.map(({ severity }) => severities.indexOf(severity)))]!
}
