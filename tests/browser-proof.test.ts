// What the ops centre checks in the browser holds for what the ledger gives out, and for nothing else.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canonicalJson as core, recordHash } from '#core/canonical.ts'
import { systemClock } from '#core/clock.ts'
import { makeKeys } from '#kpi/ledger/keys.ts'
import { Ledger } from '#kpi/ledger/ledger.ts'
import { canonicalJson, holds, verifyRecord } from '#lib/kpi/verify.ts'

let directory: string
let ledger: Ledger
const records = Array.from({ length: 37 }, (_, i) => ({
  id: `c${i}`,
  version: 1,
  z: '中文 "x"',
  a: { c: [1, null], b: i / 3 },
}))

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'guanlan-browser-proof-'))
  ledger = new Ledger(
    { directory, origin: 'test/kpi', hash: 'sm3', keys: makeKeys('test/kpi', ['ed25519']) },
    { clock: systemClock },
  )
  await ledger.append(
    records.map((record) => ({
      kind: 'case' as const,
      id: record.id,
      version: '1',
      hash: recordHash(record),
      knownMs: 5,
    })),
  )
})
afterAll(() => rmSync(directory, { recursive: true }))

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
function proofOf(id: string) {
  const found = ledger.find({ kind: 'case', id, version: '1' })!
  const { leafHash, root, proof, ...rest } = ledger.prove(found.index)
  const body = { ...rest, leafHash: base64(leafHash), root: base64(root), proof: proof.map(base64) }
  return { ...body, checkpoint: ledger.checkpoint() }
}

test('every record of the ledger verifies, a changed one does not', async () => {
  for (const record of records) {
    const proof = proofOf(record.id)
    expect(holds(await verifyRecord(record, proof))).toBe(true)
    expect(await verifyRecord({ ...record, version: 2 }, proof)).toMatchObject({
      record: false,
      leaf: true,
      path: true,
    })
  }
})

test('a proof of another leaf, a cut path and another root are seen', async () => {
  const [record] = records
  const proof = proofOf('c0')
  expect((await verifyRecord(record!, { ...proof, proof: proof.proof.slice(1) })).path).toBe(false)
  expect((await verifyRecord(record!, { ...proof, index: 1 })).path).toBe(false)
  expect((await verifyRecord(record!, { ...proof, root: proofOf('c1').leafHash })).checkpoint).toBe(false)
  expect((await verifyRecord(record!, { ...proof, leaf: { ...proof.leaf, knownMs: 6 } })).leaf).toBe(false)
})

test('both write a record the same way', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(canonicalJson(value)).toBe(core(value))
    }),
  )
})
