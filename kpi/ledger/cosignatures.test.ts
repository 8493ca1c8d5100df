// The witness protocol from both ends: what a log asks, what a witness answers, and what neither may do.
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { answerAddCheckpoint, formatAddCheckpoint, parseAddCheckpoint, sizeType } from './add-checkpoint.ts'
import { openCheckpoint } from './checkpoint.ts'
import { Cosignatures, type PostCheckpoint } from './cosignatures.ts'
import type { HashName } from './hash.ts'
import { makeKeys, publicOf } from './keys.ts'
import { Ledger } from './ledger.ts'
import { Witness } from './witness.ts'

const origin = 'log.example/kpi'
const keys = makeKeys(origin, ['ed25519', 'sm2'])
const logKeys = keys.map(publicOf)
const mine = makeKeys('audit.example', ['cosign-ed25519', 'cosign-sm2'])
const clock = new ManualClock(1_700_000_000_000)
const roots: string[] = []
const fresh = (): string => {
  roots.push(mkdtempSync(join(tmpdir(), 'cosign-')))
  return roots.at(-1)!
}
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})
const ledgerIn = (directory: string, hash: HashName = 'sm3') =>
  Ledger.open({ directory, origin, hash, keys }, { clock })
const leaves = (from: number, to: number, mark = 'a') =>
  Array.from({ length: to - from }, (_, i) => ({
    ...{ kind: 'case' as const, id: `c${from + i}`, version: '1', knownMs: 0 },
    hash: `${mark}${String(from + i).padStart(63, '0')}`,
  }))
const witnessIn = (directory: string) => new Witness({ directory, logKeys, keys: mine }, { clock })
const post =
  (witness: Witness): PostCheckpoint =>
  async (body) =>
    answerAddCheckpoint(witness, logKeys, body)

describe('add-checkpoint', () => {
  it('is read as it is written, and anything else is refused', async () => {
    const ledger = await ledgerIn(fresh())
    await ledger.append(leaves(0, 5))
    const request = { oldSize: 3, proof: ledger.consistency(3, 5), note: ledger.checkpoint() }
    const body = formatAddCheckpoint(request)
    expect(body).toMatch(/^old 3\n([A-Za-z0-9+/]{43}=\n)+\nlog.example\/kpi\n5\n/)
    expect(parseAddCheckpoint(body)).toMatchObject({ oldSize: 3, note: request.note })
    for (const wrong of [
      body.replace('old 3', 'old 03'),
      body.replace('old 3', 'old -1'),
      body.replace('old 3\n', 'old 3\nAAAA\n'),
      body.replace('old 3\n', `old 3\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}`),
    ])
      expect(parseAddCheckpoint(wrong)).toBeUndefined()
    await ledger.close()
  })

  it('answers with the status that the specification gives each case', async () => {
    const ledger = await ledgerIn(fresh())
    const witness = witnessIn(fresh())
    const ask = (oldSize: number, proof: Uint8Array[], note: string) =>
      answerAddCheckpoint(witness, logKeys, formatAddCheckpoint({ oldSize, proof, note }))
    await ledger.append(leaves(0, 5))
    const first = ledger.checkpoint()
    const cosigned = ask(0, [], first)
    expect(cosigned.status).toBe(200)
    expect(cosigned.body).toMatch(/^(— audit.example [A-Za-z0-9+/]+=*\n){2}$/)
    expect(ask(5, [], first).status).toBe(200)
    await ledger.append(leaves(5, 9))
    const second = ledger.checkpoint()
    expect(ask(3, ledger.consistency(3, 9), second)).toMatchObject({ status: 409, type: sizeType, body: '5\n' })
    expect(ask(10, [], second).status).toBe(400)
    expect(ask(5, ledger.consistency(4, 9), second).status).toBe(422)
    const other = makeKeys('other.example/kpi', ['ed25519'])
    const stranger = await Ledger.open(
      { directory: fresh(), origin: 'other.example/kpi', hash: 'sm3', keys: other },
      { clock },
    )
    await stranger.append(leaves(0, 1))
    expect(ask(0, [], stranger.checkpoint()).status).toBe(404)
    const forged = await Ledger.open(
      { directory: fresh(), origin, hash: 'sm3', keys: makeKeys(origin, ['ed25519']) },
      { clock },
    )
    await forged.append(leaves(0, 9, 'f'))
    expect(ask(5, [], forged.checkpoint()).status).toBe(403)
    const rewritten = await ledgerIn(fresh())
    await rewritten.append(leaves(0, 5, 'b'))
    expect(ask(5, [], rewritten.checkpoint())).toMatchObject({ status: 409, body: '5\n' })
    expect(ask(5, ledger.consistency(5, 9), second).status).toBe(200)
    await Promise.all([ledger, stranger, forged, rewritten].map((one) => one.close()))
  })
})

