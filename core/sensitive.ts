// What is known of sensitive data in something that passed, without the data: the words between who takes bodies in, who
// looks into them, and who judges what was found.

/** Events that say where sensitive data was seen. */
export const sensitiveDataset = 'guanlan.sensitive'
export type Direction = 'request' | 'response'

/** One half of an HTTP exchange. */
export interface BodyPart {
  direction: Direction
  bytes: Uint8Array
  /** As the header says; empty when it says nothing. */
  contentType: string
  contentEncoding: string
  /** Path and query as they were asked for. */
  url: string
  /** Only its head is here. */
  isPartial: boolean
}

export interface SensitiveSpot {
  kind: string
  /** JSON path without positions (`data.list[].idCard`), form field, column, `?name` of the query, `path`, or a line. */
  where: string
  count: number
  /** One of the values, masked. */
  sample: string
}

export interface SensitiveReport {
  /** The most frequent ones. */
  spots: SensitiveSpot[]
  /** Different values by kind. */
  values: Record<string, number>
  /** Occurrences, repeated values included. */
  count: number
  /** Highest of the kinds. */
  level: number
  /** Keyed hashes of the first different values, none of secrets: who has the key can ask for a value, and read none. */
  hashes: string[]
}

/** Why a body was not looked into. */
export type SkipReason = 'binary' | 'encoding' | 'expands' | 'invalid' | 'slow'

export interface Inspected {
  /** Masked. */
  url: string
  skipped: SkipReason | undefined
  isPartial: boolean
  /** Absent when there is nothing sensitive in what was looked into. */
  report: SensitiveReport | undefined
}

export interface BodyInspector {
  inspect(part: BodyPart): Promise<Inspected>
}

/** The fields of an event that tells of a report; nested names, as a receiver gives them. */
export function sensitiveFields(report: SensitiveReport): Record<string, unknown> {
  return {
    'guanlan.sensitive.kinds': Object.keys(report.values),
    'guanlan.sensitive.values': report.values,
    'guanlan.sensitive.distinct': Object.values(report.values).reduce((sum, one) => sum + one, 0),
    'guanlan.sensitive.count': report.count,
    'guanlan.sensitive.level': report.level,
    'guanlan.sensitive.where': [...new Set(report.spots.map(({ where }) => where))],
    'guanlan.sensitive.spots': report.spots.map(({ kind, where, count, sample }) =>
      JSON.stringify([kind, where, count, sample]),
    ),
    'guanlan.sensitive.hashes': report.hashes,
  }
}
