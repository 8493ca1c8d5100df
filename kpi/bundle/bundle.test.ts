// A bundle holds as it was exported; edits, deletions, re-orderings and rewrites of it are found and located.
// GUANLAN_TAMPER_RUNS sets how many; npm run test:tamper does 10,000.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { canonicalJson, recordHash } from '#core/canonical.ts'
import { ManualClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import { readYaml } from '#core/yaml-source.ts'
import { emptyCase } from '../cases/case-record.ts'
import { adjudicationFact } from '../catalogue/adjudications.ts'
import type { Fact, Leaf, StoredCase } from '../contract.ts'
import { readDefinition } from '../definitions/load.ts'
import { formatKey, makeKeys, publicOf, signNote } from '../ledger/keys.ts'
import { Ledger } from '../ledger/ledger.ts'
import { calendarSchema } from '../time/calendar.ts'
import type { GradeFile } from './format.ts'
import { verifyBundle } from './verify.ts'
import { writeBundle } from './write.ts'

const runs = Number(process.env['GUANLAN_TAMPER_RUNS'] ?? 200)
const rules = resolve(import.meta.dirname, '../../rules/kpi')
const definitionFile = join(rules, 'on-time.yml')
const calendarText = readFileSync(join(rules, 'calendars', 'cn-2026-1.yml'), 'utf8')
const source = readYaml('cn-2026-1.yml', calendarText, calendarSchema).value!
const { plan } = readDefinition(definitionFile).definition!
const definitionText = readFileSync(definitionFile, 'utf8')
const origin = 'log.example/kpi'
const keys = makeKeys(origin, ['ed25519'])
const home = mkdtempSync(join(tmpdir(), 'bundle-'))
afterAll(() => rmSync(home, { recursive: true }))
const caseCount = 30
const start = Date.UTC(2026, 8, 1)
const hour = 3_600_000
const nowMs = start + 1000 * hour

const grade: Omit<GradeFile, 'cells'> = {
  ...{ grade: 'C', says: { en: 'partly', zh: '部分' } },
  because: [{ condition: 'corroboratedMin', needed: 0.9, is: 0.875 }],
  run: { period: '2026', endedMs: nowMs, gradeRulesVersion: '1', traceRulesVersion: '1' },
}

function stored(n: number, closeAfter = 40 + n): StoredCase {
  const openedMs = start + n * hour
  const record = {
    ...emptyCase(),
    ...{
      id: `c${n}`,
      department: `d${n % 3}`,
      region: '440103',
      channel: n % 2 ? ('web' as const) : ('window' as const),
    },
    ...{ openedMs, acceptedMs: openedMs, closedMs: openedMs + closeAfter * hour, dueMs: openedMs + 50 * hour },
    ...{ outcome: 'granted' as const },
  }
  return { record, knownMs: start + n, sequence: n + 1, hash: recordHash(record) }
}

async function exported(
  name: string,
  cases: StoredCase[],
  signers = keys,
  facts: readonly Fact[] = [],
): Promise<{ out: string; checkpoint: string }> {
  const ledger = await Ledger.open(
    { directory: join(home, `${name}-ledger`), origin, hash: 'sm3', keys: signers },
    { clock: new ManualClock(0) },
  )
  const leaf = (kind: Leaf['kind'], id: string, version: unknown, text: string): Leaf => ({
    ...{ kind, id, version: String(version), hash: recordHash(text), knownMs: start },
  })
  await ledger.append([
    leaf('definition', plan.definition.id, plan.definition.version, definitionText),
    leaf('calendar', source.id, source.version, calendarText),
    ...(facts.length > 0
      ? [{ kind: 'catalogue' as const, id: 'catalogue', version: '1', hash: recordHash(facts), knownMs: start }]
      : []),
    ...cases.map(({ record, hash, knownMs }) => ({
      kind: 'case' as const,
      id: record.id,
      version: '1',
      hash,
      knownMs,
    })),
  ])
  const checkpoint = ledger.checkpoint()
  const out = join(home, name)
  await writeBundle(out, ledger, {
    ...{
      definitions: [{ plan, text: definitionText }],
      calendars: [{ name: 'cn-2026-1.yml', text: calendarText, source }],
    },
    ...{ facts, catalogueVersion: null, cases, older: { note: checkpoint, size: ledger.size } },
    request: { period: '2026-09', switches: {}, only: {}, validMs: nowMs, knownMs: nowMs },
    gradeOf: (_, departments) => ({ ...grade, cells: departments.map((department) => ({ department, grade: 'B' })) }),
  })
  await ledger.close()
  return { out, checkpoint }
}

it(`holds as it was exported, and locates every change of ${runs} rounds`, { timeout: 900_000 }, async () => {
  const random = seededRandom(20_261_125)
  const pick = (count: number): number => Math.floor(random.next() * count)
  const cases = Array.from({ length: caseCount }, (_, n) => stored(n))
  const { out, checkpoint } = await exported('true', cases)
  const trust = { keys: readFileSync(join(out, 'keys.txt'), 'utf8'), checkpoints: [checkpoint] }
  const sound = verifyBundle(out, trust)
  expect(sound.fault).toBeUndefined()
  expect(sound.records).toBe(caseCount)
  expect(sound.figure).toMatchObject({ count: caseCount })
  // The grade as it was exported, with each department's own; a better one is a change like any other.
  expect(sound.grade).toEqual({ ...grade, cells: ['d0', 'd1', 'd2'].map((department) => ({ department, grade: 'B' })) })
  const copy = join(home, 'copy')
  cpSync(out, copy, { recursive: true })
  const original = (name: string): string => readFileSync(join(out, name), 'utf8')
  const lines = original('cases.ndjson').trimEnd().split('\n')
  const proofs = original('cases.proofs.ndjson').trimEnd().split('\n')
  const wrong: string[] = []
  let changed = 0
  /** Definition and calendar are the leaves before the cases. */
  const leafAt = (n: number): number => n + 2
  const attempt = (what: string, files: Record<string, string | Buffer>, where: string[], leaf?: number): void => {
    const differs = Object.entries(files).some(
      ([name, text]) => !Buffer.from(text).equals(readFileSync(join(out, name))),
    )
    if (differs) changed++
    for (const [name, text] of Object.entries(files)) writeFileSync(join(copy, name), text)
    const { fault } = verifyBundle(copy, trust)
    if (!fault || !where.includes(fault.where) || (leaf !== undefined && fault.leaf !== leaf))
      wrong.push(`${what}, wanted ${where.join(' or ')}, leaf ${leaf}: ${JSON.stringify(fault)}`)
    for (const name of Object.keys(files)) writeFileSync(join(copy, name), readFileSync(join(out, name)))
  }
  const text = (list: string[]): string => list.map((line) => `${line}\n`).join('')
  const added = join(copy, 'calendars', 'other.yml')
  writeFileSync(added, calendarText)
  expect(verifyBundle(copy, trust).fault?.where).toBe('calendars/other.yml')
  rmSync(added)
  // A byte more than a hash has, where the padding was: it must not be swallowed.
  for (const instead of ['9', '5']) {
    const place = original('proofs.json').indexOf('="')
    const bytes = Buffer.from(original('proofs.json'))
    bytes[place] = instead.charCodeAt(0)
    writeFileSync(join(copy, 'proofs.json'), bytes)
    expect(verifyBundle(copy, trust).fault?.where).toBe('proofs.json')
    writeFileSync(join(copy, 'proofs.json'), original('proofs.json'))
  }
  writeFileSync(join(copy, 'value.json'), original('value.json').replace('"grade":"C"', '"grade":"A"'))
  expect(verifyBundle(copy, trust).fault?.where).toBe('value.json')
  writeFileSync(join(copy, 'value.json'), original('value.json'))
  for (let run = 0; run < runs; run++) {
    const at = pick(caseCount)
    const given = [...lines]
    const givenProofs = [...proofs]
    const line = (n: number): string => `cases.ndjson:${n + 1}`
    // Ledger and bundle made anew with the true keys cost an export each: one round of twenty-five.
    switch (run % 25 === 0 ? 5 : pick(5)) {
      case 0: {
        const { record, knownMs } = stored(at, 500 + pick(1000))
        given[at] = canonicalJson({ record, knownMs })
        attempt('edit', { 'cases.ndjson': text(given) }, [line(at)], leafAt(at))
        break
      }
      case 1:
        given.splice(at, 1)
        attempt('deletion', { 'cases.ndjson': text(given) }, [line(at)], leafAt(at))
        break
      case 2: {
        given.splice(at, 1)
        givenProofs.splice(at, 1)
        const files = { 'cases.ndjson': text(given), 'cases.proofs.ndjson': text(givenProofs) }
        attempt('deletion with proof', files, [line(at)], leafAt(at))
        break
      }
      case 3: {
        const other = (at + 1 + pick(caseCount - 1)) % caseCount
        const [low, high] = [Math.min(at, other), Math.max(at, other)]
        for (const list of [given, givenProofs]) [list[low], list[high]] = [list[high]!, list[low]!]
        const files = { 'cases.ndjson': text(given), 'cases.proofs.ndjson': text(givenProofs) }
        attempt('re-ordering', files, [line(low)], leafAt(low))
        break
      }
      case 4: {
        const names = [
          'definition.yml',
          'value.json',
          'proofs.json',
          'checkpoint',
          'calendars/cn-2026-1.yml',
          'cases.ndjson',
        ]
        const name = names[pick(names.length)]!
        const bytes = readFileSync(join(out, name))
        const place = pick(bytes.length - 1)
        const before = bytes.subarray(0, place).toString('utf8')
        bytes[place]! ^= 1 << pick(7)
        const row = before.split('\n').length - 1
        if (name === 'cases.ndjson') attempt('damage', { [name]: bytes }, [line(row)], leafAt(row))
        else if (name === 'proofs.json')
          attempt('damage', { [name]: bytes }, [name, fileOfProof(original(name), place)])
        else attempt('damage', { [name]: bytes }, [name])
        break
      }
      default: {
        // Only who kept an older checkpoint sees it.
        const forgedName = `forged-${run}`
        const forged = await exported(
          forgedName,
          cases.map((one, n) => (n === at ? stored(n, 500 + pick(1000)) : one)),
        )
        changed++
        expect(verifyBundle(forged.out, { keys: trust.keys }).fault).toBeUndefined()
        const { fault } = verifyBundle(forged.out, trust)
        if (fault?.where !== 'consistency.json') wrong.push(`rewrite: ${JSON.stringify(fault)}`)
        rmSync(forged.out, { recursive: true })
        rmSync(join(home, `${forgedName}-ledger`), { recursive: true })
      }
    }
  }
  const located = `${changed} of ${runs} rounds changed something, ${changed - wrong.length} of them located`
  if (process.env['GUANLAN_TAMPER_RUNS']) console.log(`bundle: ${located}`)
  expect(wrong).toEqual([])
  expect(changed).toBe(runs)
})

it('names the file, whatever is done to it, and lets none of it pass', { timeout: 120_000 }, async () => {
  const { out, checkpoint } = await exported(
    'ways',
    Array.from({ length: 5 }, (_, n) => stored(n)),
  )
  const copy = join(home, 'ways-copy')
  const keysText = readFileSync(join(out, 'keys.txt'), 'utf8')
  const trusts = [{ keys: keysText, checkpoints: [checkpoint] }, { keys: keysText }, {}]
  const names = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(out, join(entry.parentPath, entry.name)))
  expect(names).toHaveLength(12)
  const ways: Record<string, (text: string) => string | Buffer | undefined> = {
    deleted: () => undefined,
    emptied: () => '',
    halved: (text) => text.slice(0, text.length / 2),
    'cut by a byte': (text) => text.slice(0, -1),
    'a blank at the end': (text) => `${text} `,
    'a line at the end': (text) => `${text}\n`,
    'a blank in the first line': (text) => text.replace('\n', ' \n'),
    'a mark before it': (text) => `\uFEFF${text}`,
    'other ends of lines': (text) => text.replaceAll('\n', '\r\n'),
    'a byte that is no text': (text) =>
      Buffer.concat([Buffer.from(text.slice(0, 9)), Buffer.from([0xff]), Buffer.from(text.slice(10))]),
    'the first line twice': (text) => `${text.split('\n')[0]}\n${text}`,
  }
  const missed: string[] = []
  for (const name of names)
    for (const [way, change] of Object.entries(ways))
      for (const trust of trusts) {
        cpSync(out, copy, { recursive: true })
        const text = readFileSync(join(out, name), 'utf8')
        const changed = change(text)
        rmSync(join(copy, name))
        if (changed !== undefined) writeFileSync(join(copy, name), changed)
        const { fault } = verifyBundle(copy, trust)
        // Of a proof line that is not its record's the record is named, for it is that which is not proved.
        const said = name === 'cases.proofs.ndjson' ? 'cases.' : name
        if (changed !== text && !fault?.where.startsWith(said)) missed.push(`${name} ${way}: ${JSON.stringify(fault)}`)
        rmSync(copy, { recursive: true })
      }
  cpSync(out, copy, { recursive: true })
  writeFileSync(join(copy, 'note.txt'), 'mine')
  expect(verifyBundle(copy).fault).toMatchObject({ where: 'note.txt', cause: 'it does not belong to the bundle' })
  rmSync(join(copy, 'note.txt'))
  const signed = readFileSync(join(copy, 'checkpoint'), 'utf8')
  writeFileSync(join(copy, 'checkpoint'), `${signed}${signed.trimEnd().split('\n').at(-1)}\n`)
  expect(verifyBundle(copy).fault?.where).toBe('checkpoint')
  rmSync(join(copy, 'checkpoint'))
  mkdirSync(join(copy, 'checkpoint'))
  expect(verifyBundle(copy).fault?.where).toBe('checkpoint')
  expect(missed).toEqual([])
})

