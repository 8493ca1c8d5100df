// Who was shown sensitive data here, and what left the house: no value is kept, only keyed hashes.
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core'

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** Which audit rows showed which value. */
export const sensitiveShown = pgTable(
  'sensitive_shown',
  {
    /** Keyed hash, 64 bits in base64url. */
    hash: text('hash').notNull(),
    auditId: bigint('audit_id', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.hash, table.auditId] })],
)

/** Every download of rows: who, what, when, and what was in it as sketches. */
export const exportLedger = pgTable(
  'export_ledger',
  {
    /** Also in the file's name, and what its marks are keyed with. */
    id: text('id').primaryKey(),
    atMs: bigint('at_ms', { mode: 'number' }).notNull(),
    actorKind: text('actor_kind').$type<'user' | 'token' | 'system'>().notNull(),
    actorId: text('actor_id').notNull(),
    actor: text('actor').notNull(),
    role: text('role').notNull(),
    address: text('address').notNull(),
    /** What was downloaded: `events`, `kpi.brief`, `feed` and so on. */
    subject: text('subject').notNull(),
    format: text('format').notNull(),
    query: text('query').notNull(),
    fromMs: bigint('from_ms', { mode: 'number' }).notNull(),
    toMs: bigint('to_ms', { mode: 'number' }).notNull(),
    columns: jsonb('columns').$type<string[]>().notNull(),
    regions: jsonb('regions').$type<string[]>().notNull(),
    departments: jsonb('departments').$type<string[]>().notNull(),
    isMarked: boolean('is_marked').notNull(),
    isMasked: boolean('is_masked').notNull(),
    /** Null until it ended. */
    endedMs: bigint('ended_ms', { mode: 'number' }),
    isComplete: boolean('is_complete').notNull().default(false),
    rows: integer('rows').notNull().default(0),
    markedCells: integer('marked_cells').notNull().default(0),
    kinds: jsonb('kinds').$type<Record<string, number>>().notNull().default({}),
    timeDensity: doublePrecision('time_density').notNull().default(0),
    sharedRate: doublePrecision('shared_rate').notNull().default(1),
    cells: bytes('cells'),
    times: bytes('times'),
    values: bytes('values'),
    /** Of a file that left as it is: what it is found by. */
    sha256: text('sha256'),
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
  },
  (table) => [index('export_ledger_at').on(table.atMs), index('export_ledger_sha256').on(table.sha256)],
)
