// A case that is sent becomes a leaf that can be proved, without anybody doing anything.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { treeHash } from '#kpi/ledger/hash.ts'
import { verifyInclusion } from '#kpi/ledger/proof.ts'
import { type Running, startObservatory } from './observatory.ts'

let observatory: Running
beforeAll(async () => {
  observatory = await startObservatory()
})
afterAll(() => observatory.dispose())

const sizeOf = async (): Promise<number> =>
  Number((await (await fetch(`${observatory.url}/api/kpi/ledger/checkpoint`)).text()).split('\n')[1])

test('a case sent to the observatory is proved by its ledger', async () => {
  await expect.poll(sizeOf).toBeGreaterThan(0)
  const before = await sizeOf()
  const sent = await fetch(`${observatory.url}/api/kpi/cases`, {
    method: 'POST',
    headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/x-ndjson' },
    body: `${JSON.stringify({ id: 'e2e-1', department: 'd-1', openedMs: 1_790_000_000_000 })}\n`,
  })
  expect(sent.status).toBeLessThan(300)
  await expect.poll(sizeOf).toBe(before + 1)
  const proof = await observatory.get<{
    leaf: { id: string }
    index: number
    size: number
    leafHash: string
    root: string
    proof: string[]
  }>('/api/kpi/ledger/inclusion?kind=case&id=e2e-1&version=1')
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
  const { index, size } = proof
  expect(proof.leaf.id).toBe('e2e-1')
  const claim = { index, size, leafHash: bytes(proof.leafHash), root: bytes(proof.root) }
  expect(verifyInclusion(treeHash('sm3'), { ...claim, proof: proof.proof.map(bytes) })).toBe(true)
})
