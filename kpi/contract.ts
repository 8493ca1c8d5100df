// The words of the performance platform: catalogue, evidence, definitions, values. Types only, and nothing that decides.
export type {
  CaseRecord,
  CaseStep,
  CaseTrace,
  CertificateUse,
  Channel,
  ClockStop,
  Outcome,
  Rating,
  StoredCase,
} from '#stores/cases/case.ts'
export type { AppendCasesResult, CaseScan, CaseStore } from '#stores/cases/store.ts'

/** An exact ratio: decimal digits of two integers, reduced, the denominator positive. */
export interface RationalText {
  numerator: string
  denominator: string
}

/** In force from `validFromMs` until `validToMs` (null: still), known to us from `knownMs` on. */
export interface Validity {
  validFromMs: number
  validToMs: number | null
  knownMs: number
}

export interface Region extends Validity {
  /** GB/T 2260: 2, 4, 6 or 9 digits. */
  code: string
  name: string
  level: 'province' | 'city' | 'county' | 'town' | 'village'
  parent: string
  /** Regions that are compared with one another, e.g. 珠三角. */
  peerGroup: string
}

export interface Department extends Validity {
  id: string
  name: string
  region: string
  parent: string
  level: 'province' | 'city' | 'county' | 'town'
  /** Under direct control of a higher level (垂管): who is credited is a switch. */
  vertical: boolean
}

/** A power or duty of the list of powers and duties (权责清单). */
export interface Power extends Validity {
  id: string
  name: string
  department: string
  kind: string
  basis: string
}

export const timeUnits = ['working-day', 'calendar-day', 'hour', 'month'] as const
export type TimeUnit = (typeof timeUnits)[number]

export interface TimeLimit {
  /** Decimal digits; 0 for done at once (即办件). */
  amount: string
  unit: TimeUnit
}

/** 部门单一, 跨层级, 跨部门, 垂管, 协同. */
export type Attribution = 'single' | 'cross-level' | 'cross-department' | 'vertical' | 'collaborative'

export interface ServiceItem extends Validity {
  code: string
  name: string
  department: string
  region: string
  /** licence, confirmation, public-service, … as the catalogue calls it. */
  kind: string
  attribution: Attribution
  power: string
  /** null: the law sets none, which is not 0. */
  legalLimit: TimeLimit | null
  promisedLimit: TimeLimit | null
  channels: string[]
  materials: { name: string; certificate: string; required: boolean }[]
  /** The certificate it issues; empty: none. */
  issues: string
  /** On the platform, so that a citizen can apply. */
  online: boolean | null
  mobile: boolean | null
  visitsMax: number | null
  frequent: boolean
  system: string
  extra: Record<string, string>
}

export interface CertificateType extends Validity {
  code: string
  name: string
  department: string
  electronic: boolean | null
}

/** One class of data that a department should share (信息共享目录). */
export interface SharedResource extends Validity {
  code: string
  name: string
  /** The one source (一数一源). */
  department: string
  fields: string[]
  required: boolean
  registered: boolean
  mounted: boolean
  callable: boolean
  freshUntilMs: number | null
  ordered: number
  refused: number
}

export interface GovernmentSystem extends Validity {
  code: string
  name: string
  department: string
  onCloud: boolean | null
  onNetwork: boolean | null
  live: boolean
  classified: boolean
  virtualMachines: number | null
  yearlyCostFen: string | null
  retiredEvidence: string
  lastTransactionMs: number | null
}

export interface Relation extends Validity {
  from: string
  kind: 'item-power' | 'item-certificate' | 'item-resource' | 'item-system' | 'item-intermediary'
  to: string
}

export interface Catalogue {
  /** Grows with every publication. */
  version: number
  knownMs: number
  regions: Region[]
  departments: Department[]
  powers: Power[]
  items: ServiceItem[]
  certificates: CertificateType[]
  resources: SharedResource[]
  systems: GovernmentSystem[]
  relations: Relation[]
}

/** What a definition counts: cases, rows of the catalogue, or figures that somebody reports. */
export type FactKind =
  | 'case'
  | 'item'
  | 'system'
  | 'resource'
  | 'certificate'
  | 'business'
  | 'figure'
  | 'cost'
  | 'security'
  /** A case that an appeal has taken out of an indicator. */
  | 'adjudication'

