import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Leaf } from '../contract.ts'
import { openCheckpoint } from './checkpoint.ts'
import { treeHash } from './hash.ts'
import { loadKeys, loadOrMakeKeys } from './key-file.ts'
import { formatKey, makeKeys, parseKey, publicOf, signNote } from './keys.ts'
import { Ledger } from './ledger.ts'
import { formatNote } from './note.ts'
import { verifyConsistency, verifyInclusion } from './proof.ts'
import { consistencyProof, inclusionProof, memoryReader, rootOf } from './tree.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
// The leaves that certificate-transparency implementations share as test vectors.
const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const origin = 'log.example/kpi'
const leaf = (n: number): Leaf => ({
  ...{ kind: 'case', id: `c${n}`, version: '1', knownMs: n },
  hash: treeHash('sm3').of(String(n)).toString('hex'),
})
const leaves = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => leaf(from + i))
const open = async (directory: string, keys = makeKeys(origin, ['ed25519', 'sm2'])) => ({
  keys,
  ledger: await Ledger.open({ directory, origin, hash: 'sm3', keys }, { clock: new ManualClock(1_700_000_000_000) }),
})
const fresh = () => {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

describe('the tree', () => {
  it('gives the known roots with SHA-256, and the known hash with SM3', () => {
    const hash = treeHash('sha256')
    expect(hex(hash.empty)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    const hashes = inputs.map((input) => hash.leaf(Buffer.from(input, 'hex')))
    const read = memoryReader(hash, hashes)
    expect(roots.map((_, i) => hex(rootOf(hash, read, i + 1)))).toEqual(roots)
    expect(hex(treeHash('sm3').of('abc'))).toBe('66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0')
  })

  it('proves every leaf and every beginning, and nothing else', () => {
    const hash = treeHash('sm3')
    const hashes = Array.from({ length: 300 }, (_, i) => hash.leaf(Buffer.from(`${i}`)))
    const read = memoryReader(hash, hashes)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(299), fc.nat(300), fc.nat(9999), (size, at, before, bit) => {
        const index = at % size
        const firstSize = before % (size + 1)
        const root = rootOf(hash, read, size)
        const firstRoot = rootOf(hash, read, firstSize)
        const claim = { index, size, root, leafHash: hashes[index]!, proof: inclusionProof(hash, read, index, size) }
        expect(verifyInclusion(hash, claim)).toBe(true)
        const other = Buffer.from(claim.leafHash)
        other[bit % 32]! ^= 1 << (bit % 8)
        expect(verifyInclusion(hash, { ...claim, leafHash: other })).toBe(false)
        if (size > 1) expect(verifyInclusion(hash, { ...claim, index: (index + 1) % size })).toBe(false)
        const proof = consistencyProof(hash, read, firstSize, size)
        const begin = { firstSize, firstRoot, secondSize: size, secondRoot: root, proof }
        expect(verifyConsistency(hash, begin)).toBe(true)
        const forked = Buffer.from(root)
        forked[bit % 32]! ^= 1 << (bit % 8)
        expect(verifyConsistency(hash, { ...begin, firstRoot: forked })).toBe(false)
        if (firstSize > 0) expect(verifyConsistency(hash, { ...begin, secondRoot: forked })).toBe(false)
      }),
      { numRuns: 500 },
    )
  })
})

