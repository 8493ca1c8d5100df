// A table says what is, not which version it is. Where no column numbers the versions, what is said is compared with what
// was said last: the same is a duplicate, anything else is the next version.
import { recordHash } from '#core/canonical.ts'
import type { CaseRecord, CaseStore, StoredCase } from '../contract.ts'

export interface Versioned {
  records: CaseRecord[]
  duplicates: number
  refused: { id: string; cause: string; hint: string }[]
}

/** @param numbered the mapping reads `version` from a column */
export async function versioned(
  cases: Pick<CaseStore, 'history'>,
  records: readonly CaseRecord[],
  numbered: boolean,
): Promise<Versioned> {
  const result: Versioned = { records: [], duplicates: 0, refused: [] }
  const history = await cases.history([...new Set(records.map(({ id }) => id))])
  const latest = new Map<string, Pick<StoredCase, 'record' | 'hash'>>()
  for (const [id, versions] of history)
    latest.set(
      id,
      versions.reduce((a, b) => (b.record.version >= a.record.version ? b : a)),
    )
  for (const record of records) {
    const before = latest.get(record.id)
    if (before && before.record.source !== record.source) {
      // Two departments that number alike would otherwise correct each other's cases.
      const cause = `case ${record.id} came from ${before.record.source || 'elsewhere'} before`
      result.refused.push({
        id: record.id,
        cause,
        hint: 'Set idPrefix on the source, or join a prefix in the mapping, so that its ids are its own.',
      })
      continue
    }
    if (numbered || !before) {
      result.records.push(record)
      if (!numbered) latest.set(record.id, { record, hash: recordHash(record) })
      continue
    }
    const { version } = before.record
    const hash = recordHash({ ...record, version })
    if (hash === before.hash) {
      result.duplicates++
      continue
    }
    const next = { ...record, version: version + 1 }
    result.records.push(next)
    latest.set(record.id, { record: next, hash: recordHash(next) })
  }
  return result
}
