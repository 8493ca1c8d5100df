// What is asked of a department's database, whichever it is: read only, within a time, and every value as its own text.
import type { Socket } from 'node:net'

/** Times and numbers have an order that a cursor can follow; texts sort as their database pleases. */
export type Family = 'time' | 'number' | 'text' | 'boolean'

export interface Column {
  name: string
  /** As the database calls it. */
  type: string
  family: Family
  /** A time that means an instant: its text is UTC. False: wall-clock time of the source. */
  zoned: boolean
}

export type Values = (string | null)[]

export interface Position {
  updated: string
  id: string
}

export interface PageRequest {
  /** Only these are asked for: what is not mapped stays where it is. */
  columns: readonly string[]
  updated: Column
  id: Column
  /** Rows after this one … */
  after?: Position
  /** … or from this value of `updated` on. */
  from?: string
  /** Rows that claim to be of later are left for later. */
  until?: string
  limit: number
}

export interface RemoteDatabase {
  /** e.g. `PostgreSQL 16.3`. */
  version: string
  /** By its own clock. */
  nowMs(): Promise<number>
  /** What its account may do besides reading, in its own words; empty is as it should be. */
  excessRights(): Promise<string[]>
  columns(of: 'cases' | 'steps'): Promise<Column[]>
  /** In order of the cursor. */
  page(request: PageRequest): Promise<Values[]>
  steps(columns: readonly string[], of: Column, ids: readonly string[]): Promise<Values[]>
  /** Is there a row that does not say when it was changed, or is of later than `after`? Undefined: not known in a moment. */
  hasRow(updated: Column, after: string | null): Promise<boolean | undefined>
  close(): Promise<void>
}

/** Opens a connection to an address that was checked. @throws when the address is none that may be reached */
export type Connect = (host: string, port: number, allow: readonly string[]) => Socket

export const connectTimeoutMs = 10_000
/** A question that nothing depends on must not keep a department's database busy. */
export const momentMs = 2000