it('does not take one good signature for two', async () => {
  const both = makeKeys(origin, ['ed25519', 'sm2'])
  const { out } = await exported('both', [stored(1)], both)
  expect(verifyBundle(out).fault).toBeUndefined()
  const [text, signatures] = readFileSync(join(out, 'checkpoint'), 'utf8').split('\n\n') as [string, string]
  for (const line of signatures.trimEnd().split('\n')) {
    writeFileSync(join(out, 'checkpoint'), `${text}\n\n${line}\n`)
    expect(verifyBundle(out).fault?.where).toBe('checkpoint')
  }
})

it('asks every witness whose key is brought, by each of its keys', async () => {
  const witness = makeKeys('audit.example', ['cosign-ed25519', 'cosign-sm2'])
  const { out } = await exported('witnessed', [stored(1)])
  const note = readFileSync(join(out, 'checkpoint'), 'utf8')
  const text = note.slice(0, note.indexOf('\n\n') + 1)
  const lines = witness.map((key) => `${signNote(key, text, nowMs)}`.trimEnd())
  const brought = [
    readFileSync(join(out, 'keys.txt'), 'utf8').trimEnd(),
    ...witness.map((key) => formatKey(publicOf(key))),
  ]
  const faultOf = (there: string[]) => {
    writeFileSync(join(out, 'checkpoint'), `${note}${there.map((line) => `${line}\n`).join('')}`)
    return verifyBundle(out, { keys: brought.join('\n') }).fault
  }
  expect(faultOf(lines)).toBeUndefined()
  for (const [i, key] of witness.entries()) {
    const cause = `the witness audit.example, whose key ${publicOf(key).keyId} was given, has not cosigned it`
    expect(faultOf(lines.toSpliced(i, 1))).toMatchObject({ where: 'checkpoint', cause })
    // Under a name that nobody knows it is nobody's signature.
    expect(faultOf(lines.with(i, lines[i]!.replace('audit.example', 'audit.other')))).toMatchObject({ cause })
  }
})

