// Two that are one, and one that is two.
import { and, eq, inArray } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { incidentAlerts, incidentStories, incidents } from '#stores/state/schema/incident-work.ts'
import type { Transaction } from '#stores/state/state.ts'
import { changeIncident, type Hand, type IncidentContext, lockIncident, writeTimeline } from '../change.ts'
import { refresh } from '../take-in.ts'

const mergedMax = 50

/**
 * The others become part of this one: their alerts and what grows from their stories come here. Their timelines, tasks,
 * evidence and reports stay what they were and are shown here as well.
 */
export async function mergeIncidents(
  context: IncidentContext,
  hand: Hand,
  id: string,
  others: readonly { id: string; version: number }[],
): Promise<void> {
  const wanted = others.filter((other) => other.id !== id).slice(0, mergedMax)
  if (wanted.length === 0)
    throw new CodedError('incident.invalid', { cause: 'there is nothing to merge', hint: 'Name other incidents.' })
  await changeIncident(context, hand, id, async (tx, row, nowMs) => {
    if (row.state === 'closed')
      throw new CodedError('incident.invalid', {
        cause: `the incident ${row.number} is closed`,
        hint: 'Open it again first.',
      })
    const numbers: number[] = []
    // In the order of ids, so that two merges at once do not wait for one another for ever.
    for (const other of [...wanted].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      const gone = await lockIncident(tx, other.id)
      if (gone.version !== other.version)
        throw new CodedError('incident.conflict', {
          ...{ number: gone.number, by: gone.changedBy, at: new Date(gone.changedMs).toISOString() },
          ...{ version: gone.version, seen: other.version },
        })
      await moveAll(tx, gone.id, id)
      await tx
        .update(incidents)
        .set({
          ...{ state: 'closed', disposition: 'merged', mergedInto: id, closedMs: nowMs, snoozedUntilMs: null },
          ...{ version: gone.version + 1, changedBy: hand.actor.name, changedMs: nowMs },
        })
        .where(eq(incidents.id, gone.id))
      await writeTimeline(
        tx,
        gone.id,
        hand.actor.name,
        [{ kind: 'merged', text: `#${row.number}`, detail: { into: id } }],
        nowMs,
      )
      await writeAudit(tx, hand.actor, 'incident.merged', gone.id, { number: gone.number, into: row.number })
      numbers.push(gone.number)
    }
    await refresh(tx, id)
    // What was known of one of them was known: the earlier discovery counts.
    const earlier = await tx
      .select({ discoveredMs: incidents.discoveredMs })
      .from(incidents)
      .where(eq(incidents.mergedInto, id))
    return {
      set: { discoveredMs: Math.min(row.discoveredMs, ...earlier.map(({ discoveredMs }) => discoveredMs)) },
      entries: [
        {
          kind: 'merge',
          text: numbers.map((one) => `#${one}`).join(', '),
          detail: { incidents: wanted.map((one) => one.id) },
        },
      ],
    }
  })
  for (const other of wanted) context.changed(other.id)
}

async function moveAll(tx: Transaction, from: string, to: string): Promise<void> {
  await tx.update(incidentAlerts).set({ incidentId: to }).where(eq(incidentAlerts.incidentId, from))
  await tx.update(incidentStories).set({ incidentId: to }).where(eq(incidentStories.incidentId, from))
  await tx.update(incidents).set({ mergedInto: to }).where(eq(incidents.mergedInto, from))
}

/** These alerts become an incident of their own. @returns its id */
export async function splitIncident(
  context: IncidentContext,
  hand: Hand,
  id: string,
  fingerprints: readonly string[],
): Promise<string> {
  const made = `inc_${context.random.hex(10)}`
  await changeIncident(context, hand, id, async (tx, row, nowMs) => {
    const all = await tx.select().from(incidentAlerts).where(eq(incidentAlerts.incidentId, id))
    const chosen = new Set(fingerprints)
    const moved = all.filter((one) => chosen.has(one.fingerprint))
    if (moved.length === 0 || moved.length === all.length)
      throw new CodedError('incident.invalid', {
        cause: moved.length === 0 ? 'none of these alerts is in it' : 'nothing would be left of it',
        hint: 'Choose some of its alerts.',
      })
    const { number: _, ...rest } = row
    const [created] = await tx
      .insert(incidents)
      .values({
        ...rest,
        ...{ id: made, state: 'new', disposition: null, owner: null, people: [], grade: null, assessment: null },
        ...{ category: null, playbook: null, cause: '', lessons: '', form: {}, snoozedUntilMs: null, version: 1 },
        ...{ openedMs: nowMs, triagedMs: null, gradedMs: null, containedMs: null, recoveredMs: null, closedMs: null },
        ...{
          reopenedCount: 0,
          changedBy: hand.actor.name,
          changedMs: nowMs,
          severitySet: false,
          alertCount: moved.length,
        },
      })
      .returning({ number: incidents.number })
    await tx
      .update(incidentAlerts)
      .set({ incidentId: made })
      .where(and(eq(incidentAlerts.incidentId, id), inArray(incidentAlerts.fingerprint, [...chosen])))
    await refresh(tx, made)
    await refresh(tx, id)
    await writeTimeline(
      tx,
      made,
      hand.actor.name,
      [{ kind: 'open', text: `#${row.number}`, detail: { splitFrom: id } }],
      nowMs,
    )
    await writeAudit(tx, hand.actor, 'incident.open', made, { number: created!.number, splitFrom: row.number })
    return {
      set: { changedMs: nowMs },
      entries: [
        { kind: 'split', text: `#${created!.number}`, detail: { incident: made, alerts: [...chosen].slice(0, 100) } },
      ],
    }
  })
  context.changed(made)
  return made
}
