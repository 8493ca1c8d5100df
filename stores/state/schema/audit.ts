// Who changed what. The database itself refuses to change or delete a row (see the migration).
import { bigint, bigserial, index, jsonb, pgTable, text } from 'drizzle-orm/pg-core'

export const audit = pgTable(
  'audit',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    atMs: bigint('at_ms', { mode: 'number' }).notNull(),
    actorKind: text('actor_kind').$type<'user' | 'token' | 'system'>().notNull(),
    actorId: text('actor_id').notNull(),
    actor: text('actor').notNull(),
    role: text('role').notNull(),
    /** `<thing>.<verb>`, e.g. `alert.acknowledge`. */
    action: text('action').notNull(),
    /** Id of what was changed. */
    object: text('object').notNull(),
    detail: jsonb('detail').$type<Record<string, unknown>>().notNull(),
    address: text('address').notNull(),
  },
  (table) => [index('audit_object').on(table.object, table.id)],
)
