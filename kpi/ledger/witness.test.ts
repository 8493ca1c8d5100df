import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Leaf } from '../contract.ts'
import { openCheckpoint } from './checkpoint.ts'
import { followOnce } from './follow.ts'
import { makeKeys, publicOf } from './keys.ts'
import { Ledger } from './ledger.ts'
import { Witness } from './witness.ts'

const origin = 'log.example/kpi'
const clock = new ManualClock(1_700_000_000_000)
const fresh = () => {
  const directory = mkdtempSync(join(tmpdir(), 'witness-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
const leaves = (from: number, to: number, mark = 'a'): Leaf[] =>
  Array.from({ length: to - from }, (_, i) => ({
    ...{ kind: 'case', id: `c${from + i}`, version: '1', knownMs: 0 },
    hash: `${mark}${String(from + i).padStart(63, '0')}`,
  }))

function setting() {
  const keys = makeKeys(origin, ['ed25519', 'sm2'])
  const logKeys = keys.map(publicOf)
  const mine = makeKeys('audit.example', ['cosign-ed25519', 'cosign-sm2'])
  const directory = fresh()
  const witness = () => new Witness({ directory, logKeys, keys: mine }, { clock })
  const ledger = () => Ledger.open({ directory: fresh(), origin, hash: 'sm3', keys }, { clock })
  return { keys, logKeys, mine, directory, witness, ledger }
}

describe('a witness', () => {
  it('cosigns what continues, remembers it over a restart, and says where a proof must begin', async () => {
    const { witness, ledger, logKeys, mine } = setting()
    const log = await ledger()
    await log.append(leaves(0, 5))
    expect(witness().update(log.checkpoint(), 0, [])).toMatchObject({ state: 'cosigned', size: 5 })
    await log.append(leaves(5, 12))
    expect(witness().update(log.checkpoint(), 0, [])).toMatchObject({ reason: 'old-size', size: 5 })
    const answer = witness().update(log.checkpoint(), 5, log.consistency(5, 12))
    expect(answer.state).toBe('cosigned')
    const opened = openCheckpoint(witness().last()!.note, logKeys, mine.map(publicOf))
    expect(opened).toMatchObject({ size: 12, cosigned: [{ name: 'audit.example' }, { name: 'audit.example' }] })
    await log.close()
  })

  it('refuses a rewritten log though its signatures are good, and keeps the evidence', async () => {
    const { witness, ledger, directory } = setting()
    const log = await ledger()
    await log.append(leaves(0, 8))
    witness().update(log.checkpoint(), 0, [])
    const rewritten = await ledger()
    await rewritten.append([...leaves(0, 3), ...leaves(3, 4, 'b'), ...leaves(4, 10)])
    const answer = witness().update(rewritten.checkpoint(), 8, rewritten.consistency(8, 10))
    expect(answer).toMatchObject({ state: 'refused', reason: 'fork' })
    const short = await ledger()
    await short.append(leaves(0, 7))
    expect(witness().update(short.checkpoint(), 8, [])).toMatchObject({ reason: 'shrunk' })
    expect(readFileSync(join(directory, 'refused'), 'utf8').trim().split('\n')).toHaveLength(2)
    expect(witness().last()!.opened.size).toBe(8)
    await Promise.all([log.close(), rewritten.close(), short.close()])
  })

  it('follows a log over HTTP', async () => {
    const { witness, ledger, logKeys } = setting()
    const log = await ledger()
    await log.append(leaves(0, 5))
    const server = createServer((request, response) => {
      const url = new URL(request.url!, 'http://log')
      const [first, second] = ['first', 'second'].map((name) => Number(url.searchParams.get(name)))
      if (url.pathname.endsWith('/checkpoint')) response.end(log.checkpoint())
      else
        response.end(
          JSON.stringify({
            proof: log.consistency(first!, second!).map((one) => Buffer.from(one).toString('base64')),
          }),
        )
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/kpi/ledger`
    expect(await followOnce(url, witness(), logKeys)).toMatchObject({ state: 'cosigned', size: 5 })
    await log.append(leaves(5, 300))
    expect(await followOnce(url, witness(), logKeys)).toMatchObject({ state: 'cosigned', size: 300 })
    expect(await followOnce(url, witness(), logKeys)).toMatchObject({ state: 'cosigned', size: 300 })
    server.close()
    await log.close()
  })
})
