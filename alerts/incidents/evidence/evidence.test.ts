import { createHash, randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CodedError } from '#core/errors.ts'
import type { Event } from '#core/event.ts'
import { covers, everywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import { seededRandom } from '#core/random.ts'
import { analyst, type Bench, openBench } from '../testing.ts'
import { safeName } from './archive.ts'
import { mayRead } from './custody.ts'
import { createLocker } from './locker.ts'
import { verifyArchive } from './verify.ts'

const startMs = 1_800_000_000_000
const events: Event[] = Array.from({ length: 7 }, (_, i) => ({
  '@timestamp': startMs + 1000 * (7 - i),
  'event.id': `e${i}`,
  'event.ingested': startMs,
  'event.dataset': 'sshd',
  'observer.name': 'test',
  message: `Failed password ${i}`,
  'guanlan.region': i % 2 === 0 ? '440305' : '440106',
}))
const wei = { actor: analyst('wei') }
const shenzhen: Jurisdiction = { regions: ['440300'], departments: [] }
const sight = (bounds: Jurisdiction) => ({
  bounds,
  within: (query: string) => query,
  maySee: (event: Event) => bounds.regions.length === 0 || String(event['guanlan.region']).startsWith('4403'),
})
async function* once(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

let bench: Bench
let id: string
beforeAll(async () => {
  bench = await openBench(events, startMs)
  bench.clock.advance(10_000)
  const { fingerprint } = await bench.fire({ rule: 'events/ssh', atMs: startMs })
  id = await bench.draft({ alerts: [fingerprint] })
})
afterAll(() => bench.dispose())

const upload = (content: Uint8Array, declaredBytes = 0) =>
  bench.incidents.addFile(
    wei,
    id,
    { name: 'a.bin', mediaType: '', note: '', bounds: everywhere, declaredBytes },
    once(content),
  )
const evidence = async () => (await bench.incidents.detail(id, everywhere)).evidence

it('the events of an incident are frozen exactly, in the order of their time, each once', async () => {
  await bench.incidents.freeze(wei, id, sight(everywhere))
  const [alerts, frozen] = await evidence()
  expect([alerts!.kind, alerts!.records, frozen!.kind, frozen!.records]).toEqual(['alerts', 1, 'events', 7])
  const { content } = await bench.incidents.readEvidence(wei.actor, id, frozen!.id, everywhere)
  const parts: Uint8Array[] = []
  for await (const part of content) parts.push(part)
  const text = Buffer.concat(parts)
  const rows = text
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event)
  expect(rows).toEqual([...events].reverse())
  expect(createHash('sm3').update(text).digest('hex')).toBe(frozen!.sm3)
  const { custody } = (await evidence())[1]!
  expect(custody).toBe(2)
})

it('a file larger than allowed is refused by what it declares, or when it goes on; nothing of it stays', async () => {
  const directory = join(bench.directory, 'evidence')
  const before = (await readdir(directory)).sort()
  await expect(upload(new Uint8Array(1), 257 * 1024 * 1024)).rejects.toMatchObject({ code: 'body.too-large' })
  const locker = createLocker(directory, seededRandom(1))
  await expect(locker.put(once(new Uint8Array(60), new Uint8Array(60)), 100)).rejects.toMatchObject({
    code: 'body.too-large',
  })
  expect((await readdir(directory)).sort()).toEqual(before)
})

it('what was changed on the disk is not given out: an error, and a line in the chain of custody', async () => {
  await upload(Buffer.from('terminal as it was found'))
  const row = (await evidence()).find(({ name }) => name === 'a.bin')!
  const file = join(bench.directory, 'evidence', row.sha256)
  await writeFile(file, 'terminal as it was faked')
  const read = () => bench.incidents.readEvidence(wei.actor, id, row.id, everywhere)
  await expect(read()).rejects.toMatchObject({ code: 'incident.evidence', status: 500 })
  await rm(file)
  await expect(read()).rejects.toThrow(/the file is gone/)
  const lines = (await bench.incidents.custody(id, everywhere)).filter(({ evidenceId }) => evidenceId === row.id)
  expect(lines.map(({ action, actor }) => [action, actor])).toEqual([
    ['added', 'wei'],
    ['damaged', 'wei'],
    ['damaged', 'wei'],
  ])
  await expect(bench.incidents.archive(wei.actor, id, everywhere)).rejects.toBeInstanceOf(CodedError)
  await writeFile(file, 'terminal as it was found')
})

it('an auditor does not read evidence; who answers for a part reads what was frozen within it', async () => {
  await bench.incidents.freeze(wei, id, sight(shenzhen))
  const rows = await evidence()
  const part = rows.findLast(({ kind }) => kind === 'events')!
  expect(part.records).toBeLessThan(7)
  const auditor = { ...analyst('an'), role: 'auditor' as const }
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'ok',
      (error: CodedError) => error.code,
    )
  expect(await codeOf(bench.incidents.readEvidence(auditor, id, part.id, everywhere))).toBe('auth.forbidden')
  expect(await codeOf(bench.incidents.readEvidence(wei.actor, id, part.id, shenzhen))).toBe('ok')
  expect(await codeOf(bench.incidents.readEvidence(wei.actor, id, rows[1]!.id, shenzhen))).toBe('auth.outside')
})

