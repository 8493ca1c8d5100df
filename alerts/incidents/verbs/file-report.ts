// The report by law: its form is worked on, then filed; what was filed stays as it was.
import { desc, eq } from 'drizzle-orm'
import { recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { incidentReports } from '#stores/state/schema/incident-work.ts'
import { cleanText } from '../../verbs/context.ts'
import { changeIncident, type Hand, type IncidentContext } from '../change.ts'
import { dutyClocks } from '../duty-clock.ts'
import type { Grade, ReportKind } from '../model.ts'
import type { Reporting } from '../rulebook/reporting.ts'

const fieldMax = 10_000
const channelMax = 300

export async function saveForm(
  context: IncidentContext,
  hand: Hand,
  id: string,
  form: Readonly<Record<string, string>>,
): Promise<void> {
  return changeIncident(context, hand, id, async (_tx, row) => {
    const clean = cleanForm(context.rulebook.reporting, form)
    const changed = Object.keys(clean).filter((name) => clean[name] !== (row.form[name] ?? ''))
    if (changed.length === 0) return undefined
    return { set: { form: { ...row.form, ...clean } }, entries: [{ kind: 'form', detail: { fields: changed } }] }
  })
}

/** @throws CodedError `incident.invalid` naming the fields that are missing */
export async function fileReport(
  context: IncidentContext,
  hand: Hand,
  id: string,
  report: {
    kind: ReportKind
    form: Readonly<Record<string, string>>
    recipient: string
    channel: string
    proposed: Grade
  },
): Promise<void> {
  const { reporting } = context.rulebook
  return changeIncident(context, hand, id, async (tx, row, nowMs) => {
    const earlier = await tx
      .select()
      .from(incidentReports)
      .where(eq(incidentReports.incidentId, id))
      .orderBy(desc(incidentReports.filedMs))
    const hasFirst = earlier.some(({ kind }) => kind === 'first')
    if (report.kind === 'first' && hasFirst) refuse('the first report was filed', 'File a follow-up report.')
    if (report.kind !== 'first' && !hasFirst) refuse('the first report was not filed', 'File that one first.')
    if (report.kind === 'final' && row.recoveredMs === null && row.state !== 'closed')
      refuse('handling has not ended', 'Move it to recovered first.')
    if (row.grade === null) refuse('nobody decided the grade', 'Decide it: the report names it.')
    const form = { ...row.form, ...cleanForm(reporting, report.form) }
    const missing = missingFields(reporting, report.kind, form, row.category)
    if (missing.length > 0)
      refuse(`these fields are empty: ${missing.join(', ')}`, 'Fill them in, if only with "unknown so far".')
    const channel = cleanText(report.channel, channelMax)
    const recipient = cleanText(report.recipient, channelMax)
    if (channel === '' || recipient === '') refuse('to whom and by which way is missing', 'Name both.')
    const clock = dutyClocks(reporting, row, report.proposed, earlier, nowMs).find((one) => one.report === report.kind)
    const sm3 = recordHash(form)
    const made = {
      ...{ id: `rep_${context.random.hex(8)}`, incidentId: id, kind: report.kind, rule: reporting.id, form, sm3 },
      ...{
        operator: row.operator,
        recipient,
        channel,
        filedMs: nowMs,
        filedBy: hand.actor.name,
        dueMs: clock?.dueMs ?? null,
      },
    }
    await tx.insert(incidentReports).values(made)
    return {
      set: { form },
      entries: [
        {
          ...{ kind: 'report', text: `${report.kind}: ${recipient}` },
          detail: {
            report: made.id,
            kind: report.kind,
            channel,
            sm3,
            dueMs: made.dueMs,
            inTime: made.dueMs === null || nowMs <= made.dueMs,
          },
        },
      ],
    }
  })
}

export function missingFields(
  { form: fields }: Reporting,
  kind: ReportKind,
  form: Readonly<Record<string, string>>,
  category: string | null,
): string[] {
  return fields
    .filter(({ first, final, onlyFor }) => {
      const isAsked = kind === 'final' ? final : first
      return isAsked && (onlyFor === undefined || onlyFor.includes(category ?? ''))
    })
    .filter(({ id }) => (form[id] ?? '').trim() === '')
    .map(({ zh }) => zh)
}

function cleanForm({ form: fields }: Reporting, form: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap(({ id }) => (form[id] === undefined ? [] : [[id, cleanText(form[id], fieldMax)]])),
  )
}

function refuse(cause: string, hint: string): never {
  throw new CodedError('incident.invalid', { cause, hint })
}
