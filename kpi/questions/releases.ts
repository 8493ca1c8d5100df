// A period's figures are shown as a draft while departments may object, then frozen by one person and signed by another.
// What is signed is a leaf of the ledger; what changes afterwards is a restatement.
import { desc, eq, getTableColumns } from 'drizzle-orm'
import { canonicalJson, recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { personOf } from '#stores/state/person.ts'
import { kpiReleases } from '#stores/state/schema/kpi-questions.ts'
import type { Actor, Database, Transaction } from '#stores/state/state.ts'
import type { KpiValue, Leaf } from '../contract.ts'
import type { Calendar } from '../time/calendar.ts'
import { deadlineIn } from './deadline.ts'

export type Release = Omit<typeof kpiReleases.$inferSelect, 'figures'>

export interface Releases {
  list(): Promise<Release[]>
  figures(period: string): Promise<Record<string, unknown>[]>
  open(actor: Actor, period: string, workingDays: number): Promise<Release>
  /** @param figures every cell that is published, with its state */
  freeze(actor: Actor, period: string, figures: () => Promise<readonly KpiValue[]>): Promise<Release>
  sign(actor: Actor, period: string): Promise<Release>
}

export interface ReleasesDeps {
  database: Database
  calendar(): Calendar
  nowMs(): number
  openAppeals(period: string): Promise<number>
  /** Restatements that wait for their approval. */
  openRestatements(period: string): Promise<number>
  /** Appends a leaf. @returns its index */
  append(leaf: Leaf): Promise<number>
  /** A period was frozen or signed. */
  onChange(): Promise<void>
}

export function createReleases(deps: ReleasesDeps): Releases {
  const { database, calendar, nowMs, append, onChange } = deps
  const { figures: _, ...columns } = getTableColumns(kpiReleases)
  const wrong = (period: string, cause: string, hint: string): CodedError =>
    new CodedError('kpi.release', { period, cause, hint })
  const locked = async (tx: Transaction, period: string) => {
    const [row] = await tx.select().from(kpiReleases).where(eq(kpiReleases.period, period)).for('update')
    if (!row) throw wrong(period, 'it was not opened', 'Open it first: departments must be able to object.')
    return row
  }
  const change = async (tx: Transaction, actor: Actor, verb: string, period: string, set: object): Promise<Release> => {
    const [row] = await tx.update(kpiReleases).set(set).where(eq(kpiReleases.period, period)).returning()
    await writeAudit(tx, actor, `kpi-release.${verb}`, period, verb === 'open' ? {} : { hash: row!.hash })
    const { figures: __, ...rest } = row!
    return rest
  }

  const told = async (change: Promise<Release>): Promise<Release> => {
    const release = await change
    await onChange()
    return release
  }

  return {
    list: () => database.select(columns).from(kpiReleases).orderBy(desc(kpiReleases.period)).limit(200),
    figures: async (period) => {
      const [row] = await database
        .select({ figures: kpiReleases.figures })
        .from(kpiReleases)
        .where(eq(kpiReleases.period, period))
      return row?.figures ?? []
    },
    open: (actor, period, workingDays) =>
      database.transaction(async (tx) => {
        const { day, atMs } = deadlineIn(calendar(), nowMs(), workingDays)
        const appeal = { appealDay: day, appealUntilMs: atMs }
        const [made] = await tx
          .insert(kpiReleases)
          .values({ period, state: 'draft', openedBy: personOf(actor), openedMs: nowMs(), ...appeal })
          .onConflictDoNothing()
          .returning()
        if (!made) throw wrong(period, 'it was opened before', 'It goes on where it is.')
        return change(tx, actor, 'open', period, appeal)
      }),
    freeze: (actor, period, figures) =>
      told(
        database.transaction(async (tx) => {
          const row = await locked(tx, period)
          if (row.state !== 'draft') throw wrong(period, `it is ${row.state}`, 'What changes now is a restatement.')
          if (nowMs() <= row.appealUntilMs)
            throw wrong(period, 'departments may still object', 'Wait until the days for appeals are over.')
          const open = await deps.openAppeals(period)
          if (open > 0) throw wrong(period, `${open} appeals are open`, 'Settle them first.')
          const waiting = await deps.openRestatements(period)
          if (waiting > 0)
            throw wrong(period, `${waiting} restatements wait for approval`, 'Approve or refuse them first.')
          const cells = JSON.parse(canonicalJson(await figures())) as Record<string, unknown>[]
          if (cells.length === 0) throw wrong(period, 'there is no figure', 'Is it the right period?')
          const frozen = { frozenBy: personOf(actor), frozenMs: nowMs(), figures: cells, hash: recordHash(cells) }
          return change(tx, actor, 'freeze', period, { state: 'frozen', ...frozen })
        }),
      ),
    sign: (actor, period) =>
      told(
        database.transaction(async (tx) => {
          const row = await locked(tx, period)
          if (row.state !== 'frozen') throw wrong(period, `it is ${row.state}`, 'Freeze it first; it is signed once.')
          if (row.frozenBy === personOf(actor))
            throw new CodedError('kpi.second-person', { what: `The release of ${period}` })
          // What is signed is what is there, not what somebody says it is.
          const hash = recordHash(row.figures)
          if (hash !== row.hash)
            throw wrong(period, 'its figures are not what was frozen', 'Restore the state from a backup.')
          const signedMs = nowMs()
          // The leaf first: appended again after a crash it is the same leaf.
          const leaf = { kind: 'value' as const, id: `release/${period}`, version: hash.slice(0, 32), hash }
          const leafIndex = await append({ ...leaf, knownMs: row.frozenMs! })
          return change(tx, actor, 'sign', period, {
            state: 'published',
            signedBy: personOf(actor),
            signedMs,
            leafIndex,
          })
        }),
      ),
  }
}

export async function isFrozen(tx: Transaction, period: string): Promise<boolean> {
  const [row] = await tx.select({ state: kpiReleases.state }).from(kpiReleases).where(eq(kpiReleases.period, period))
  return row !== undefined && row.state !== 'draft'
}
