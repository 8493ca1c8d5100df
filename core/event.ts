// An event: ECS 9 fields under flat dotted names ("source.ip"), as they are searched, stored and matched by rules.

export type FieldScalar = string | number | boolean
export type FieldValue = FieldScalar | null | FieldValue[]

/**
 * Flat: no value is an object; nested input is flattened by the pipeline. Times inside are milliseconds since the
 * epoch for `@timestamp`, `event.created` and `event.ingested`, ISO 8601 text elsewhere. Field names never are
 * `__proto__`, `constructor` or `prototype`.
 */
export interface Event {
  /** When it happened, ms since the epoch. */
  '@timestamp': number
  /** Unique; the store keeps one event per id. Given by the sender, or derived so that a replay gives the same. */
  'event.id': string
  /** When the observatory received it, ms since the epoch. */
  'event.ingested': number
  /** Which receiver took it in: the collector's name. */
  'observer.name': string
  /** What kind of source wrote it: sshd, nginx.access, … `unparsed` when no parser knew it. */
  'event.dataset': string
  message: string
  [field: string]: FieldValue | undefined
}

/** What a collector hands over, before parsing and enrichment. `fields` may nest; the pipeline flattens it. */
export interface RawEvent {
  /** ms since the epoch, when the transport says so; else the pipeline takes it from the text or the arrival. */
  timestampMs?: number
  /** The line as received; kept as `event.original`. */
  original?: string
  /** Set when the sender gave an identity, or the position makes one (file, offset). */
  id?: string
  /** Dataset hint from the source's configuration or transport: picks the parser first. */
  dataset?: string
  /** ECS or foreign fields known from the transport (`log.syslog.*`, `host.name`, `source.address`, …). */
  fields?: Record<string, unknown>
}

/** Limits of one event; what is beyond is cut or refused and counted with the reason. */
export const eventLimits = {
  originalBytesMax: 64 * 1024,
  fieldsMax: 512,
  depthMax: 32,
  fieldNameCharsMax: 256,
  valueCharsMax: 32 * 1024,
} as const