it('nobody sees through evidence what they may not see otherwise', () => {
  const place = fc.record({
    regions: fc.subarray(['440300', '440305', '440100', '440106']),
    departments: fc.subarray(['a', 'b']),
  })
  // Every single place that the evidence may speak of is one that the reader sees.
  const all = ['440300', '440305', '440106', '440100', '440900'].flatMap((region) =>
    ['a', 'b', 'c'].map((department) => ({ region, department })),
  )
  fc.assert(
    fc.property(place, place, (bounds, reader) => {
      if (mayRead({ bounds }, reader))
        for (const one of all) expect(!covers(bounds, one) || covers(reader, one)).toBe(true)
      expect(mayRead({ bounds }, bounds)).toBe(true)
      expect(mayRead({ bounds }, everywhere)).toBe(true)
    }),
  )
})

it('an archive is whole, names what it withholds, and any changed byte of a file is found', async () => {
  const { stream, manifestSha256 } = await bench.incidents.archive(wei.actor, id, shenzhen)
  const file = join(bench.directory, 'out.tar')
  await pipeline(stream, createWriteStream(file))
  const check = await verifyArchive(file, manifestSha256)
  expect(check).toMatchObject({ problems: [], exportedBy: 'wei', withheld: 3 })
  expect(check.files.map(({ name }) => name)).toContain('timeline.json')
  expect((await verifyArchive(file, '0'.repeat(64))).problems).toHaveLength(1)
  const whole = await readFile(file)
  const contents = check.files.filter(({ bytes }) => bytes > 0)
  for (const { name } of contents) {
    const head = whole.lastIndexOf(name)
    const copy = Buffer.from(whole)
    copy[head + 512] = copy[head + 512]! ^ 1
    await writeFile(file, copy)
    expect((await verifyArchive(file)).problems.join()).toContain(name)
  }
  await writeFile(file, whole.subarray(0, whole.length / 2))
  await expect(verifyArchive(file)).rejects.toMatchObject({ code: 'incident.invalid' })
  await writeFile(file, randomBytes(4096))
  await expect(verifyArchive(file)).rejects.toMatchObject({ code: 'incident.invalid' })
})

it('a name in an archive never leaves its directory', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const safe = safeName(name)
      expect(safe).toMatch(/^[\p{L}\p{N}_-][\p{L}\p{N}._-]*$/u)
      expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(60)
    }),
  )
  expect(safeName('../../etc/passwd')).toBe('etc_passwd')
  expect(safeName('现场 1.png')).toBe('现场_1.png')
})
