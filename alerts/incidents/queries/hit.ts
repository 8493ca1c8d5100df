// What the inventory knows of the entities that incidents are about, and what follows from it.
import { inArray } from 'drizzle-orm'
import { entities } from '#stores/state/schema/entities.ts'
import type { Database, Transaction } from '#stores/state/state.ts'
import type { IncidentRow } from '../model.ts'
import { type Proposal, proposeGrade } from '../rulebook/grading.ts'
import type { Rulebook } from '../rulebook/rulebook.ts'

export type KnownEntity = typeof entities.$inferSelect

const entitiesMax = 5000

export async function knownEntities(
  tx: Database | Transaction,
  ids: readonly string[],
): Promise<Map<string, KnownEntity>> {
  const wanted = [...new Set(ids)].slice(0, entitiesMax)
  if (wanted.length === 0) return new Map()
  const rows = await tx.select().from(entities).where(inArray(entities.id, wanted))
  return new Map(rows.map((row) => [row.id, row]))
}

export function proposalOf(
  { grading }: Rulebook,
  row: Pick<IncidentRow, 'severity' | 'tactics' | 'entities' | 'assessment'>,
  known: ReadonlyMap<string, KnownEntity>,
): Proposal {
  const hit = row.entities.flatMap((id) => known.get(id) ?? [])
  return proposeGrade(
    grading,
    { severity: row.severity, tactics: row.tactics, entities: hit },
    row.assessment ?? undefined,
  )
}
