// The case store: every version of every case that was ever received, in order of arrival. Nothing is changed in place.
import type { CaseRecord, StoredCase } from './case.ts'

export interface AppendCasesResult {
  stored: number
  /** The same id and version with the same content: harmless. */
  duplicates: number
  /** The same id and version with other content: refused, as a correction must raise the version. */
  conflicts: { id: string; version: number }[]
  /** A version lower than one already known: kept, but it does not become current. */
  late: number
  /** Sequence of the last stored version; 0 for an empty store. */
  lastSequence: number
}

export interface CaseScan {
  /** Only versions known at this time, and of each case the highest of them; undefined: everything that is known. */
  knownMs?: number
  department?: string
  region?: string
  item?: string
  /** Any of these. */
  items?: readonly string[]
  category?: string
  /** Either of opened or closed lies in the range, or the one that is named. */
  fromMs?: number
  toMs?: number
  cohort?: 'opened' | 'closed'
  /** What may still change by itself after this time: open then, or with a due date, step, stop or rating later. */
  openAtMs?: number
  signal?: AbortSignal
}

export interface CaseTally {
  /** `region` is cut to six digits, `month` is `2026-10`. */
  months: { region: string; department: string; cohort: 'opened' | 'closed'; month: string; count: number }[]
  /** Days since 1970, in order within a unit. */
  arrivals: { region: string; department: string; day: number; lastMs: number }[]
}

/** Which case a sequence is of, and between which times it was worked on. */
export interface CaseKey {
  sequence: number
  id: string
  /** Opened or accepted. */
  fromMs: number | null
  /** Closed. */
  toMs: number | null
}

export interface CaseStore {
  open(): Promise<void>
  /** Durable when it resolves. Records of one call are known at the same time. */
  append(records: readonly CaseRecord[], knownMs: number): Promise<AppendCasesResult>
  /** Every version of a case, in order of arrival. */
  versions(id: string): Promise<StoredCase[]>
  /** The same for many. @param before only what arrived before this sequence */
  history(ids: readonly string[], before?: number): Promise<Map<string, StoredCase[]>>
  /** Which of these ids have arrived. */
  known(ids: readonly string[]): Promise<Set<string>>
  /** Ids of cases of which there is more than one version. */
  corrected(): Promise<string[]>
  /** What arrived after a sequence, in order: for the ledger and for incremental aggregates. At most `limit`. */
  since(sequence: number, limit: number): Promise<StoredCase[]>
  /** Of every version from one sequence to another, in order. */
  keys(from: number, to: number): Promise<CaseKey[]>
  /** The current version of each case, in batches, in order of arrival. */
  scan(request: CaseScan): AsyncIterable<StoredCase[]>
  /** A page of current versions for a drill, newest closing first. */
  page(request: CaseScan & { limit: number; offset: number }): Promise<{ cases: StoredCase[]; total: number }>
  lastSequence(): Promise<number>
  /** Of what had arrived by a sequence: current cases by month (UTC+8), and the days on which something arrived. */
  tally(sequence: number): Promise<CaseTally>
  stats(): Promise<{ versions: number; cases: number; bytesOnDisk: number }>
  close(): Promise<void>
}
