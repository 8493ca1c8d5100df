// What the ops centre checks in the browser holds for what the ledger gives out, and for nothing else.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canonicalJson as core, recordHash } from '#core/canonical.ts'
import { systemClock } from '#core/clock.ts'
import { formatKey, makeKeys, publicOf, signNote } from '#kpi/ledger/keys.ts'
import { Ledger } from '#kpi/ledger/ledger.ts'
import { canonicalJson, holds, verifyRecord } from '#lib/kpi/verify.ts'
import { checkConsistency, checkInclusion, checkSignatures, readCheckpoint } from '#lib/kpi/verify-ledger.ts'

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
  ledger = await Ledger.open(
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
async function proofOf(id: string) {
  const found = (await ledger.find({ kind: 'case', id, version: '1' }))!
  const { leafHash, root, proof, ...rest } = ledger.prove(found.index)
  const body = { ...rest, leafHash: base64(leafHash), root: base64(root), proof: proof.map(base64) }
  return { ...body, checkpoint: ledger.checkpoint() }
}

test('every record of the ledger verifies, a changed one does not', async () => {
  for (const record of records) {
    const proof = await proofOf(record.id)
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
  const proof = await proofOf('c0')
  expect((await verifyRecord(record!, { ...proof, proof: proof.proof.slice(1) })).path).toBe(false)
  expect((await verifyRecord(record!, { ...proof, index: 1 })).path).toBe(false)
  expect((await verifyRecord(record!, { ...proof, root: (await proofOf('c1')).leafHash })).checkpoint).toBe(false)
  expect((await verifyRecord(record!, { ...proof, leaf: { ...proof.leaf, knownMs: 6 } })).leaf).toBe(false)
})

test('both write a record the same way', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(canonicalJson(value)).toBe(core(value))
    }),
  )
})

test.each(['sm3', 'sha256'] as const)(
  'a checkpoint goes on from each before it, and a leaf is in it (%s)',
  async (hash) => {
    const home = mkdtempSync(join(tmpdir(), 'guanlan-browser-ledger-'))
    const keys = makeKeys('test/kpi', ['ed25519', 'sm2'])
    const grown = await Ledger.open({ directory: home, origin: 'test/kpi', hash, keys }, { clock: systemClock })
    const leaf = (i: number) => ({ kind: 'case' as const, id: `c${i}`, version: '1', hash: '0'.repeat(64), knownMs: i })
    const seen: string[] = []
    for (let i = 0; i < 21; i++) {
      await grown.append([leaf(i)])
      seen.push(grown.checkpoint())
    }
    const last = readCheckpoint(seen.at(-1)!)!
    for (const note of seen) {
      const first = readCheckpoint(note)!
      const proof = grown.consistency(first.size, last.size).map(base64)
      expect(await checkConsistency(first, last, proof)).toBe(true)
      const root = base64(Buffer.alloc(32, first.size))
      expect(await checkConsistency({ size: first.size, root }, last, proof)).toBe(false)
    }
    for (let index = 0; index < last.size; index++) {
      const { leafHash, root, proof, ...rest } = grown.prove(index)
      const given = { ...rest, leafHash: base64(leafHash), root: base64(root), proof: proof.map(base64) }
      expect(await checkInclusion({ ...given, checkpoint: seen.at(-1)! })).toBe(true)
      const other = { ...given.leaf, hash: '1'.repeat(64) }
      expect(await checkInclusion({ ...given, leaf: other, checkpoint: seen.at(-1)! })).toBe(false)
    }

    const witness = makeKeys('audit.example', ['cosign-ed25519', 'cosign-sm2'])
    const cosigned = `${seen.at(-1)!}${witness.map((key) => `${signNote(key, last.text, 1_700_000_000_000)}\n`).join('')}`
    const all = [...keys, ...witness].map((key) => formatKey(publicOf(key)))
    const checked = await checkSignatures(readCheckpoint(cosigned)!, all)
    expect(checked.map(({ algorithm, atMs, verdict }) => [algorithm, atMs, verdict])).toEqual([
      ['Ed25519', null, 'good'],
      ['SM2', null, 'good'],
      ['Ed25519', 1_700_000_000_000, 'good'],
      ['SM2', 1_700_000_000_000, 'good'],
    ])
    const changed = readCheckpoint(cosigned.replace('\n21\n', '\n22\n'))!
    expect((await checkSignatures(changed, all)).every(({ verdict }) => verdict === 'bad')).toBe(true)
    expect((await checkSignatures(changed, [])).every(({ verdict }) => verdict === 'no-key')).toBe(true)
    await grown.close()
    rmSync(home, { recursive: true })
  },
)
