// The store against the ledger, and the ledger against what a witness signed: the first thing that is wrong, by name.
import { recordHash } from '#core/canonical.ts'
import type { StoredCase } from '../contract.ts'
import type { Ledger } from './ledger.ts'

export interface LedgerFault {
  where: 'entry' | 'history' | 'record'
  /** The leaf; for a rewritten history, the first that can be concerned. */
  index: number
  id: string
  cause: string
}

/** @param cosigned sizes and roots that witnesses signed, in any order */
export function auditLedger(
  ledger: Ledger,
  cosigned: readonly { size: number; root: Uint8Array }[],
): LedgerFault | undefined {
  const damaged = ledger.firstDamaged()
  if (damaged) return { where: 'entry', id: '', ...damaged }
  let sound = 0
  for (const { size, root } of [...cosigned].sort((a, b) => a.size - b.size)) {
    const cause =
      size > ledger.size
        ? `a witness saw ${size} leaves and there are ${ledger.size}`
        : ledger.root(size).equals(root)
          ? undefined
          : `leaves ${sound} to ${size - 1} are not what a witness signed`
    if (cause) return { where: 'history', index: sound, id: '', cause }
    sound = size
  }
  return undefined
}

/** Records in their order of arrival; every leaf of a case must have its record, and every record its leaf. */
export function auditRecords(ledger: Ledger, records: Iterable<StoredCase>): LedgerFault | undefined {
  const given = records[Symbol.iterator]()
  for (const [index, leaf] of ledger.leaves()) {
    if (leaf?.kind !== 'case') continue
    const next = given.next()
    const fault = (cause: string): LedgerFault => ({ where: 'record', index, id: leaf.id, cause })
    if (next.done) return fault('the record is missing')
    const { record, hash } = next.value
    if (record.id !== leaf.id || String(record.version) !== leaf.version)
      return fault(`here is ${record.id} version ${record.version} in the order of arrival`)
    if (recordHash(record) !== leaf.hash || hash !== leaf.hash) return fault('the record is not what was recorded')
  }
  const extra = given.next()
  if (!extra.done)
    return { where: 'record', index: ledger.size, id: extra.value.record.id, cause: 'the record has no leaf' }
  return undefined
}