describe('the ledger', () => {
  it('has the root of the tree in memory across tiles, batches and restarts', async () => {
    const directory = fresh()
    const { keys, ledger } = await open(directory)
    await ledger.append(leaves(0, 3))
    await ledger.append(leaves(3, 700))
    expect(await ledger.append([leaf(5), leaf(700)])).toEqual([5, 700])
    await ledger.close()
    const again = (await open(directory, keys)).ledger
    const hashes = [...again.leaves()].map(([, , entry]) => again.hash.leaf(entry))
    const read = memoryReader(again.hash, hashes)
    for (const size of [0, 1, 255, 256, 257, 512, 700, 701])
      expect(hex(again.root(size))).toBe(hex(rootOf(again.hash, read, size)))
    const proof = again.prove((await again.find(leaf(300)))!.index)
    expect(proof.leaf).toEqual(leaf(300))
    expect(verifyInclusion(again.hash, proof)).toBe(true)
    expect(again.caseLeaves).toBe(701)
    await again.close()
  })

  it('refuses a version with other content', async () => {
    const { ledger } = await open(fresh())
    await ledger.append([leaf(1)])
    await expect(ledger.append([{ ...leaf(1), hash: leaf(2).hash }])).rejects.toThrow('other content')
    await ledger.close()
  })

  it('forgets what a crash left behind the last commit', async () => {
    const directory = fresh()
    const { keys, ledger } = await open(directory)
    await ledger.append(leaves(0, 300))
    const root = hex(ledger.root())
    await ledger.close()
    appendFileSync(join(directory, 'entries'), 'half an ent')
    appendFileSync(join(directory, 'hashes-0'), Buffer.alloc(40))
    appendFileSync(join(directory, 'entry-ends'), Buffer.alloc(3))
    const again = (await open(directory, keys)).ledger
    expect([again.size, hex(again.root())]).toEqual([300, root])
    expect(await again.append([leaf(300)])).toEqual([300])
    expect(verifyInclusion(again.hash, again.prove(300))).toBe(true)
    expect(again.firstDamaged()).toBeUndefined()
    await again.close()
  })

  it('takes over one of before, whose head does not count kinds and whose keys are in no file', async () => {
    const directory = fresh()
    const { keys, ledger } = await open(directory)
    await ledger.append([...leaves(0, 400), { ...leaf(400), kind: 'catalogue' }])
    await ledger.close()
    const path = join(directory, 'head.json')
    const { kinds, ...head } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    expect(kinds).toEqual({ case: 400, catalogue: 1 })
    writeFileSync(path, JSON.stringify(head))
    rmSync(join(directory, 'keys'), { recursive: true })
    const again = (await open(directory, keys)).ledger
    expect(again.kinds).toEqual(kinds)
    expect(await again.append([leaf(7), leaf(401)])).toEqual([7, 401])
    expect((await again.find({ ...leaf(400), kind: 'catalogue' }))?.index).toBe(400)
    expect(await again.find({ ...leaf(400), kind: 'value' })).toBeUndefined()
    expect([again.caseLeaves, again.kinds]).toEqual([401, { case: 401, catalogue: 1 }])
    await again.close()
  })

  it('names the entry that was changed on disk', async () => {
    const directory = fresh()
    const { ledger } = await open(directory)
    await ledger.append(leaves(0, 20))
    const path = join(directory, 'entries')
    const bytes = readFileSync(path)
    bytes[bytes.indexOf('"c7"') + 2]! ^= 1
    writeFileSync(path, bytes)
    expect(ledger.firstDamaged()?.index).toBe(7)
    await ledger.close()
  })
})

describe('checkpoints', () => {
  it('are signed with both keys, and a changed one is refused', async () => {
    const { keys, ledger } = await open(fresh())
    await ledger.append(leaves(0, 5))
    const known = keys.map(publicOf)
    const note = ledger.checkpoint()
    const opened = openCheckpoint(note, known)
    expect(opened).toMatchObject({ origin, size: 5, hash: 'sm3', signedBy: known.map(({ keyId }) => keyId) })
    expect(openCheckpoint(note.replace('\n5\n', '\n6\n'), known)).toMatchObject({
      problem: expect.stringContaining('not good'),
    })
    expect(openCheckpoint(note, makeKeys(origin, ['ed25519']).map(publicOf))).toMatchObject({
      problem: expect.stringContaining('no key'),
    })
    await ledger.close()
  })

  it('carry the time at which a witness saw them', async () => {
    const { keys, ledger } = await open(fresh())
    const witness = makeKeys('audit.example', ['cosign-ed25519', 'cosign-sm2'])
    const note = ledger.checkpoint()
    const text = note.slice(0, note.indexOf('\n\n') + 1)
    const cosigned = formatNote(text, [
      ...keys.map((key) => signNote(key, text, 0)),
      ...witness.map((key) => signNote(key, text, 1_700_000_001_000)),
    ])
    const opened = openCheckpoint(cosigned, keys.map(publicOf), witness.map(publicOf))
    expect(opened).toMatchObject({ cosigned: [{ atMs: 1_700_000_001_000 }, { atMs: 1_700_000_001_000 }] })
    await ledger.close()
  })

  it('come with keys that can be handed on as one line, and secrets that only the owner can read', () => {
    for (const key of makeKeys('a.example', ['ed25519', 'sm2', 'cosign-ed25519', 'cosign-sm2']).map(publicOf)) {
      expect(parseKey(formatKey(key))).toEqual(key)
      expect(parseKey(formatKey(key).replace('a.example', 'b.example'))).toBeUndefined()
    }
    const path = join(fresh(), 'keys.json')
    const made = loadOrMakeKeys(path, 'a.example', ['sm2'])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(loadKeys(path)).toEqual(made)
  })
})
