// Edits, deletions, re-orderings and whole rewrites of store and ledger: each is found and located.
// GUANLAN_TAMPER_RUNS sets how many; npm run test:tamper does 10,000.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { recordHash } from '#core/canonical.ts'
import { ManualClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import type { StoredCase } from '../contract.ts'
import { auditLedger, auditRecords, type LedgerFault } from './audit.ts'
import { makeKeys } from './keys.ts'
import { Ledger } from './ledger.ts'

const runs = Number(process.env['GUANLAN_TAMPER_RUNS'] ?? 200)
const caseCount = 40
const cosignedAt = [10, 25, caseCount]
const origin = 'log.example/kpi'
const keys = makeKeys(origin, ['ed25519', 'sm2'])

function stored(n: number, closedMs = 1000 + n): StoredCase {
  const record = { id: `c${n}`, version: 1, department: `d${n % 3}`, closedMs } as unknown as StoredCase['record']
  return { record, knownMs: n, sequence: n + 1, hash: recordHash(record) }
}

async function write(records: readonly StoredCase[]): Promise<{ ledger: Ledger; directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'tamper-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const ledger = await Ledger.open({ directory, origin, hash: 'sm3', keys }, { clock: new ManualClock(0) })
  await ledger.append(
    records.map(({ record, hash, knownMs }) => ({
      ...{ kind: 'case' as const, id: record.id, version: String(record.version), hash, knownMs },
    })),
  )
  return { ledger, directory }
}

it(`locates each of ${runs} changes`, { timeout: 600_000 }, async () => {
  const random = seededRandom(20_261_125)
  const pick = (count: number): number => Math.floor(random.next() * count)
  const records = Array.from({ length: caseCount }, (_, n) => stored(n))
  const { ledger, directory } = await write(records)
  const cosigned = cosignedAt.map((size) => ({ size, root: ledger.root(size) }))
  expect(auditLedger(ledger, cosigned) ?? auditRecords(ledger, records)).toBeUndefined()
  const entriesFile = join(directory, 'entries')
  const entries = readFileSync(entriesFile)
  const wrong: string[] = []
  const expectAt = (what: string, at: number, fault: LedgerFault | undefined): void => {
    if (fault?.index !== at) wrong.push(`${what} at ${at}: ${JSON.stringify(fault)}`)
  }
  for (let run = 0; run < runs; run++) {
    const at = pick(caseCount)
    const changed = [...records]
    switch (pick(6)) {
      case 0:
        // With its hash, as somebody who knows the store would.
        changed[at] =
          random.next() < 0.5 ? stored(at, pick(1000)) : { ...stored(at, pick(1000)), hash: records[at]!.hash }
        expectAt('edit', at, auditRecords(ledger, changed))
        break
      case 1:
        changed.splice(at, 1)
        expectAt('deletion', at, auditRecords(ledger, changed))
        break
      case 2: {
        const other = (at + 1 + pick(caseCount - 1)) % caseCount
        ;[changed[at], changed[other]] = [changed[other]!, changed[at]!]
        expectAt('re-ordering', Math.min(at, other), auditRecords(ledger, changed))
        break
      }
      case 3:
        changed.push(stored(caseCount + at))
        expectAt('addition', caseCount, auditRecords(ledger, changed))
        break
      case 4: {
        const place = pick(entries.length)
        const bytes = Buffer.from(entries)
        bytes[place]! ^= 1 << pick(8)
        writeFileSync(entriesFile, bytes)
        const before = [...ledger.leaves()].findIndex(
          ([, , entry], index) =>
            !ledger.hash.leaf(entry).equals(ledger.tile(0, 0).subarray(index * 32, index * 32 + 32)),
        )
        expect(before).toBeGreaterThanOrEqual(0)
        expectAt('damage of an entry', before, auditLedger(ledger, cosigned))
        writeFileSync(entriesFile, entries)
        break
      }
      default: {
        // Store and ledger made anew and signed with the true keys: only the witness knows.
        changed[at] = stored(at, pick(1000))
        const forged = await write(changed)
        expect(auditRecords(forged.ledger, changed)).toBeUndefined()
        expect(auditLedger(forged.ledger, [])).toBeUndefined()
        const from = [0, ...cosignedAt].findLast((size) => size <= at)!
        expectAt('rewrite', from, auditLedger(forged.ledger, cosigned))
        await forged.ledger.close()
        rmSync(forged.directory, { recursive: true })
      }
    }
  }
  if (process.env['GUANLAN_TAMPER_RUNS']) console.log(`store and ledger: ${runs - wrong.length} of ${runs} located`)
  expect(wrong).toEqual([])
  await ledger.close()
})