it('opens nothing that is no plain file of a bearable size, and is not brought down by what it reads', async () => {
  const { out } = await exported('hostile', [stored(1)])
  const copy = join(home, 'hostile-copy')
  const faultOf = (spoil: () => void) => {
    cpSync(out, copy, { recursive: true })
    spoil()
    const { fault } = verifyBundle(copy)
    rmSync(copy, { recursive: true })
    return fault
  }
  const instead = (name: string, put: (path: string) => void) => () => {
    rmSync(join(copy, name))
    put(join(copy, name))
  }
  const link = 'it is no plain file, but a link or a device'
  expect(faultOf(instead('value.json', (path) => symlinkSync('/dev/zero', path)))).toMatchObject({
    ...{ where: 'value.json', cause: link },
  })
  expect(faultOf(() => symlinkSync('/etc', join(copy, 'definitions')))).toMatchObject({
    where: 'definitions',
    cause: link,
  })
  const pipe = (path: string): void => void execFileSync('mkfifo', [path])
  expect(faultOf(instead('cases.ndjson', pipe))).toMatchObject({ where: 'cases.ndjson', cause: link })
  expect(faultOf(() => truncateSync(join(copy, 'cases.ndjson'), 10_000_000_000))).toMatchObject({
    ...{ where: 'cases.ndjson', cause: expect.stringContaining('it has 10000000000 bytes') },
  })
  expect(faultOf(() => mkdirSync(join(copy, 'a/b/c/d/e/f'), { recursive: true }))?.cause).toMatch('too deep')
  expect(faultOf(() => mkdirSync(join(copy, 'empty')))).toMatchObject({ where: 'empty' })
  const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`
  const line = `{"fields":{"a":${deep}},"id":"a","kind":"item","knownMs":1,"validFromMs":1,"validToMs":null,"version":1}\n`
  expect(faultOf(instead('catalogue.ndjson', (path) => writeFileSync(path, line)))).toMatchObject({
    ...{ where: 'catalogue.ndjson:1', cause: 'it is nested too deep' },
  })
  const cases = readFileSync(join(out, 'cases.ndjson'), 'utf8')
  const proto = cases.replace('"record":{', '"record":{"__proto__":{"channel":"web"},')
  expect(faultOf(instead('cases.ndjson', (path) => writeFileSync(path, proto)))?.where).toBe('cases.ndjson:1')
  expect(verifyBundle(join(out, 'value.json')).fault?.cause).toMatch('it is no directory')
  expect(verifyBundle(join(home, 'nowhere')).fault?.cause).toMatch('there is no such directory')
})

/** The file whose entry in proofs.json a byte belongs to. */
function fileOfProof(text: string, place: number): string {
  let end = 1
  for (const entry of JSON.parse(text) as { file: string }[]) {
    end += canonicalJson(entry).length + 1
    if (place < end) return entry.file
  }
  return 'proofs.json'
}

it('leaves out what was adjudicated, proves that, and finds an adjudication that is gone', async () => {
  const about = { appeal: 'a-1', restatement: 'r-1', region: '4401', department: 'd0' }
  const facts = ['c0', 'c3'].map((caseId) => ({
    ...adjudicationFact({ ...about, kpi: plan.definition.id, caseId }, start),
    version: 1,
  }))
  const { out } = await exported(
    'adjudicated',
    Array.from({ length: 6 }, (_, n) => stored(n)),
    keys,
    facts,
  )
  const sound = verifyBundle(out)
  expect(sound.fault).toBeUndefined()
  expect(sound.figure).toMatchObject({ count: 6, exclusions: { adjudicated: 2 }, denominator: '4' })
  const file = join(out, 'catalogue.ndjson')
  const [first, second] = readFileSync(file, 'utf8').split('\n')
  writeFileSync(file, `${first}\n`)
  expect(verifyBundle(out).fault).toMatchObject({ where: 'catalogue.ndjson' })
  writeFileSync(file, `${first}\n${second!.replace('"c3"', '"c4"')}\n`)
  expect(verifyBundle(out).fault).toMatchObject({ where: 'catalogue.ndjson' })
})
