// Who may enter: users, their sessions, tokens of programs, and the one-time link of the first start.
import { sql } from 'drizzle-orm'
import { bigint, boolean, index, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import type { Role } from '../roles.ts'

const timeMs = (name: string) => bigint(name, { mode: 'number' })
/** What they may see; everything when both lists are empty. */
const jurisdiction = () =>
  jsonb('jurisdiction').$type<Jurisdiction>().notNull().default(sql`'{"regions": [], "departments": []}'::jsonb`)

export const users = pgTable(
  'users',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    /** Lower case and NFKC, so that no two people can be mistaken for one another. */
    nameKey: text('name_key').notNull(),
    role: text('role').$type<Role>().notNull(),
    /** PHC string. */
    passwordHash: text('password_hash').notNull(),
    disabled: boolean('disabled').notNull().default(false),
    jurisdiction: jurisdiction(),
    createdMs: timeMs('created_ms').notNull(),
    lastSeenMs: timeMs('last_seen_ms'),
  },
  (table) => [uniqueIndex('users_name_key').on(table.nameKey)],
)

export const sessions = pgTable(
  'sessions',
  {
    /** SHA-256 of the cookie's secret: who reads the table cannot enter with it. */
    idHash: text('id_hash').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    csrfToken: text('csrf_token').notNull(),
    createdMs: timeMs('created_ms').notNull(),
    /** Last use, kept to the minute. */
    usedMs: timeMs('used_ms').notNull(),
    expiresMs: timeMs('expires_ms').notNull(),
    address: text('address').notNull(),
  },
  (table) => [index('sessions_user').on(table.userId), index('sessions_expires').on(table.expiresMs)],
)

export const apiTokens = pgTable(
  'api_tokens',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    role: text('role').$type<Role>().notNull(),
    scopes: jsonb('scopes').$type<('read' | 'ingest' | 'write')[]>().notNull(),
    jurisdiction: jurisdiction(),
    /** Whom it stands for where two people are asked for; it goes with them. */
    ownerId: text('owner_id').references(() => users.id, { onDelete: 'cascade' }),
    /** SHA-256 of the secret, which has 256 random bits: no slow hash is needed. */
    secretHash: text('secret_hash').notNull(),
    createdMs: timeMs('created_ms').notNull(),
    expiresMs: timeMs('expires_ms'),
    lastUsedMs: timeMs('last_used_ms'),
  },
  (table) => [uniqueIndex('api_tokens_secret').on(table.secretHash)],
)

export const setupTokens = pgTable('setup_tokens', {
  secretHash: text('secret_hash').primaryKey(),
  createdMs: timeMs('created_ms').notNull(),
  expiresMs: timeMs('expires_ms').notNull(),
  usedMs: timeMs('used_ms'),
})
