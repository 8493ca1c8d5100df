// A flag is a question, a red cell a task, and a department may object: asked, answered, settled by somebody else. What is
// overdue is escalated. The state is of now; the history grows and does nothing else.
import { createHash } from 'node:crypto'
import { and, asc, desc, eq, exists, getTableColumns, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { covers, everywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import { systemActor, writeAudit } from '#stores/state/audit.ts'
import { personOf } from '#stores/state/person.ts'
import { kpiRestatements } from '#stores/state/schema/kpi.ts'
import { kpiAttachments, kpiQuestionEntries, kpiQuestions } from '#stores/state/schema/kpi-questions.ts'
import type { Actor, Database, Transaction } from '#stores/state/state.ts'
import type { FlagResolution } from '../integrity/finding.ts'
import type { Calendar } from '../time/calendar.ts'
import type { Cell } from './cell.ts'
import { deadlineIn } from './deadline.ts'
import type { Disputes } from './disputes.ts'

export type Question = typeof kpiQuestions.$inferSelect
export type QuestionEntry = typeof kpiQuestionEntries.$inferSelect
export type AttachmentRow = Omit<typeof kpiAttachments.$inferSelect, 'content'>
type EntryKind = QuestionEntry['kind']

/** Who acts, and what they answer for. */
export interface Person {
  actor: Actor
  jurisdiction: Jurisdiction
}

export interface Asked extends Cell {
  kind: Question['kind']
  region: string
  department: string
  title: string
  text: string
  flags: string[]
  owner: string
  workingDays: number
  attachments: readonly Attachment[]
  /** Of an appeal: those that should count otherwise. */
  cases?: readonly string[]
}

export interface Attachment {
  name: string
  type: string
  content: Buffer
}

export interface QuestionFilter {
  kind?: Question['kind']
  state?: Question['state'] | 'due'
  department?: string
  period?: string
  flag?: string
}

export interface Questions {
  load(): Promise<void>
  list(bounds: Jurisdiction, filter: QuestionFilter, limit: number): Promise<Question[]>
  /** @throws CodedError `not-found` or `auth.outside` */
  get(
    person: Person,
    id: string,
  ): Promise<{ question: Question; entries: QuestionEntry[]; attachments: AttachmentRow[] }>
  attachment(person: Person, id: string): Promise<AttachmentRow & { content: Buffer }>
  ask(person: Person, asked: Asked): Promise<string>
  reply(person: Person, id: string, text: string, attachments: readonly Attachment[]): Promise<void>
  /** @param follows what the verdict leads to, in its transaction; what it returns is kept with the entry */
  settle(
    person: Person,
    id: string,
    verdict: NonNullable<Question['verdict']>,
    text: string,
    follows?: (tx: Transaction) => Promise<Record<string, unknown>>,
  ): Promise<void>
  withdraw(person: Person, id: string, text: string): Promise<void>
  /** What is overdue and was not escalated yet. @returns what was escalated now */
  escalate(): Promise<Question[]>
  overdue(): Promise<Question[]>
  openTasks(): Promise<Question[]>
  /** A task looked at again by the figure of a later period. */
  recheck(task: Question, period: string, text: string, body: Record<string, unknown>, cleared: boolean): Promise<void>
  openAppeals(period: string): Promise<number>
}

export interface QuestionsDeps {
  database: Database
  disputes: Disputes
  calendar(): Calendar
  nowMs(): number
  newId(): string
  /** What was decided about flags, in the transaction that decides it. */
  resolveFlags(tx: Transaction, actor: Actor, ids: readonly string[], resolution: FlagResolution): Promise<void>
  /** An appeal must come before the figures are frozen. */
  isFrozen(tx: Transaction, period: string): Promise<boolean>
}

const verdicts: Record<Question['kind'], readonly NonNullable<Question['verdict']>[]> = {
  question: ['explained', 'corrected', 'confirmed'],
  appeal: ['upheld', 'dismissed'],
  task: [],
}
const prefixes = { question: 'q', appeal: 'a', task: 't' } as const
const system: Person = { actor: systemActor, jurisdiction: everywhere }
const textMax = 20_000
export const attachmentBytesMax = 5 * 1024 * 1024
export const attachmentsMax = 10
const repliesMax = 200

export function createQuestions(deps: QuestionsDeps): Questions {
  const { database, disputes, nowMs } = deps
  const isOpen = inArray(kpiQuestions.state, ['open', 'replied'])

  const load = async (): Promise<void> => {
    const rows = await database
      .select({ kpi: kpiQuestions.kpi, period: kpiQuestions.period, dimensions: kpiQuestions.dimensions })
      .from(kpiQuestions)
      .where(
        or(
          and(isOpen, inArray(kpiQuestions.kind, ['question', 'appeal'])),
          // Upheld, and the figure is not yet what it should be.
          exists(
            database
              .select({ id: kpiRestatements.id })
              .from(kpiRestatements)
              .where(
                and(
                  eq(kpiRestatements.state, 'proposed'),
                  sql`${kpiRestatements.body}->>'appeal' = ${kpiQuestions.id}`,
                ),
              ),
          ),
        ),
      )
    disputes.set(rows)
  }
  const placeOf = ({ region, department }: { region: string; department: string }) => ({
    region: region.padEnd(6, '0'),
    department,
  })
  const mustCover = ({ jurisdiction }: Person, place: { region: string; department: string }): void => {
    if (!covers(jurisdiction, placeOf(place))) throw new CodedError('auth.outside')
  }
  const locked = async (tx: Transaction, id: string): Promise<Question> => {
    const [row] = await tx.select().from(kpiQuestions).where(eq(kpiQuestions.id, id)).for('update')
    if (!row) throw new CodedError('not-found', { what: `The question ${id.slice(0, 64)}` })
    return row
  }
  const mustBeOpen = ({ state }: Question): void => {
    if (state !== 'open' && state !== 'replied') throw new CodedError('conflict', { what: 'The question' })
  }
  const enter = async (
    tx: Transaction,
    person: Person,
    question: string,
    kind: EntryKind,
    text: string,
    body: Record<string, unknown> = {},
  ): Promise<number> => {
    const [row] = await tx
      .insert(kpiQuestionEntries)
      .values({ question, atMs: nowMs(), kind, actor: speakerOf(person), text: text.slice(0, textMax), body })
      .returning({ id: kpiQuestionEntries.id })
    await writeAudit(tx, person.actor, `kpi-question.${kind}`, question)
    return row!.id
  }
  const attach = async (
    tx: Transaction,
    person: Person,
    question: string,
    entry: number,
    attachments: readonly Attachment[],
  ): Promise<void> => {
    if (attachments.length > attachmentsMax) throw new CodedError('body.too-many', { limit: attachmentsMax })
    for (const { name, type, content } of attachments) {
      if (content.length > attachmentBytesMax) throw new CodedError('body.too-large', { limit: attachmentBytesMax })
      await tx.insert(kpiAttachments).values({
        ...{ id: `f-${deps.newId()}`, question, entry, name: name.slice(0, 200), type: type.slice(0, 100) },
        ...{ bytes: content.length, hash: createHash('sm3').update(content).digest('hex'), content },
        addedBy: speakerOf(person),
      })
    }
  }
  const change = async <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    const result = await database.transaction(work)
    await load()
    return result
  }

  return {
    load,
    list: async (bounds, { kind, state, department, period, flag }, limit) => {
      const rows = await database
        .select()
        .from(kpiQuestions)
        .where(
          and(
            kind && eq(kpiQuestions.kind, kind),
            state === 'due' ? isOpen : state && eq(kpiQuestions.state, state),
            department === undefined ? undefined : eq(kpiQuestions.department, department),
            period === undefined ? undefined : eq(kpiQuestions.period, period),
            flag === undefined ? undefined : sql`${kpiQuestions.flags} @> ${JSON.stringify([flag])}::jsonb`,
            bounds.departments.length === 0 ? undefined : inArray(kpiQuestions.department, bounds.departments),
          ),
        )
        .orderBy(
          sql`${kpiQuestions.state} in ('settled', 'withdrawn')`,
          asc(kpiQuestions.deadlineMs),
          desc(kpiQuestions.raisedMs),
        )
        .limit(limit)
      return rows.filter((row) => covers(bounds, placeOf(row)))
    },
    get: async (person, id) => {
      const [question] = await database.select().from(kpiQuestions).where(eq(kpiQuestions.id, id))
      if (!question) throw new CodedError('not-found', { what: `The question ${id.slice(0, 64)}` })
      mustCover(person, question)
      const { content: _, ...columns } = getTableColumns(kpiAttachments)
      const entries = await database
        .select()
        .from(kpiQuestionEntries)
        .where(eq(kpiQuestionEntries.question, id))
        .orderBy(kpiQuestionEntries.id)
      const attachments = await database.select(columns).from(kpiAttachments).where(eq(kpiAttachments.question, id))
      return { question, entries, attachments }
    },
    attachment: async (person, id) => {
      const [found] = await database
        .select()
        .from(kpiAttachments)
        .innerJoin(kpiQuestions, eq(kpiQuestions.id, kpiAttachments.question))
        .where(eq(kpiAttachments.id, id))
      if (!found) throw new CodedError('not-found', { what: `The file ${id.slice(0, 64)}` })
      mustCover(person, found.kpi_questions)
      return found.kpi_attachments
    },
    ask: (person, asked) =>
      change(async (tx) => {
        const { kind, kpi, period, dimensions, region, department, title, text, flags, owner, workingDays } = asked
        mustCover(person, asked)
        if (kind === 'appeal' && (await deps.isFrozen(tx, period))) throw new CodedError('kpi.frozen', { period })
        const id = `${prefixes[kind]}-${deps.newId()}`
        const raisedMs = nowMs()
        const { day, atMs, calendarVersion } = deadlineIn(deps.calendar(), raisedMs, workingDays)
        await tx.insert(kpiQuestions).values({
          ...{ id, kind, state: 'open', verdict: null, kpi, period, dimensions, region, department },
          ...{ title: title.slice(0, 300), flags, owner: owner.slice(0, 200), raisedBy: speakerOf(person), raisedMs },
          ...{ deadlineDay: day, deadlineMs: atMs, calendarVersion },
        })
        const { cases = [] } = asked
        const entry = await enter(tx, person, id, 'raised', text, cases.length > 0 ? { cases } : {})
        await attach(tx, person, id, entry, asked.attachments)
        return id
      }),
    reply: (person, id, text, attachments) =>
      change(async (tx) => {
        const question = await locked(tx, id)
        mustCover(person, question)
        mustBeOpen(question)
        const before = await tx.$count(kpiQuestionEntries, eq(kpiQuestionEntries.question, id))
        if (before >= repliesMax) throw new CodedError('body.too-many', { limit: repliesMax })
        const entry = await enter(tx, person, id, 'replied', text)
        await attach(tx, person, id, entry, attachments)
        await tx.update(kpiQuestions).set({ state: 'replied' }).where(eq(kpiQuestions.id, id))
      }),
    settle: (person, id, verdict, text, follows) =>
      change(async (tx) => {
        const question = await locked(tx, id)
        mustCover(person, question)
        mustBeOpen(question)
        if (!verdicts[question.kind].includes(verdict))
          throw new CodedError('body.invalid', { cause: `"${verdict}" settles no ${question.kind}` })
        // A department does not judge its own case, whoever of it asks.
        if (person.jurisdiction.departments.length > 0) throw new CodedError('kpi.own-case')
        const spoke = await tx
          .select({ actor: kpiQuestionEntries.actor })
          .from(kpiQuestionEntries)
          .where(and(eq(kpiQuestionEntries.question, id), inArray(kpiQuestionEntries.kind, ['raised', 'replied'])))
        if (spoke.some(({ actor }) => actor === personOf(person.actor))) throw new CodedError('kpi.own-case')
        await enter(tx, person, id, 'settled', text, { verdict, ...(await follows?.(tx)) })
        await tx
          .update(kpiQuestions)
          .set({ state: 'settled', verdict, settledBy: personOf(person.actor), settledMs: nowMs() })
          .where(eq(kpiQuestions.id, id))
        if (question.kind === 'question' && question.flags.length > 0)
          await deps.resolveFlags(tx, person.actor, question.flags, verdict as FlagResolution)
      }),
    withdraw: (person, id, text) =>
      change(async (tx) => {
        const question = await locked(tx, id)
        mustCover(person, question)
        mustBeOpen(question)
        if (question.raisedBy !== speakerOf(person)) throw new CodedError('kpi.not-yours')
        await enter(tx, person, id, 'withdrawn', text)
        await tx
          .update(kpiQuestions)
          .set({ state: 'withdrawn', settledBy: personOf(person.actor), settledMs: nowMs() })
          .where(eq(kpiQuestions.id, id))
      }),
    escalate: () =>
      database.transaction(async (tx) => {
        const due = await tx
          .update(kpiQuestions)
          .set({ escalatedMs: nowMs() })
          .where(and(awaited, isNull(kpiQuestions.escalatedMs), lt(kpiQuestions.deadlineMs, nowMs())))
          .returning()
        for (const { id } of due) await enter(tx, system, id, 'escalated', '')
        return due
      }),
    overdue: () =>
      database
        .select()
        .from(kpiQuestions)
        .where(and(awaited, lt(kpiQuestions.deadlineMs, nowMs()))),
    openTasks: () =>
      database
        .select()
        .from(kpiQuestions)
        .where(and(isOpen, eq(kpiQuestions.kind, 'task'))),
    recheck: (task, period, text, body, cleared) =>
      change(async (tx) => {
        mustBeOpen(await locked(tx, task.id))
        await enter(tx, system, task.id, 'rechecked', text, { period, ...body })
        await tx
          .update(kpiQuestions)
          .set({
            checkedPeriod: period,
            ...(cleared
              ? {
                  state: 'settled' as const,
                  verdict: 'cleared' as const,
                  settledBy: system.actor.name,
                  settledMs: nowMs(),
                }
              : {}),
          })
          .where(eq(kpiQuestions.id, task.id))
      }),
    openAppeals: (period) =>
      database.$count(kpiQuestions, and(isOpen, eq(kpiQuestions.kind, 'appeal'), eq(kpiQuestions.period, period))),
  }
}

/** A department's own token speaks for it, and judges nothing; any other has to be somebody's. */
function speakerOf({ actor, jurisdiction }: Person): string {
  const isDepartments = actor.kind === 'token' && actor.person === undefined && jurisdiction.departments.length > 0
  return isDepartments ? actor.name : personOf(actor)
}

/** Somebody is waited for: a question for its reply, an appeal for its judge, a task until its figure is good. */
const awaited = or(
  eq(kpiQuestions.state, 'open'),
  and(eq(kpiQuestions.state, 'replied'), inArray(kpiQuestions.kind, ['appeal', 'task'])),
)
