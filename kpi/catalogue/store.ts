// The catalogue in the state database: what was true when, and known since when. A change is proposed by one person and
// published by another; only then do figures use it.
import { and, asc, desc, eq, gt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { canonicalJson, listHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { createPace } from '#core/pace.ts'
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
  /** Things of each kind, as it was published last. */
  counts(): Record<string, number>
  /** The last published; null before the first. */
  version(): number | null
  difference(kind: FactKind, wanted: readonly Fact[], whole: boolean): Promise<CatalogueDifference>
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

/** Of one statement, and of one answer of the database. */
const rowsPerStatement = 1000
const may: ReadonlySet<string> = new Set(['admin', 'operator', 'system'])
const beginning = -8.64e15

export function createCatalogueStore(database: Database, nowMs: () => number): CatalogueStore {
  let published: Fact[] = []
  /** The last that was said of each thing. */
  const current = new Map<string, Fact>()
  const counts = new Map<string, number>()
  /** What `published` and `current` hold, in order. */
  let loaded: number[] = []
  let turn: Promise<unknown> = Promise.resolve()
  /** What goes over the whole of it rests in between, and must not find another catalogue after a rest. */
  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work)
    turn = next.catch(() => {})
    return next
  }

  /** Takes in the publications that it does not hold yet. */
  const load = async (): Promise<void> => {
    const versions = await database
      .select({ version: kpiPublications.version, decidedMs: kpiPublications.decidedMs })
      .from(kpiPublications)
      .where(eq(kpiPublications.state, 'published'))
      .orderBy(asc(kpiPublications.decidedMs), asc(kpiPublications.version))
    // One that was decided before others that are held, by a clock that stepped back: all anew.
    if (!loaded.every((version, i) => versions[i]?.version === version)) {
      published = []
      current.clear()
      counts.clear()
      loaded = []
    }
    const all = [...published]
    for (const { version, decidedMs } of versions.slice(loaded.length))
      for await (const page of entriesOf(database, version, decidedMs ?? 0))
        for (const fact of page) {
          all.push(fact)
          const before = current.get(keyOf(fact))
          current.set(keyOf(fact), fact)
          const change = Number(!fact.removed) - Number(before !== undefined && !before.removed)
          counts.set(fact.kind, (counts.get(fact.kind) ?? 0) + change)
        }
    loaded = versions.map(({ version }) => version)
    published = all
  }
  const difference = async (kind: FactKind, wanted: readonly Fact[], whole: boolean): Promise<CatalogueDifference> => {
    const result: CatalogueDifference = { added: [], changed: [], removed: [], unchanged: 0 }
    const named = new Set<string>()
    const pace = createPace()
    for (const fact of wanted) {
      await pace(true)
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
      for (const fact of current.values()) {
        await pace(true)
        if (fact.kind === kind && !fact.removed && !named.has(fact.id)) result.removed.push(fact.id)
      }
    return result
  }

  const propose: CatalogueStore['propose'] = async (actor, kind, given, whole, note) => {
    const wanted = [...new Map(given.map((fact) => [fact.id, fact])).values()]
    const { added, changed, removed } = await difference(kind, wanted, whole)
    const touched = new Set([...added, ...changed.map(({ id }) => id)])
    const entries = [
      ...wanted.filter(({ id }) => touched.has(id)).map((fact) => ({ fact, removed: false })),
      ...removed.map((id) => ({ fact: current.get(`${kind}/${id}`)!, removed: true })),
    ]
    if (entries.length === 0) return undefined
    const counts = { added: added.length, changed: changed.length, removed: removed.length }
    const hash = await hashOf(entries)
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
      await addEntries(tx, row!.version, entries)
      await writeAudit(tx, actor, 'kpi-catalogue.propose', String(row!.version), { kind, ...counts, note })
      return row!
    })
  }

  return {
    load: () => exclusive(load),
    facts: () => published,
    counts: () => Object.fromEntries([...counts].filter(([, count]) => count > 0)),
    version: () => (loaded.length === 0 ? null : Math.max(...loaded)),
    difference: (kind, wanted, whole) => exclusive(() => difference(kind, wanted, whole)),
    propose: async (actor, kind, given, whole, note) => {
      authorize(actor, 'propose a change of the catalogue')
      return exclusive(() => propose(actor, kind, given, whole, note))
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
      await exclusive(load)
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
        .values({ ...by, state: 'published', counts, hash: await hashOf(entries) })
        .returning({ version: kpiPublications.version })
      await addEntries(tx, row!.version, entries)
      return row!.version
    },
  }
}

interface Entry {
  fact: Fact
  removed: boolean
}

function hashOf(entries: readonly Entry[]): Promise<string> {
  const said = function* () {
    for (const { fact, removed } of entries) yield [fact.kind, fact.id, removed, fact.fields]
  }
  return listHash(said(), createPace())
}

async function oneAtATime(tx: Transaction): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(7710)`)
}

async function* entriesOf(database: Database, version: number, knownMs: number): AsyncGenerator<Fact[]> {
  for (let after = 0; ; ) {
    const rows = await database
      .select()
      .from(kpiEntries)
      .where(and(eq(kpiEntries.publication, version), gt(kpiEntries.id, after)))
      .orderBy(asc(kpiEntries.id))
      .limit(rowsPerStatement)
    if (rows.length === 0) return
    after = rows.at(-1)!.id
    yield rows.map((entry) => ({
      ...{ kind: entry.kind as FactKind, id: entry.entryId, version, knownMs },
      ...{ validFromMs: entry.validFromMs ?? beginning, validToMs: entry.validToMs },
      fields: entry.body as Fact['fields'],
      ...(entry.removed ? { removed: true as const } : {}),
    }))
  }
}

/** As one text: a value for each column of each row takes three times as long. */
async function addEntries(tx: Transaction, version: number, entries: readonly Entry[]): Promise<void> {
  for (let from = 0; from < entries.length; from += rowsPerStatement) {
    const rows = entries.slice(from, from + rowsPerStatement).map(({ fact, removed }) => ({
      ...{ kind: fact.kind, id: fact.id, removed, body: fact.fields, until: fact.validToMs },
      since: fact.validFromMs === beginning ? null : fact.validFromMs,
    }))
    await tx.execute(
      sql`insert into kpi_entries (publication, kind, entry_id, removed, valid_from_ms, valid_to_ms, body)
        select ${version}::int, kind, id, removed, since, until, body from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as given(kind text, id text, removed boolean, since bigint, until bigint, body jsonb)`,
    )
  }
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