describe('cosignatures', () => {
  it.each(['sm3', 'sha256'] as const)('are fetched, checked and kept over a restart (%s)', async (hash) => {
    const directory = fresh()
    const ledger = await ledgerIn(directory, hash)
    const witness = witnessIn(fresh())
    await ledger.append(leaves(0, 3))
    const kept = new Cosignatures(directory, ledger)
    const ask = (one: Cosignatures) => one.ask('audit', mine.map(publicOf), post(witness))
    expect(await ask(kept)).toMatchObject({ state: 'cosigned', cosignature: { size: 3 } })
    await ledger.append(leaves(3, 300))
    expect(await ask(kept)).toMatchObject({ state: 'cosigned', cosignature: { size: 300 } })
    kept.close()
    // A crash in the middle of a line.
    appendFileSync(join(directory, 'cosignatures.ndjson'), '{"witness":"audit","si')
    const again = new Cosignatures(directory, ledger)
    expect(again.latest('audit')?.size).toBe(300)
    expect(openCheckpoint(again.newest()!, logKeys, mine.map(publicOf))).toMatchObject({
      ...{ size: 300, signedBy: logKeys.map(({ keyId }) => keyId) },
      cosigned: [{ name: 'audit.example' }, { name: 'audit.example' }],
    })
    await ledger.append(leaves(300, 301))
    expect(await ask(again)).toMatchObject({ state: 'cosigned' })
    again.close()
    await ledger.close()
  })

  it('find where the witness stands when they lost it, and say what it accuses', async () => {
    const witness = witnessIn(fresh())
    const ledger = await ledgerIn(fresh())
    await ledger.append(leaves(0, 20))
    const first = new Cosignatures(fresh(), ledger)
    await first.ask('audit', mine.map(publicOf), post(witness))
    await ledger.append(leaves(20, 40))
    const lost = new Cosignatures(fresh(), ledger)
    expect(await lost.ask('audit', mine.map(publicOf), post(witness))).toMatchObject({ state: 'cosigned' })

    const restored = await ledgerIn(fresh())
    await restored.append(leaves(0, 30))
    const behind = new Cosignatures(fresh(), restored)
    expect(await behind.ask('audit', mine.map(publicOf), post(witness))).toEqual({
      ...{ state: 'refused', cause: 'it saw 40 leaves, and there are 30' },
    })
    const rewritten = await ledgerIn(fresh())
    await rewritten.append([...leaves(0, 10), ...leaves(10, 11, 'b'), ...leaves(11, 50)])
    const forged = new Cosignatures(fresh(), rewritten)
    expect(await forged.ask('audit', mine.map(publicOf), post(witness))).toMatchObject({ state: 'refused' })
    const strange = new Cosignatures(fresh(), ledger)
    const others = makeKeys('audit.example', ['cosign-ed25519']).map(publicOf)
    expect(await strange.ask('audit', others, post(witnessIn(fresh())))).toMatchObject({ state: 'failed' })
    for (const one of [first, lost, behind, forged, strange]) one.close()
    await Promise.all([ledger, restored, rewritten].map((one) => one.close()))
  })
})
