import type { AlertRecord } from '../alert.ts'

/** The open alerts in memory, by fingerprint: at most one each. Records are never changed in place. */
export interface OpenAlerts {
  get(fingerprint: string): AlertRecord | undefined
  byId(id: string): AlertRecord | undefined
  values(): Iterable<AlertRecord>
  ofRule(rule: string): number
  readonly size: number
  /** Takes the place of its former self; one that is resolved leaves. */
  keep(record: AlertRecord): void
  replaceAll(records: readonly AlertRecord[]): void
}

export function createOpenAlerts(): OpenAlerts {
  const open = new Map<string, AlertRecord>()
  const prints = new Map<string, string>()
  const perRule = new Map<string, number>()

  const drop = (record: AlertRecord): void => {
    open.delete(record.fingerprint)
    prints.delete(record.id)
    const left = perRule.get(record.rule)! - 1
    if (left > 0) perRule.set(record.rule, left)
    else perRule.delete(record.rule)
  }

  const keep = (record: AlertRecord): void => {
    const before = open.get(record.fingerprint)
    const ended = record.state === 'resolved'
    if (before && (before.id !== record.id) !== ended) drop(before)
    if (ended) return
    if (!open.has(record.fingerprint)) perRule.set(record.rule, (perRule.get(record.rule) ?? 0) + 1)
    open.set(record.fingerprint, record)
    prints.set(record.id, record.fingerprint)
  }

  return {
    get: (fingerprint) => open.get(fingerprint),
    byId: (id) => open.get(prints.get(id) ?? ''),
    values: () => open.values(),
    ofRule: (rule) => perRule.get(rule) ?? 0,
    get size() {
      return open.size
    },
    keep,
    replaceAll: (records) => {
      open.clear()
      prints.clear()
      perRule.clear()
      for (const record of records) keep(record)
    },
  }
}
