// The inventory in the state database, and as the pipeline looks it up.
import { inArray } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import type { Entity } from '#core/entity.ts'
import type { Inventory } from '#pipeline/enrich/inventory.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { entities } from '#stores/state/schema/index.ts'
import type { Actor, Database } from '#stores/state/state.ts'

export interface InventoryDifference {
  added: string[]
  changed: string[]
  unchanged: number
}

export interface InventoryStore {
  load(): Promise<void>
  list(): Promise<Entity[]>
  /** Adds and replaces by id; removes nothing. With `dryRun` only says what would be. */
  upsert(actor: Actor, list: readonly Entity[], dryRun: boolean): Promise<InventoryDifference>
  remove(actor: Actor, ids: readonly string[]): Promise<number>
}

const rowsPerStatement = 1000

export function createInventoryStore(database: Database, inventory: Inventory, clock: Clock): InventoryStore {
  const list = async (): Promise<Entity[]> => {
    const rows = await database.select().from(entities).orderBy(entities.id)
    return rows.map(({ updatedMs: _, ...entity }) => entity)
  }
  const load = async (): Promise<void> => inventory.set(await list())
  return {
    list,
    load,
    upsert: async (actor, given, dryRun) => {
      // Within one list the last of an id counts.
      const wanted = new Map(given.map((entity) => [entity.id, entity]))
      const before = new Map((await list()).map((entity) => [entity.id, canonical(entity)]))
      const added = [...wanted.keys()].filter((id) => !before.has(id))
      const changed = [...wanted]
        .filter(([id, entity]) => before.has(id) && before.get(id) !== canonical(entity))
        .map(([id]) => id)
      const difference = { added, changed, unchanged: wanted.size - added.length - changed.length }
      const touched = [...added, ...changed].map((id) => wanted.get(id)!)
      if (dryRun || touched.length === 0) return difference
      await database.transaction(async (tx) => {
        for (let from = 0; from < touched.length; from += rowsPerStatement) {
          const rows = touched
            .slice(from, from + rowsPerStatement)
            .map((entity) => ({ ...entity, updatedMs: clock.nowMs() }))
          await tx.delete(entities).where(
            inArray(
              entities.id,
              rows.map(({ id }) => id),
            ),
          )
          await tx.insert(entities).values(rows)
        }
        await writeAudit(tx, actor, 'inventory.change', 'inventory', {
          added: added.slice(0, 100),
          changed: changed.slice(0, 100),
          addedCount: added.length,
          changedCount: changed.length,
        })
      })
      await load()
      return difference
    },
    remove: async (actor, ids) => {
      const gone = await database.transaction(async (tx) => {
        const rows = await tx
          .delete(entities)
          .where(inArray(entities.id, [...ids]))
          .returning({ id: entities.id })
        if (rows.length > 0)
          await writeAudit(tx, actor, 'inventory.remove', 'inventory', { ids: rows.map(({ id }) => id) })
        return rows.length
      })
      await load()
      return gone
    },
  }
}

function canonical({
  id,
  kind,
  name,
  aliases,
  region,
  department,
  owner,
  criticality,
  protectionLevel,
}: Entity): string {
  return JSON.stringify([id, kind, name, aliases, region, department, owner, criticality, protectionLevel])
}
