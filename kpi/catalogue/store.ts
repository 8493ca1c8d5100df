// The catalogue in the state database: what was true when, and known since when. A change is proposed by one person and
// published by another; only then do figures use it.
import { and, asc, desc, eq, gt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { canonicalJson, recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { personOf } from '#stores/state/person.ts'
import { kpiEntries, kpiPublications } from '#stores/state/schema/kpi.ts'
import type { Actor, Database, Transaction } from '#stores/state/state.ts'
import type { Fact, FactKind } from '../contract.ts'

export interface CatalogueDifference {
  added: string[]
  changed: { id: string; fields: string[] }[]
  removed: string[]
  unchanged: number
}

export interface Publication {
  version: number
  state: 'proposed' | 'published' | 'refused'
  note: string
  proposedBy: string
  proposedMs: number
  decidedBy: string | null
  decidedMs: number | null
  counts: { added: number; changed: number; removed: number }
  hash: string
}

export interface CatalogueStore {
  load(): Promise<void>
  /** Everything that was ever published, oldest first. */
  facts(): readonly Fact[]
  /** The last published; null before the first. */
  version(): number | null
  difference(kind: FactKind, wanted: readonly Fact[], whole: boolean): CatalogueDifference
  /** @returns undefined when nothing differs */
  propose(
    actor: Actor,
    kind: FactKind,
    wanted: readonly Fact[],
    whole: boolean,
    note: string,
  ): Promise<Publication | undefined>
  /** By someone else than who proposed it. @throws CodedError `kpi.approval` */
  decide(actor: Actor, version: number, state: 'published' | 'refused'): Promise<Publication>
  publications(limit: number): Promise<Publication[]>
  /** What others than its editors have proposed and approved, in their transaction; `load` follows. */
  enact(
    tx: Transaction,
    by: Pick<Publication, 'proposedBy' | 'proposedMs' | 'note'> & Decided,
    facts: readonly Fact[],
  ): Promise<number>
}

interface Decided {
  decidedBy: string
  decidedMs: number
}

const rowsPerStatement = 1000
const may: ReadonlySet<string> = new Set(['admin', 'operator', 'system'])
const beginning = -8.64e15

export function createCatalogueStore(database: Database, nowMs: () => number): CatalogueStore {
  let published: Fact[] = []
  let current = new Map<string, Fact>()
  let version: number | null = null

  const load = async (): Promise<void> => {
    const rows = await database
      .select({ entry: kpiEntries, decidedMs: kpiPublications.decidedMs })
      .from(kpiEntries)
      .innerJoin(kpiPublications, eq(kpiEntries.publication, kpiPublications.version))
      .where(eq(kpiPublications.state, 'published'))
      .orderBy(asc(kpiPublications.decidedMs), asc(kpiEntries.id))
    published = rows.map(({ entry, decidedMs }) => ({
      ...{ kind: entry.kind as FactKind, id: entry.entryId, version: entry.publication, knownMs: decidedMs ?? 0 },
      ...{ validFromMs: entry.validFromMs ?? beginning, validToMs: entry.validToMs },
      fields: entry.body as Fact['fields'],
      ...(entry.removed ? { removed: true as const } : {}),
    }))
    current = new Map(published.map((fact) => [keyOf(fact), fact]))
    const [last] = await database
      .select({ version: sql<number | null>`max(${kpiPublications.version})` })
      .from(kpiPublications)
      .where(eq(kpiPublications.state, 'published'))
    version = last?.version ?? null
  }
  const difference = (kind: FactKind, wanted: readonly Fact[], whole: boolean): CatalogueDifference => {
    const result: CatalogueDifference = { added: [], changed: [], removed: [], unchanged: 0 }
    const named = new Set<string>()
    for (const fact of wanted) {
      named.add(fact.id)
      const before = current.get(keyOf(fact))
      if (!before || before.removed) result.added.push(fact.id)
      else {
        const fields = changedFields(before, fact)
        if (fields.length === 0) result.unchanged++
        else result.changed.push({ id: fact.id, fields })
      }
    }
    if (whole)
      for (const fact of current.values())
        if (fact.kind === kind && !fact.removed && !named.has(fact.id)) result.removed.push(fact.id)
    return result
  }

  const enter = async (tx: Transaction, publication: number, entries: readonly Entry[]): Promise<void> => {
    for (let from = 0; from < entries.length; from += rowsPerStatement)
      await tx.insert(kpiEntries).values(
        entries.slice(from, from + rowsPerStatement).map(({ fact, removed }) => ({
          ...{ publication, kind: fact.kind, entryId: fact.id, removed },
          ...{ validFromMs: fact.validFromMs === beginning ? null : fact.validFromMs, validToMs: fact.validToMs },
          body: fact.fields as Record<string, unknown>,
        })),
      )
  }

  return {
    load,
    facts: () => published,
    version: () => version,
    difference,
    propose: async (actor, kind, given, whole, note) => {
      authorize(actor, 'propose a change of the catalogue')
      const wanted = [...new Map(given.map((fact) => [fact.id, fact])).values()]
      const { added, changed, removed } = difference(kind, wanted, whole)
      const touched = new Set([...added, ...changed.map(({ id }) => id)])
      const entries = [
        ...wanted.filter(({ id }) => touched.has(id)).map((fact) => ({ fact, removed: false })),
        ...removed.map((id) => ({ fact: current.get(`${kind}/${id}`)!, removed: true })),
      ]
      if (entries.length === 0) return undefined
      const counts = { added: added.length, changed: changed.length, removed: removed.length }
      const hash = hashOf(entries)
      return database.transaction(async (tx) => {
        const [row] = await tx
          .insert(kpiPublications)
          .values({
            state: 'proposed',
            note: note.slice(0, 2000),
            proposedBy: personOf(actor),
            proposedMs: nowMs(),
            counts,
            hash,
          })
          .returning()
        await enter(tx, row!.version, entries)
        await writeAudit(tx, actor, 'kpi-catalogue.propose', String(row!.version), { kind, ...counts, note })
        return row!
      })
    },
    decide: async (actor, wanted, state) => {
      authorize(actor, 'publish the catalogue')
      const row = await database.transaction(async (tx) => {
        const [found] = await tx.select().from(kpiPublications).where(eq(kpiPublications.version, wanted)).for('update')
        if (!found) throw new CodedError('not-found', { what: `The publication ${wanted}` })
        if (found.state !== 'proposed') throw new CodedError('conflict', { what: `The publication ${wanted}` })
        // One at a time: what was looked at is the difference to what holds, and that must not have changed since.
        await oneAtATime(tx)
        if (state === 'published' && (await isOutdated(tx, wanted)))
          throw new CodedError('kpi.outdated', { version: wanted })
        if (state === 'published' && found.proposedBy === personOf(actor))
          throw new CodedError('kpi.second-person', { what: `The publication ${wanted}` })
        const [row] = await tx
          .update(kpiPublications)
          .set({ state, decidedBy: personOf(actor), decidedMs: nowMs() })
          .where(eq(kpiPublications.version, wanted))
          .returning()
        await writeAudit(tx, actor, `kpi-catalogue.${state === 'published' ? 'publish' : 'refuse'}`, String(wanted), {
          hash: found.hash,
        })
        return row!
      })
      await load()
      return row
    },
    publications: (limit) =>
      database.select().from(kpiPublications).orderBy(desc(kpiPublications.version)).limit(limit),
    enact: async (tx, by, facts) => {
      await oneAtATime(tx)
      const entries = facts.map((fact) => ({ fact, removed: false }))
      const counts = { added: facts.length, changed: 0, removed: 0 }
      const [row] = await tx
        .insert(kpiPublications)
        .values({ ...by, state: 'published', counts, hash: hashOf(entries) })
        .returning({ version: kpiPublications.version })
      await enter(tx, row!.version, entries)
      return row!.version
    },
  }
}

interface Entry {
  fact: Fact
  removed: boolean
}

function hashOf(entries: readonly Entry[]): string {
  return recordHash(entries.map(({ fact, removed }) => [fact.kind, fact.id, removed, fact.fields]))
}

async function oneAtATime(tx: Transaction): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(7710)`)
}

/** Something that it changes was changed by a publication that was proposed after it. */
async function isOutdated(tx: Transaction, wanted: number): Promise<boolean> {
  const newer = alias(kpiEntries, 'newer')
  const [found] = await tx
    .select({ version: newer.publication })
    .from(kpiEntries)
    .innerJoin(newer, and(eq(newer.kind, kpiEntries.kind), eq(newer.entryId, kpiEntries.entryId)))
    .innerJoin(kpiPublications, eq(kpiPublications.version, newer.publication))
    .where(
      and(eq(kpiEntries.publication, wanted), gt(newer.publication, wanted), eq(kpiPublications.state, 'published')),
    )
    .limit(1)
  return found !== undefined
}

function keyOf({ kind, id }: Fact): string {
  return `${kind}/${id}`
}

function changedFields(before: Fact, after: Fact): string[] {
  const names = new Set([...Object.keys(before.fields), ...Object.keys(after.fields)])
  const changed = [...names].filter(
    (name) => canonicalJson(before.fields[name] ?? null) !== canonicalJson(after.fields[name] ?? null),
  )
  if (before.validFromMs !== after.validFromMs || before.validToMs !== after.validToMs) changed.push('validity')
  return changed
}

function authorize(actor: Actor, action: string): void {
  if (!may.has(actor.role)) throw new CodedError('auth.forbidden', { role: actor.role, action })
}
