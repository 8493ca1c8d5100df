// Findings that are kept. A run opens what it finds, finds again what it saw before, and clears what it sees no more; what
// people decided about a flag stays with it.
import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm'
import { recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { kpiFlags } from '#stores/state/schema/kpi-integrity.ts'
import type { Actor, Database, Transaction } from '#stores/state/state.ts'
import type { Flag, FlagResolution, IntegrityFinding } from './finding.ts'

/** What a run hands over: a finding with its place, its period and its rate of false discoveries. */
export type Raised = IntegrityFinding & Pick<Flag, 'region' | 'period' | 'qValue' | 'level'>

export interface FlagFilter {
  unit?: string
  region?: string
  check?: string
  period?: string
  state?: Flag['state']
  /** Without it both. */
  level?: Flag['level']
}

export interface FlagStore {
  list(filter: FlagFilter, limit: number): Promise<Flag[]>
  /** @throws CodedError `not-found` */
  get(id: string): Promise<Flag>
  /** What they ask, of those that there are. */
  questions(ids: readonly string[]): Promise<Map<string, IntegrityFinding['question']>>
  /** One run over a period: everything that it found, so that what it no longer sees is cleared. */
  record(period: string, found: readonly Raised[], atMs: number): Promise<{ opened: number; cleared: number }>
}

const rowsPerStatement = 500

/** The same question about the same unit and period is the same flag. */
export function flagId({ check, rule, unit, period }: Pick<Raised, 'check' | 'rule' | 'unit' | 'period'>): string {
  return `f-${recordHash([check, rule, unit, period]).slice(0, 16)}`
}

export function createFlagStore(database: Database): FlagStore {
  return {
    list: async ({ unit, region, check, period, state, level }, limit) => {
      const rows = await database
        .select()
        .from(kpiFlags)
        .where(
          and(
            unit === undefined ? undefined : eq(kpiFlags.unit, unit),
            region === undefined ? undefined : sql`starts_with(${kpiFlags.region}, ${region})`,
            check === undefined ? undefined : eq(kpiFlags.check, check),
            period === undefined ? undefined : eq(kpiFlags.period, period),
            state === undefined ? undefined : eq(kpiFlags.state, state),
            level === undefined ? undefined : sql`coalesce(${kpiFlags.body}->>'level', 'question') = ${level}`,
          ),
        )
        .orderBy(sql`${kpiFlags.pValue} asc nulls first`, desc(kpiFlags.lastSeenMs), kpiFlags.id)
        .limit(limit)
      return rows.map(flagOf)
    },
    get: async (id) => {
      const [row] = await database.select().from(kpiFlags).where(eq(kpiFlags.id, id))
      if (!row) throw new CodedError('not-found', { what: `The flag ${id.slice(0, 64)}` })
      return flagOf(row)
    },
    questions: async (ids) => {
      if (ids.length === 0) return new Map()
      const rows = await database
        .select()
        .from(kpiFlags)
        .where(inArray(kpiFlags.id, [...new Set(ids)]))
      return new Map(rows.map((row) => [row.id, flagOf(row).question]))
    },
    record: (period, found, atMs) =>
      database.transaction(async (tx) => {
        const ids = found.map(flagId)
        const before = await tx.select({ id: kpiFlags.id }).from(kpiFlags).where(eq(kpiFlags.period, period))
        const known = new Set(before.map(({ id }) => id))
        for (let from = 0; from < found.length; from += rowsPerStatement)
          await tx
            .insert(kpiFlags)
            .values(found.slice(from, from + rowsPerStatement).map((one) => rowOf(one, atMs)))
            .onConflictDoUpdate({
              target: kpiFlags.id,
              set: {
                state: 'open',
                ...Object.fromEntries(
                  (['region', 'pValue', 'qValue', 'lastSeenMs', 'body'] as const).map((name) => [
                    name,
                    sql.raw(`excluded.${kpiFlags[name].name}`),
                  ]),
                ),
              },
            })
        const cleared = await tx
          .update(kpiFlags)
          .set({ state: 'cleared' })
          .where(and(eq(kpiFlags.period, period), eq(kpiFlags.state, 'open'), lt(kpiFlags.lastSeenMs, atMs)))
          .returning({ id: kpiFlags.id })
        return { opened: ids.filter((id) => !known.has(id)).length, cleared: cleared.length }
      }),
  }
}

/**
 * What an adjudication decided, inside its transaction.
 * @throws CodedError `not-found`
 */
export async function resolveFlags(
  tx: Transaction,
  actor: Actor,
  ids: readonly string[],
  resolution: FlagResolution | null,
): Promise<void> {
  const changed = await tx
    .update(kpiFlags)
    .set({ resolution })
    .where(inArray(kpiFlags.id, [...ids]))
    .returning({ id: kpiFlags.id })
  const missing = ids.find((id) => !changed.some((one) => one.id === id))
  if (missing !== undefined) throw new CodedError('not-found', { what: `The flag ${missing.slice(0, 64)}` })
  for (const id of ids) await writeAudit(tx, actor, 'kpi-flag.resolve', id, { resolution })
}

type Row = typeof kpiFlags.$inferSelect

function rowOf(found: Raised, atMs: number): Row {
  const { check, rule, unit, region, period, pValue, qValue, ...body } = found
  return {
    ...{ id: flagId(found), check, rule, unit, region, period, state: 'open', resolution: null },
    ...{ pValue, qValue, firstSeenMs: atMs, lastSeenMs: atMs, body },
  }
}

function flagOf({ body, ...row }: Row): Flag {
  const found = body as Omit<IntegrityFinding, 'check' | 'rule' | 'unit' | 'pValue'>
  // Kept before there were spot checks.
  return { level: 'question', ...found, ...row }
}
