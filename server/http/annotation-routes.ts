// Notes beside figures, and the days off that every chart of them shows.
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { isEverywhere, regionStem } from '#core/jurisdiction.ts'
import { notedDaysMax } from '#kpi/annotations/annotations.ts'
import { dayOfDate } from '#kpi/time/calendar.ts'
import { mayDo } from '../auth/principal.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { jurisdictionOf, principalOf } from './guard.ts'

const tag = 'kpi'
const shownMax = 500
const daysMax = 4000
const day = z
  .string()
  .refine((text) => /^\d{4}-\d\d-\d\d$/.test(text) && dateOf(dayOfDate(text)) === text, 'a day such as 2026-09-20')
const Kind = z.enum(['event', 'holiday', 'disaster', 'system-change', 'definition-change'])
const code = z.string().regex(/^(\d{2,12})?$/, 'digits of GB/T 2260, or nothing for everywhere')

export const Note = z.object({
  ...{ id: z.string(), kind: Kind, text: z.string(), from: z.string(), to: z.string().describe('Included') },
  kpi: z.string().describe('Empty: every indicator'),
  region: z.string().describe('What is below it included; empty: everywhere'),
  department: z.string().describe('Empty: every department'),
  covers: z.enum(['whole', 'part']).describe('Of the figure that is asked about'),
  ...{ writtenBy: z.string(), writtenMs: z.number(), mine: z.boolean().describe('May be taken back by who asks') },
})
export const Notes = z.object({
  notes: z.array(Note),
  calendar: z.object({
    version: z.string(),
    off: z.array(z.object({ from: z.string(), to: z.string() })).describe('Days off of the statutory calendar'),
    work: z.array(z.string()).describe('Weekend days on which people work for them'),
  }),
})
const NotesQuery = z.object({
  kpi: z.string().max(64).default(''),
  region: code.default(''),
  department: z.string().max(200).default(''),
  ...{ from: day, to: day },
})
const NewNote = z.object({
  kind: Kind,
  text: z.string().trim().min(1).max(2000),
  from: day,
  to: day.optional().describe('Included; the same day when absent'),
  kpi: z.string().max(64).default(''),
  region: code.default(''),
  department: z.string().max(200).default(''),
})

export function annotationRoutes(app: App, { kpi, kpiWork: { annotations, calendar } }: Parts): void {
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/annotations', summary: 'Notes about a figure, and days off', tag },
      access: { right: 'read', scope: 'read', within: 'jurisdiction' },
      ...{ query: NotesQuery, response: Notes },
    },
    ({ query, context }) => {
      const { actor, jurisdiction } = principalOf(context)
      const [fromDay, toDay] = [dayOfDate(query.from), dayOfDate(query.to)]
      if (toDay < fromDay || toDay - fromDay > daysMax)
        throw new CodedError('body.invalid', {
          cause: `from ${query.from} to ${query.to} is no span of at most ${daysMax} days`,
        })
      const cell = { kpi: query.kpi, region: stemOf(query.region), department: query.department, fromDay, toDay }
      const name = actor.person ?? actor.name
      const judges = mayJudge(actor.role, isEverywhere(jurisdiction))
      const { version, spansOff, daysWorked } = calendar()
      return {
        notes: annotations
          // The figure that is asked about is matched by its own place: the code of a city is no jurisdiction.
          .of(cell, jurisdiction)
          .slice(0, shownMax)
          .map(({ fromDay: first, toDay: last, ...one }) => ({
            ...{ ...one, from: dateOf(first), to: dateOf(last), mine: one.writtenBy === name || judges },
          })),
        calendar: {
          version,
          off: spansOff(fromDay, toDay).map(([first, last]) => ({ from: dateOf(first), to: dateOf(last) })),
          work: daysWorked(fromDay, toDay).map(dateOf),
        },
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/annotations', summary: 'Write a note about figures', tag, status: 201 },
      access: { right: 'kpi.reply', scope: 'write', within: 'jurisdiction' },
      ...{ body: NewNote, response: z.object({ id: z.string() }) },
    },
    async ({ body: { from, to, kpi: id, region, ...rest }, context }) => {
      if (id !== '' && !kpi.board.plan(id)) throw new CodedError('not-found', { what: `The KPI ${id}` })
      const [fromDay, toDay] = [dayOfDate(from), dayOfDate(to ?? from)]
      if (toDay < fromDay || toDay - fromDay >= notedDaysMax)
        throw new CodedError('body.invalid', {
          cause: `from ${from} to ${to ?? from} is no span of at most ${notedDaysMax} days`,
        })
      const note = { ...rest, kpi: id, region: stemOf(region), fromDay, toDay }
      return { id: await annotations.write(principalOf(context).actor, jurisdictionOf(context), note) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/annotations/{id}/take-back', summary: 'Take a note back, with a reason' },
      ...{ tag, access: { right: 'kpi.reply', scope: 'write', within: 'jurisdiction' } },
      ...{ body: z.object({ reason: z.string().trim().min(1).max(2000) }), response: z.object({ id: z.string() }) },
    },
    async ({ param, body, context }) => {
      const { actor, jurisdiction } = principalOf(context)
      const judges = mayJudge(actor.role, isEverywhere(jurisdiction))
      await annotations.takeBack(actor, jurisdiction, param('id'), body.reason, judges)
      return { id: param('id') }
    },
  )
}

/** Who judges figures takes back what others wrote; who answers for a part does not. */
function mayJudge(role: Parameters<typeof mayDo>[0] | 'system', seesAll: boolean): boolean {
  return seesAll && (role === 'system' || mayDo(role, 'kpi.approve'))
}

/** 440300 is all of 4403, and 440000 all of 44. */
function stemOf(region: string): string {
  return regionStem(region)
}

function dateOf(of: number): string {
  const date = new Date(of * 86_400_000)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10)
}
