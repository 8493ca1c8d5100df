export const entityKinds = [
  'host',
  'device',
  'interface',
  'service',
  'system',
  'platform',
  'cloud',
  'data-centre',
  'user',
  'department',
  'region',
  'service-item',
] as const
export type EntityKind = (typeof entityKinds)[number]

export const criticalities = ['low', 'medium', 'high', 'critical'] as const
export type Criticality = (typeof criticalities)[number]

/** A thing that telemetry speaks of. */
export interface Entity {
  /** `<kind>:<name>`, e.g. `host:web-1`. */
  id: string
  kind: EntityKind
  name: string
  /** Other names and addresses under which telemetry knows it. Lower case. */
  aliases: string[]
  /** GB/T 2260 code, or empty. */
  region: string
  department: string
  owner: string
  criticality: Criticality
  /** MLPS level (等级保护) 1 to 5, 0 when not graded. */
  protectionLevel: number
}
