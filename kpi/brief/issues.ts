// The issues of a brief (期): made once for a period, numbered without gaps, kept byte by byte with what must be sent of
// them. All of an issue is one transaction: a process that dies leaves none of it, and of two processes one makes it.
import { createHash } from 'node:crypto'
import { and, desc, eq, gt, inArray, isNull, sql } from 'drizzle-orm'
import { recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { kpiBriefDeliveries, kpiBriefFiles, kpiBriefIssues, kpiBriefSeries } from '#stores/state/schema/kpi-briefs.ts'
import type { Actor, Database, Transaction } from '#stores/state/state.ts'
import type { Brief } from './brief.ts'
import type { Due } from './schedule.ts'
import type { BriefFormat, BriefSeries } from './settings.ts'
import { summaryOf } from './summary.ts'

export type BriefIssue = typeof kpiBriefIssues.$inferSelect
export type BriefDelivery = typeof kpiBriefDeliveries.$inferSelect
export interface BriefFile {
  format: BriefFormat
  name: string
  content: Buffer
}
export interface FileNote {
  format: BriefFormat
  name: string
  bytes: number
  hash: string
}
/** Which message a receiver is to get; each is one request. */
export interface Addressee {
  receiver: string
  part: 'message' | 'image'
  deadlineMs: number
}
/** What was made: the figures, and the files of them. */
export interface MadeIssue {
  brief: Brief
  files: BriefFile[]
}

export interface IssueOrder extends Due {
  series: BriefSeries
  /** As of when, and as far as known when; the same pair makes the same issue again. */
  atMs: number
  actor: Actor
  addressees: readonly Addressee[]
}

export interface IssueDeps {
  database: Database
  nowMs(): number
  newId(): string
  /** The year of a day in China, by which issues are numbered. */
  yearOf(ms: number): number
  make(order: IssueOrder, number: { issue: number; total: number }): Promise<MadeIssue>
}

export interface Issues {
  /** @returns since when it is set up */
  sinceMs(series: BriefSeries): Promise<number>
  /** Those that were issued or given up, and those that failed. */
  settled(series: BriefSeries, sinceMs: number): Promise<Pick<BriefIssue, 'period' | 'state' | 'madeMs'>[]>
  /** @returns undefined when another process is at it, or it was issued before */
  issue(order: IssueOrder): Promise<BriefIssue | undefined>
  /** Why there is none of a period. Nothing is said of one that was issued meanwhile. */
  note(order: Omit<IssueOrder, 'addressees'>, state: 'failed' | 'missed', cause: string): Promise<void>
  list(limit: number): Promise<{ issue: BriefIssue; files: FileNote[]; deliveries: BriefDelivery[] }[]>
  find(id: string): Promise<BriefIssue | undefined>
  file(id: string, format: string): Promise<(BriefFile & { hash: string }) | undefined>
  /** Issues that are no leaf of the ledger yet. */
  withoutLeaf(): Promise<BriefIssue[]>
  entered(id: string, leafIndex: number): Promise<void>
}

/** Locks of the database are known by a number and, here, a series. */
const lock = 7711

export function createIssues({ database, nowMs, newId, yearOf, make }: IssueDeps): Issues {
  const idOf = (order: Pick<IssueOrder, 'series' | 'period'>): string => `${order.series.name}/${order.period}`
  const common = (order: Omit<IssueOrder, 'addressees'>, madeMs: number) => ({
    ...{ id: idOf(order), series: order.series.name, period: order.period, dueMs: order.dueMs, madeMs },
    ...{ madeBy: order.actor.name, title: order.series.title },
    ...{ regions: order.series.regions, departments: order.series.departments, summary: [] as string[] },
  })
  const isIssued = async (tx: Transaction | Database, id: string): Promise<boolean> => {
    const [row] = await tx.select({ state: kpiBriefIssues.state }).from(kpiBriefIssues).where(eq(kpiBriefIssues.id, id))
    return row?.state === 'issued'
  }
  return {
    sinceMs: async ({ name }) => {
      await database.insert(kpiBriefSeries).values({ name, sinceMs: nowMs() }).onConflictDoNothing()
      const [row] = await database.select().from(kpiBriefSeries).where(eq(kpiBriefSeries.name, name))
      return row!.sinceMs
    },
    settled: ({ name }, sinceMs) =>
      database
        .select({ period: kpiBriefIssues.period, state: kpiBriefIssues.state, madeMs: kpiBriefIssues.madeMs })
        .from(kpiBriefIssues)
        .where(and(eq(kpiBriefIssues.series, name), gt(kpiBriefIssues.dueMs, sinceMs))),
    issue: (order) =>
      database.transaction(async (tx) => {
        const { series, actor, addressees } = order
        const { rows } = await tx.execute<{ free: boolean }>(
          sql`select pg_try_advisory_xact_lock(${lock}, hashtext(${series.name})) as free`,
        )
        if (!rows[0]?.free || (await isIssued(tx, idOf(order)))) return undefined
        const madeMs = nowMs()
        const year = yearOf(madeMs)
        const number = await nextNumber(tx, series, year)
        const { brief, files } = await make(order, number)
        const notes = files.map(noteOf)
        const row = {
          ...common(order, madeMs),
          ...{ state: 'issued' as const, cause: '', year, ...number, leafIndex: null },
          ...{ asOfMs: brief.asOfMs, knownMs: brief.knownMs, checkpoint: brief.checkpoint },
          summary: summaryOf(brief),
          hash: recordHash(notes.map(({ format, hash }) => ({ format, hash }))),
        }
        const [issued] = await tx
          .insert(kpiBriefIssues)
          .values(row)
          .onConflictDoUpdate({ target: kpiBriefIssues.id, set: row })
          .returning()
        for (const [i, { format, name, content }] of files.entries())
          await tx
            .insert(kpiBriefFiles)
            .values({ issue: row.id, format, name, content, bytes: content.length, hash: notes[i]!.hash })
        for (const { receiver, part, deadlineMs } of addressees)
          await tx.insert(kpiBriefDeliveries).values({
            ...{ id: newId(), issue: row.id, receiver, part, round: 1, state: 'pending', attempts: 0 },
            ...{ createdMs: madeMs, nextAttemptMs: madeMs, deadlineMs: madeMs + deadlineMs, attemptUntilMs: 0 },
            ...{ lastError: '', askedBy: actor.name },
          })
        await writeAudit(tx, actor, 'kpi-brief.issue', row.id, { ...number, hash: row.hash })
        return issued
      }),
    note: async (order, state, cause) => {
      const row = { ...common(order, nowMs()), state, cause: cause.slice(0, 500) }
      await database
        .insert(kpiBriefIssues)
        .values(row)
        .onConflictDoUpdate({
          target: kpiBriefIssues.id,
          set: row,
          setWhere: sql`${kpiBriefIssues.state} <> 'issued'`,
        })
    },
    list: async (limit) => {
      const issues = await database
        .select()
        .from(kpiBriefIssues)
        .orderBy(desc(kpiBriefIssues.dueMs), desc(kpiBriefIssues.id))
        .limit(limit)
      const ids = issues.map(({ id }) => id)
      if (ids.length === 0) return []
      const { issue, format, name, bytes, hash } = kpiBriefFiles
      const files = await database
        .select({ issue, format, name, bytes, hash })
        .from(kpiBriefFiles)
        .where(inArray(issue, ids))
      const deliveries = await database
        .select()
        .from(kpiBriefDeliveries)
        .where(inArray(kpiBriefDeliveries.issue, ids))
        .orderBy(kpiBriefDeliveries.receiver, kpiBriefDeliveries.round, kpiBriefDeliveries.part)
      return issues.map((one) => ({
        issue: one,
        files: files.filter((file) => file.issue === one.id) as (FileNote & { issue: string })[],
        deliveries: deliveries.filter((delivery) => delivery.issue === one.id),
      }))
    },
    find: async (id) => (await database.select().from(kpiBriefIssues).where(eq(kpiBriefIssues.id, id)))[0],
    file: async (id, format) => {
      const [row] = await database
        .select()
        .from(kpiBriefFiles)
        .where(and(eq(kpiBriefFiles.issue, id), eq(kpiBriefFiles.format, format)))
      if (!row) return undefined
      // What leaves is what was issued, not what somebody put in its place.
      if (hashOf(row.content) !== row.hash) throw new CodedError('kpi.brief-damaged', { issue: id, format })
      return { ...row, format: row.format as BriefFormat }
    },
    withoutLeaf: () =>
      database
        .select()
        .from(kpiBriefIssues)
        .where(and(eq(kpiBriefIssues.state, 'issued'), isNull(kpiBriefIssues.leafIndex)))
        .orderBy(kpiBriefIssues.madeMs)
        .limit(100),
    entered: async (id, leafIndex) =>
      void (await database.update(kpiBriefIssues).set({ leafIndex }).where(eq(kpiBriefIssues.id, id))),
  }
}

async function nextNumber(
  tx: Transaction,
  { name, firstIssue, firstTotal }: BriefSeries,
  year: number,
): Promise<{ issue: number; total: number }> {
  const { series, total, issue, year: ofYear } = kpiBriefIssues
  const [all] = await tx
    .select({ total: sql<number | null>`max(${total})` })
    .from(kpiBriefIssues)
    .where(eq(series, name))
  const [within] = await tx
    .select({ issue: sql<number | null>`max(${issue})` })
    .from(kpiBriefIssues)
    .where(and(eq(series, name), eq(ofYear, year)))
  const isFirst = (all?.total ?? null) === null
  return {
    issue: (within?.issue ?? null) === null ? (isFirst ? firstIssue : 1) : within!.issue! + 1,
    total: isFirst ? firstTotal : all!.total! + 1,
  }
}

export function hashOf(content: Uint8Array): string {
  return createHash('sm3').update(content).digest('hex')
}

function noteOf({ format, name, content }: BriefFile): FileNote {
  return { format, name, bytes: content.length, hash: hashOf(content) }
}
