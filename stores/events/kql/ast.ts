// KQL as Kibana reads it (https://www.elastic.co/docs/explore-analyze/query-filter/languages/kql), without nested queries.

/** A value as written: quoted is taken as it stands, unquoted may hold wildcards. */
export interface Value {
  /** Pieces between the wildcards; one piece when there is none. */
  pieces: string[]
  quoted: boolean
  position: number
}

export type Comparison = '<' | '<=' | '>' | '>='

export type Kql =
  | { kind: 'all' }
  | { kind: 'and' | 'or'; parts: Kql[] }
  | { kind: 'not'; part: Kql }
  /** Without a field: free text. */
  | { kind: 'is'; field: Value | undefined; value: Value }
  | { kind: 'compare'; field: Value; comparison: Comparison; value: Value }

export function hasWildcard(value: Value): boolean {
  return value.pieces.length > 1
}

/** The text as a reader would write it. */
export function textOf(value: Value): string {
  return value.pieces.join('*')
}
