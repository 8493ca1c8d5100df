// A case (办件) as evidence: what a department says happened, one record per version. Times are ms since the epoch.

/** Where one act was done. `typed-in`: window staff entered what a citizen brought on paper (代录). */
export const channels = [
  'web',
  'app',
  'kiosk',
  'window',
  'typed-in',
  'hotline',
  'post',
  'email',
  'system',
  'other',
] as const
export type Channel = (typeof channels)[number]

/** How it ended. `query`: an enquiry that some systems count as a case. */
export const outcomes = ['granted', 'refused', 'not-accepted', 'withdrawn', 'forwarded', 'terminated', 'query'] as const
export type Outcome = (typeof outcomes)[number]

export interface CaseStep {
  name: string
  channel: Channel
  /** The channel as the sender wrote it. */
  channelRaw: string
  atMs: number
  /** Who did it; a pseudonym. */
  actor: string
}

/** The clock stands still from `fromMs` to `toMs`; null: it still does. */
export interface ClockStop {
  /** `supplement` 补正, `hearing` 听证, `inspection` 检验, `notice` 公示, `expert-review` 专家评审, `other`. */
  kind: 'supplement' | 'hearing' | 'inspection' | 'notice' | 'expert-review' | 'other'
  fromMs: number
  toMs: number | null
}

export interface CertificateUse {
  type: string
  /** The electronic certificate existed when the case needed it; null: nobody knows. */
  exists: boolean | null
  /** How it was obtained; `both`: pulled electronically and asked for on paper as well, a failed use. */
  obtained: 'electronic' | 'paper' | 'both' | 'none'
}

export interface Rating {
  /** 1 非常不满意 … 5 非常满意. */
  grade: number
  atMs: number
  channel: string
  /** Set by the system because the citizen said nothing. */
  isDefault: boolean
}

/** Independent telemetry that should exist for a case: who else saw it. */
export interface CaseTrace {
  kind: 'gateway-call' | 'login' | 'message' | 'logistics' | 'payment' | 'certificate-call' | 'queue-ticket'
  atMs: number
  reference: string
}

export interface CaseRecord {
  id: string
  /** Grows with each correction; the same id and version is the same record. */
  version: number
  /** The system it came from. */
  source: string
  /** GB/T 2260 code or a code of the sender's; empty when unknown. */
  region: string
  department: string
  item: string
  /** A group of items, e.g. licence, public service. */
  category: string
  /** Pseudonym of the person who handled it. */
  handler: string
  /** Pseudonym of who applied. */
  applicant: string
  channel: Channel
  channelRaw: string
  openedMs: number | null
  acceptedMs: number | null
  closedMs: number | null
  /** When it was due; null: no deadline is known, which is not the same as in time. */
  dueMs: number | null
  /** When it was promised to the applicant. */
  plannedMs: number | null
  outcome: Outcome | null
  /** Removed by its sender: it counts no longer, and is kept. */
  withdrawnRecord: boolean
  /** The result went out by post. */
  returnedByPost: boolean | null
  steps: CaseStep[]
  stops: ClockStop[]
  certificates: CertificateUse[]
  ratings: Rating[]
  traces: CaseTrace[]
  /** Whatever else the mapping names; text. Filters see it as `extra.<name>`. */
  extra: Record<string, string>
}

/** A version as the store keeps it. */
export interface StoredCase {
  record: CaseRecord
  /** When we came to know it. Never before the version that it follows. */
  knownMs: number
  /** Order of arrival, from 1, without gaps: position of its leaf in the ledger's input. */
  sequence: number
  /** Hex SM3 of the canonical JSON of `record`. */
  hash: string
}