export type FactScalar = string | number | boolean | null
/** One thing that is counted, flat. Filters see the fields by name. */
export interface Fact extends Validity {
  kind: FactKind
  id: string
  version: number
  fields: Record<string, FactScalar | FactScalar[]>
  /** From this version on it is gone. */
  removed?: true
}

/**
 * NULL, 0 and "does not apply" are different things. `provisional` and `disputed` carry figures like `value` does;
 * `missing`, `not-applicable` and `suppressed` carry none.
 */
export type ValueState = 'value' | 'zero' | 'missing' | 'not-applicable' | 'suppressed' | 'provisional' | 'disputed'

export type TargetStatus = 'met' | 'near' | 'missed' | 'no-target' | 'exempt' | 'unknown'

export interface Period {
  /** e.g. `2026-10`, `2026-W41`, `2026-Q3`, `2026`, or `all`. */
  label: string
  fromMs: number
  /** Exclusive. */
  toMs: number
}

/** Which of a definition's choices were made; every switch of the definition is in it. */
export type Switches = Record<string, string>

export interface KpiCell {
  kpi: string
  period: Period
  /** e.g. { region: '4401', department: 'd-12' }; empty for the whole. */
  dimensions: Record<string, string>
  switches: Switches
}

/** Where a period is not counted by the definition that was in force for all of it. */
export interface DefinitionSpan {
  /** The version applied held for a part of the period, or for nothing of it: applied backwards, or ended before. */
  applied: 'part' | 'outside'
  /** Other versions that held in the period. */
  others: string[]
}

export interface KpiValue extends KpiCell {
  state: ValueState
  /** The ratio, reduced. Null when the state carries no figure. */
  ratio: RationalText | null
  /** What was counted above and below the line before reduction; for means over items their number is `count`. */
  numerator: string | null
  denominator: string | null
  /** Facts in the population, counted or excluded. */
  count: number
  /** For means over groups: how many there are, and how many of them have something below the line. */
  groups: { count: number; counted: number } | null
  /** Why facts of the population do not count, by reason. */
  exclusions: Record<string, number>
  /** Received of what was expected, in percent with two decimals; null when nothing says what to expect. */
  coverage: { received: number; expected: number } | null
  target: { ratio: RationalText | null; source: string; status: TargetStatus; direction: 'up' | 'down' }
  /** A to E, given by the integrity checks; null until they ran. */
  grade: 'A' | 'B' | 'C' | 'D' | 'E' | null
  /** The world as it was then … */
  validMs: number
  /** … as far as we knew it then. */
  knownMs: number
  definitionVersion: string
  definitionSpan?: DefinitionSpan
  catalogueVersion: number | null
  calendarVersion: string
  /** Set for a cell of a frozen period: then the value is what was published, or its restatement in force. */
  published?: PublishedMark
}

export interface PublishedMark {
  /** Of the release. */
  period: string
  state: 'frozen' | 'published'
  /** SM3 of all figures of the release: its leaf in the ledger says the same. */
  hash: string
  leafIndex: number | null
  /** Id of the restatement in force; null: it is as it was published. */
  restatement: string | null
  /** As it was first published … */
  ratio: RationalText | null
  /** … and what the evidence gives now. */
  counted: RationalText | null
}

/** Never an update: the old value stays, and this says what is said now and why. */
export interface Restatement {
  id: string
  /** The period whose release holds the cell. */
  release: string
  cell: KpiCell
  before: KpiValue
  after: KpiValue
  cause: 'late-data' | 'correction' | 'definition' | 'catalogue' | 'calendar' | 'adjudication'
  reason: string
  /** The appeal that it follows from; empty: none. */
  appeal: string
  /** Cases that do not count for the indicator from then on. */
  exempt: string[]
  proposedBy: string
  /** Two people, neither of whom proposed it. */
  approvedBy: string[]
  knownMs: number
}

/** Tells the ledger of what must not change afterwards; called once per thing, in order. */
export type LeafKind = 'case' | 'definition' | 'catalogue' | 'calendar' | 'value' | 'restatement'
export interface Leaf {
  kind: LeafKind
  id: string
  version: string
  /** Hex SM3 of the canonical JSON. */
  hash: string
  knownMs: number
}
