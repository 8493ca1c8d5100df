// Forward along the work, closing, and opening again.
import { eq } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { incidentReports } from '#stores/state/schema/incident-work.ts'
import type { Transaction } from '#stores/state/state.ts'
import { cleanText } from '../../verbs/context.ts'
import { changeIncident, type Hand, type IncidentContext } from '../change.ts'
import { type Disposition, type IncidentRow, type IncidentState, incidentStates, isAtLeast } from '../model.ts'
import type { Reporting } from '../rulebook/reporting.ts'

export interface Closing {
  disposition: Disposition
  cause: string
  lessons: string
}

const textMax = 20_000
const rank = (state: IncidentState): number => incidentStates.indexOf(state)

/**
 * Steps may be left out; going back says why. Whoever triages what nobody has takes it.
 * @throws CodedError `incident.invalid`
 */
export async function moveIncident(
  context: IncidentContext,
  hand: Hand,
  id: string,
  to: Exclude<IncidentState, 'new' | 'closed'>,
  note = '',
): Promise<void> {
  return changeIncident(context, hand, id, async (_tx, row, nowMs) => {
    if (row.state === to) return undefined
    if (row.state === 'closed')
      throw new CodedError('incident.invalid', {
        cause: `the incident ${row.number} is closed`,
        hint: 'Open it again first.',
      })
    const text = cleanText(note, textMax)
    const isBack = rank(to) < rank(row.state)
    if (isBack && text === '')
      throw new CodedError('incident.invalid', {
        cause: `going back from ${row.state} to ${to} needs a reason`,
        hint: 'Write down what turned out to be otherwise.',
      })
    return {
      set: {
        ...{ state: to, owner: row.owner ?? hand.actor.name, snoozedUntilMs: null },
        triagedMs: row.triagedMs ?? nowMs,
        containedMs: reached(row.containedMs, 'contained', to, nowMs),
        recoveredMs: reached(row.recoveredMs, 'recovered', to, nowMs),
      },
      entries: [
        { kind: 'state', text, detail: { from: row.state, to } },
        ...(row.owner === null ? [{ kind: 'owner', text: hand.actor.name, detail: { before: null } }] : []),
      ],
    }
  })
}

/** When it was reached first; undone by going back. */
function reached(atMs: number | null, state: IncidentState, to: IncidentState, nowMs: number): number | null {
  return rank(to) < rank(state) ? null : (atMs ?? nowMs)
}

/** @throws CodedError `incident.close` */
export async function closeIncident(context: IncidentContext, hand: Hand, id: string, closing: Closing): Promise<void> {
  return changeIncident(context, hand, id, async (tx, row, nowMs) => {
    if (row.state === 'closed') return undefined
    const cause = cleanText(closing.cause, textMax)
    const lessons = cleanText(closing.lessons, textMax)
    const refuse = (why: string): never => {
      throw new CodedError('incident.close', { number: row.number, cause: why })
    }
    if (cause === '') refuse('its cause is missing')
    if (lessons === '') refuse('what was learned from it is missing')
    if (closing.disposition === 'real') {
      if (row.grade === null) refuse('nobody decided its grade')
      if (await lacksReport(tx, row, context.rulebook.reporting)) refuse('its first report was not filed')
    }
    return {
      set: {
        ...{ state: 'closed', disposition: closing.disposition, cause, lessons, closedMs: nowMs, snoozedUntilMs: null },
        ...{ owner: row.owner ?? hand.actor.name, triagedMs: row.triagedMs ?? nowMs },
        // Handling a real one ended at the latest now.
        ...(closing.disposition === 'real'
          ? { containedMs: row.containedMs ?? nowMs, recoveredMs: row.recoveredMs ?? nowMs }
          : {}),
      },
      entries: [{ kind: 'close', text: cause, detail: { disposition: closing.disposition, lessons, from: row.state } }],
    }
  })
}

async function lacksReport(tx: Transaction, row: IncidentRow, reporting: Reporting): Promise<boolean> {
  if (row.grade === null || !isAtLeast(row.grade, reporting.fromGrade)) return false
  const filed = await tx
    .select({ kind: incidentReports.kind })
    .from(incidentReports)
    .where(eq(incidentReports.incidentId, row.id))
  return !filed.some(({ kind }) => kind === 'first')
}

/** @throws CodedError `incident.invalid` */
export async function reopenIncident(context: IncidentContext, hand: Hand, id: string, note: string): Promise<void> {
  return changeIncident(context, hand, id, async (_tx, row) => {
    if (row.state !== 'closed') return undefined
    const text = cleanText(note, textMax)
    if (text === '')
      throw new CodedError('incident.invalid', { cause: 'opening it again needs a reason', hint: 'Say what came up.' })
    return {
      set: {
        ...{ state: 'triaged', disposition: null, closedMs: null, containedMs: null, recoveredMs: null },
        reopenedCount: row.reopenedCount + 1,
      },
      entries: [{ kind: 'reopen', text, detail: { closedMs: row.closedMs } }],
    }
  })
}
