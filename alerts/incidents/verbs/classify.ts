// What it is: kind after the standard, severity, whose duty to report applies and since when it was known.
import { CodedError } from '#core/errors.ts'
import type { Severity } from '#core/finding.ts'
import { cleanText } from '../../verbs/context.ts'
import { changeIncident, type Hand, type IncidentContext, type TimelineEntry } from '../change.ts'
import type { Assessment, Grade, IncidentRow } from '../model.ts'

export interface Classifying {
  category?: string | undefined
  severity?: Severity | undefined
  operator?: string | undefined
  playbook?: string | undefined
  discovered?: { atMs: number; reason: string } | undefined
}

const reasonMax = 2000

/** @throws CodedError `incident.invalid` */
export async function classifyIncident(
  context: IncidentContext,
  hand: Hand,
  id: string,
  { category, severity, operator, playbook, discovered }: Classifying,
): Promise<void> {
  const { kinds, reporting, playbooks } = context.rulebook
  if (category !== undefined && !kinds.has(category)) unknown('kind of incident', category)
  if (operator !== undefined && !reporting.operators.some((one) => one.id === operator)) unknown('operator', operator)
  if (playbook !== undefined && !playbooks.some((one) => one.id === playbook)) unknown('playbook', playbook)
  return changeIncident(context, hand, id, async (_tx, row, nowMs) => {
    const set: Partial<IncidentRow> = {}
    const entries: TimelineEntry[] = []
    const put = <K extends 'category' | 'severity' | 'operator' | 'playbook'>(name: K, value: IncidentRow[K]): void => {
      if (value === row[name]) return
      set[name] = value
      entries.push({ kind: name, text: String(value), detail: { before: row[name] } })
    }
    if (category !== undefined) put('category', category)
    if (severity !== undefined) {
      put('severity', severity)
      if (set.severity) set.severitySet = true
    }
    if (operator !== undefined) put('operator', operator)
    if (playbook !== undefined) put('playbook', playbook)
    if (discovered && discovered.atMs !== row.discoveredMs) {
      const reason = cleanText(discovered.reason, reasonMax)
      // The hours of a duty by law run from here: nobody moves them without a word.
      if (reason === '') refuse('another time of discovery needs a reason', 'Say who knew of it, and how.')
      if (discovered.atMs > nowMs) refuse('it was not discovered in the future', 'Give a time that has passed.')
      set.discoveredMs = discovered.atMs
      entries.push({ kind: 'discovered', text: reason, detail: { before: row.discoveredMs, atMs: discovered.atMs } })
    }
    return entries.length === 0 ? undefined : { set, entries }
  })
}

/** A person decides; the proposal stands beside it on the timeline. */
export async function gradeIncident(
  context: IncidentContext,
  hand: Hand,
  id: string,
  decided: { grade: Grade; reason: string; assessment: Assessment; proposed: Grade },
): Promise<void> {
  const { matrix, figures } = context.rulebook.grading
  const { importance, loss, harm } = decided.assessment
  const known = (list: readonly { id: string }[], value: string | undefined, what: string): void => {
    if (value !== undefined && !list.some((one) => one.id === value)) unknown(what, value)
  }
  known(matrix.importance, importance, 'importance')
  known(matrix.loss, loss, 'loss')
  known(matrix.harm, harm, 'harm')
  for (const name of Object.keys(decided.assessment.figures)) known(figures.measures, name, 'figure')
  const reason = cleanText(decided.reason, reasonMax)
  if (decided.grade !== decided.proposed && reason === '')
    refuse('a grade other than the proposed one needs a reason', 'Say what the proposal does not know.')
  return changeIncident(context, hand, id, async (_tx, row, nowMs) => ({
    set: { grade: decided.grade, assessment: decided.assessment, gradedMs: nowMs },
    entries: [
      {
        ...{ kind: 'grade', text: reason },
        detail: { grade: decided.grade, before: row.grade, proposed: decided.proposed, ...decided.assessment },
      },
    ],
  }))
}

function unknown(what: string, value: string): never {
  throw new CodedError('incident.invalid', {
    cause: `there is no ${what} "${value.slice(0, 60)}"`,
    hint: 'See GET /api/incidents/rulebook.',
  })
}

function refuse(cause: string, hint: string): never {
  throw new CodedError('incident.invalid', { cause, hint })
}
