// State: what people and rules decide. One drizzle schema, one dialect (PostgreSQL), embedded or given by DATABASE_URL.
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Role } from './roles.ts'
import type * as schema from './schema/index.ts'

export type Database = NodePgDatabase<typeof schema>
/** Inside `database.transaction(async (tx) => …)`. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]

export interface StateStore {
  /** Starts the embedded server when there is no DATABASE_URL, connects and migrates. */
  open(): Promise<void>
  readonly database: Database
  close(): Promise<void>
}

/** Who did it, for audit rows. `system` for rules and schedules. */
export interface Actor {
  kind: 'user' | 'token' | 'system'
  id: string
  name: string
  role: Role | 'system'
  /** Of a token: the name of the user it was made for; undefined when it is nobody's. */
  person?: string
  /** Address the request came from; empty for the command line and the system. */
  address: string
}

export { type Role, roles } from './roles.ts'
