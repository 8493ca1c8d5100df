// A bundle is checked with nothing but itself and the keys: signatures, every record's proof, the evidence set, and the
// figure worked out anew by the oracle. The first thing that is wrong is named.
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import { canonicalJson, recordHash } from '#core/canonical.ts'
import type { Leaf } from '../contract.ts'
import type { Definition } from '../definitions/definition.ts'
import { readDefinition } from '../definitions/load.ts'
import { type OpenedCheckpoint, openCheckpoint } from '../ledger/checkpoint.ts'
import { type TreeHash, treeHash } from '../ledger/hash.ts'
import { isCosigner, type PublicKey, parseKey } from '../ledger/keys.ts'
import { encodeLeaf } from '../ledger/leaf.ts'
import { verifyConsistency, verifyInclusion } from '../ledger/proof.ts'
import type { Granted } from '../oracle/granted.ts'
import { answer } from '../oracle/oracle.ts'
import type { OracleFact } from '../oracle/reading.ts'
import { oldestFirst } from '../oracle/versions.ts'
import {
  bundleFiles,
  caseLine,
  caseProof,
  compareProofs,
  consistencyFile,
  evidenceOf,
  factLine,
  figuresOf,
  fileBytesMax,
  type GradeFile,
  leavesOf,
  otherProofs,
  type ValueFile,
  valueFile,
} from './format.ts'

export interface BundleFault {
  /** `cases.ndjson:17`, or a file. */
  where: string
  id: string
  cause: string
  /** Of the ledger, where one record is meant. */
  leaf?: number
}

export interface BundleReport {
  fault: BundleFault | undefined
  records: number
  size: number
  cosigned: { name: string; keyId: string }[]
  figure: Record<string, unknown> | undefined
  /** As it was exported and signed; nobody can work it out from the bundle. */
  grade: GradeFile | null | undefined
}

class Wrong extends Error {
  fault: BundleFault
  constructor(where: string, id: string, cause: string, leaf?: number) {
    super(cause)
    this.fault = { where, id, cause, ...(leaf === undefined ? {} : { leaf }) }
  }
}

export interface BundleTrust {
  /** Keys that were got on another way; without them those in the bundle are believed. */
  keys?: string
  /** Older checkpoints, cosigned or not, that the bundle's must go on from. */
  checkpoints?: readonly string[]
}

export function verifyBundle(directory: string, trust: BundleTrust = {}): BundleReport {
  const report: BundleReport = {
    fault: undefined,
    records: 0,
    size: 0,
    cosigned: [],
    figure: undefined,
    grade: undefined,
  }
  try {
    verify(directory, trust, report)
  } catch (error) {
    if (error instanceof Wrong) report.fault = error.fault
    else report.fault = { where: directory, id: '', cause: `it cannot be read: ${(error as Error).message}` }
  }
  return report
}

function verify(directory: string, trust: BundleTrust, report: BundleReport): void {
  const names = plainFiles(directory)
  const read = (name: string): string => {
    if (!names.files.has(name)) throw new Wrong(name, '', 'the file is missing')
    return textOf(name, bytesOf(directory, name))
  }
  /** The one line of a file. */
  const only = <T>(name: string, schema: Schema<T>): T => {
    const [line, another] = linesOf(name, read(name))
    if (!line || another) throw new Wrong(name, '', 'it is not written as it was exported')
    return parsed(name, line.text, schema)
  }
  const proofOfGoingOn = (): z.output<typeof consistencyFile> | undefined =>
    existsSync(join(directory, bundleFiles.consistency)) ? only(bundleFiles.consistency, consistencyFile) : undefined
  const keys = keysOf(
    trust.keys === undefined ? bundleFiles.keys : 'the keys given',
    trust.keys ?? read(bundleFiles.keys),
  )
  const checkpoint = opened(bundleFiles.checkpoint, read(bundleFiles.checkpoint), keys)
  const hash = treeHash(checkpoint.hash)
  report.size = checkpoint.size
  report.cosigned = checkpoint.cosigned
  // Lines of keys that nobody knows here are skipped, as signed notes want it: who brings a witness's key asks for its
  // signature, or taking the line out would go unseen.
  if (trust.keys !== undefined) cosignedByAll(checkpoint, keys)
  for (const older of trust.checkpoints ?? [])
    goesOn(hash, opened('the older checkpoint', older, keys), checkpoint, proofOfGoingOn())
  // The one that it was exported with has to hold as well, whether or not the reader has it.
  if (existsSync(join(directory, bundleFiles.older)))
    goesOn(hash, opened(bundleFiles.older, read(bundleFiles.older), keys), checkpoint, proofOfGoingOn())

  const included = (where: string, leaf: Leaf, { index, proof }: { index: number; proof: string[] }): void => {
    const claim = { index, size: checkpoint.size, leafHash: hash.leaf(encodeLeaf(leaf)), root: checkpoint.root }
    if (!verifyInclusion(hash, { ...claim, proof: proof.map((one) => Buffer.from(one, 'base64')) }))
      throw new Wrong(
        where,
        leaf.id,
        'it is not what the ledger holds: its hash and proof do not lead to the signed root',
      )
  }
  const catalogue = linesOf(bundleFiles.catalogue, read(bundleFiles.catalogue)).map(({ where, text }) =>
    parsed(where, text, factLine),
  )
  const proofs = only(bundleFiles.proofs, otherProofs)
  const given = only(bundleFiles.value, valueFile)
  const publications = Map.groupBy(catalogue, ({ version }) => String(version))
  proofs.forEach((one, i) => {
    if (i > 0 && compareProofs(proofs[i - 1]!, one) >= 0)
      throw new Wrong(bundleFiles.proofs, one.id, 'the proofs are not in their order, or one is there twice')
  })
  for (const { file, index, proof, ...leaf } of proofs) {
    const rows = publications.get(leaf.version) ?? []
    const content =
      leaf.kind === 'catalogue'
        ? recordHash(rows)
        : leaf.kind === 'value'
          ? recordHash(given)
          : /^[\w.-]+(\/[\w.-]+)?$/.test(file) && !file.includes('..') && existsSync(join(directory, file))
            ? recordHash(read(file))
            : ''
    // A name that the figure does not know either is damaged itself.
    const isKnown = given.files === undefined || Object.hasOwn(given.files, file)
    if (content === '' && isKnown && fits(leaf.kind, file) && /^[\w./-]+$/.test(file) && !file.includes('..'))
      throw new Wrong(file, leaf.id, 'the file is missing')
    if (content === '' || !fits(leaf.kind, file))
      throw new Wrong(bundleFiles.proofs, leaf.id, `"${file}" is no file of a bundle`)
    included(file, { ...leaf, hash: content }, { index, proof })
  }
  // What the figure was made of is proved by now: it says which leaf each record must be.
  if (!proofs.some(({ kind, file }) => kind === 'value' && file === bundleFiles.value))
    throw new Wrong(bundleFiles.value, '', 'it has no proof')
  const cases = casesOf(read(bundleFiles.cases), read(bundleFiles.caseProofs), included, given.evidence.leaves)
  report.records = cases.length
  report.grade = given.grade

  const proved = (kind: string, id: string, version?: string): boolean =>
    proofs.some((one) => one.kind === kind && one.id === id && (version === undefined || one.version === version))
  for (const version of new Set(catalogue.map((fact) => String(fact.version))))
    if (!proved('catalogue', 'catalogue', version))
      throw new Wrong(bundleFiles.catalogue, version, 'the publication has no proof')

  const { definition: loaded, problems } = readDefinition(join(directory, bundleFiles.definition))
  if (!loaded) throw new Wrong(bundleFiles.definition, '', problems[0]?.cause ?? 'it is no definition')
  const { definition } = loaded.plan
  if (
    !proofs.some(
      ({ kind, file, id }) => kind === 'definition' && file === bundleFiles.definition && id === definition.id,
    )
  )
    throw new Wrong(bundleFiles.definition, definition.id, 'it has no proof')

  const others = otherVersions(directory, definition.id, (file, version) =>
    proofs.some((one) => one.kind === 'definition' && one.file === file && one.version === version),
  )

  if (given.files) {
    sameFiles(names, given.files, read)
    signedByAll(checkpoint, keysOf(bundleFiles.keys, read(bundleFiles.keys)))
  }

  // All of them are read when the figure is worked out anew.
  for (const name of readdirSync(join(directory, bundleFiles.calendars))) {
    const file = `${bundleFiles.calendars}/${name}`
    if (!proofs.some((one) => one.kind === 'calendar' && one.file === file))
      throw new Wrong(file, '', 'the calendar has no proof')
  }
  const evidence = evidenceOf(
    hash,
    cases.map(({ recordHash: one }) => one),
  )
  if (evidence.count !== given.evidence.count)
    throw new Wrong(
      bundleFiles.cases,
      '',
      `there are ${evidence.count} records; the figure was made of ${given.evidence.count}`,
    )
  if (evidence.hash !== given.evidence.hash)
    throw new Wrong(bundleFiles.cases, '', 'the records are not those the figure was made of')

  const { request } = given
  const facts: OracleFact[] =
    definition.fact === 'case'
      ? cases.map(({ fact }) => fact)
      : catalogue.filter(({ kind }) => kind === definition.fact).map(oracleFact)
  const items = Map.groupBy(
    catalogue.filter(({ kind, removed, knownMs }) => kind === 'item' && !removed && knownMs <= request.knownMs),
    ({ id, fields }) => String(fields['code'] ?? id),
  )
  const all = oldestFirst([definition, ...others])
  const versions = request.version === undefined ? all : all.filter(({ version }) => version === request.version)
  const grants = catalogue.filter(({ kind }) => kind === 'adjudication').map(grantOf)
  const itemOf = (code: string, atMs: number) => itemAt(items.get(code) ?? [], atMs)
  const [value] = answer({ ...request, by: [], rules: directory }, versions, facts, itemOf, grants)
  const mine = figuresOf(value ?? {})
  report.figure = mine
  const wanted = figuresOf(given.value)
  const calendar = String(mine['calendarVersion'])
  if (!proofs.some(({ kind, id, version }) => kind === 'calendar' && `${id}-${version}` === calendar))
    throw new Wrong(bundleFiles.calendars, calendar, 'the calendar has no proof')
  for (const name of Object.keys(wanted))
    if (canonicalJson(mine[name] ?? null) !== canonicalJson(wanted[name] ?? null))
      throw new Wrong(
        bundleFiles.value,
        definition.id,
        `${name} is given as ${canonicalJson(wanted[name])}, and follows as ${canonicalJson(mine[name])}`,
      )
}

function casesOf(
  text: string,
  proofText: string,
  included: (where: string, leaf: Leaf, proof: { index: number; proof: string[] }) => void,
  runs: ValueFile['evidence']['leaves'],
): { fact: OracleFact; recordHash: string }[] {
  const lines = linesOf(bundleFiles.cases, text)
  const proofs = linesOf(bundleFiles.caseProofs, proofText)
  const wanted = runs && leavesOf(runs)
  let before = -1
  const one = ({ where, text: line }: { where: string; text: string }, i: number, leaf: number | undefined) => {
    const wrong = (id: string, cause: string): Wrong => new Wrong(where, id, cause)
    const { record, knownMs } = parsed(where, line, caseLine)
    if (wanted && leaf === undefined) throw wrong(record.id, `the figure was made of ${wanted.length} records`)
    const proofLine = proofs[i]
    if (!proofLine) throw wrong(record.id, 'it has no proof')
    const proof = parsed(proofLine.where, proofLine.text, caseProof)
    if (leaf !== undefined && proof.index !== leaf)
      throw wrong(record.id, `here stands leaf ${proof.index}; leaf ${leaf} is missing or stands elsewhere`)
    const hash = recordHash(record)
    included(where, { kind: 'case', id: record.id, version: String(record.version), hash, knownMs }, proof)
    if (proof.index <= before) throw wrong(record.id, 'it is not in the order of arrival, or there twice')
    before = proof.index
    const fields = { ...record, region: record['region'] || null, department: record['department'] || null }
    const { id, version } = record
    const gone = record['withdrawnRecord'] === true
    const steps = (record['steps'] ?? []) as OracleFact['steps']
    return { fact: { id, version, knownMs, fromMs: 0, toMs: null, gone, steps, fields }, recordHash: hash }
  }
  const cases = lines.map((line, i) => {
    const leaf = wanted?.[i]
    try {
      return one(line, i, leaf)
    } catch (error) {
      // Whatever is wrong with it, it is this leaf that should stand here.
      throw error instanceof Wrong ? new Wrong(error.fault.where, error.fault.id, error.message, leaf) : error
    }
  })
  const end = `${bundleFiles.cases}:${lines.length + 1}`
  if (wanted && wanted.length > lines.length)
    throw new Wrong(end, '', `the record of leaf ${wanted[lines.length]} is missing`, wanted[lines.length])
  if (proofs.length > lines.length)
    throw new Wrong(proofs[lines.length]!.where, '', 'a proof without its record: the record is missing')
  return cases
}

/** The last that was said of a span that had begun by then; nothing when that span had ended. */
function itemAt(rows: readonly ReturnType<typeof factLine.parse>[], atMs: number): Record<string, unknown> | undefined {
  const begun = rows.filter(({ validFromMs }) => validFromMs <= atMs).at(-1)
  return begun && (begun.validToMs ?? Number.POSITIVE_INFINITY) > atMs ? begun.fields : undefined
}

function grantOf({ fields, ...row }: ReturnType<typeof factLine.parse>): Granted {
  const { knownMs, validFromMs: fromMs, validToMs: toMs } = row
  const said = { kpi: String(fields['kpi']), case: String(fields['case']), isTakenBack: row.removed === true }
  return { ...said, knownMs, fromMs, toMs }
}

function oracleFact(row: ReturnType<typeof factLine.parse>): OracleFact {
  const { id, version, knownMs, validFromMs: fromMs, validToMs: toMs } = row
  const fields = { ...row.fields, city: String(row.fields['region'] ?? '').slice(0, 4) }
  return { id, version, knownMs, fromMs, toMs, gone: row.removed === true, steps: [], fields }
}

function bytesOf(directory: string, name: string): Buffer {
  try {
    return readFileSync(join(directory, name))
  } catch (error) {
    throw new Wrong(name, '', `it cannot be read: ${(error as Error).message}`)
  }
}

/** Bytes that are no text would all be read as the same sign. */
function textOf(name: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Wrong(name, '', 'it is not UTF-8 text')
  }
}

/** Which file a leaf speaks of. */
function fits(kind: string, file: string): boolean {
  if (kind === 'calendar') return file.startsWith(`${bundleFiles.calendars}/`)
  if (kind === 'definition' && file.startsWith(`${bundleFiles.definitions}/`)) return true
  return (
    file === { definition: bundleFiles.definition, catalogue: bundleFiles.catalogue, value: bundleFiles.value }[kind]
  )
}

/** Versions that are not the one that counts: it must be seen that none of them is. */
function otherVersions(
  directory: string,
  id: string,
  isProved: (file: string, version: string) => boolean,
): Definition[] {
  if (!existsSync(join(directory, bundleFiles.definitions))) return []
  return readdirSync(join(directory, bundleFiles.definitions)).map((name) => {
    const file = `${bundleFiles.definitions}/${name}`
    const { definition, problems } = readDefinition(join(directory, file))
    if (!definition) throw new Wrong(file, '', problems[0]?.cause ?? 'it is no definition')
    const { id: other, version } = definition.plan.definition
    if (other !== id) throw new Wrong(file, other, 'it is another definition')
    if (!isProved(file, version)) throw new Wrong(file, other, 'it has no proof')
    return definition.plan.definition
  })
}

/** Files that are signed together with the figure are there, as they were; others do not belong to it. */
function sameFiles(names: Names, files: Record<string, string>, read: (name: string) => string): void {
  for (const [name, hash] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    // The names are signed, and still stay within the bundle.
    if (name.startsWith('/') || name.includes('..') || recordHash(read(name)) !== hash)
      throw new Wrong(name, '', 'it is not the file that was exported with the figure')
  }
  const after = [bundleFiles.caseProofs, bundleFiles.proofs, bundleFiles.value, bundleFiles.checkpoint] as string[]
  if (files[bundleFiles.older] !== undefined) after.push(bundleFiles.consistency)
  const belongs = (name: string): boolean => Object.hasOwn(files, name) || after.includes(name)
  const other = [...names.files].sort().find((name) => !belongs(name))
  if (other !== undefined) throw new Wrong(other, '', 'it does not belong to the bundle')
  const empty = names.directories.find((name) => ![...names.files].some((file) => file.startsWith(`${name}/`)))
  if (empty !== undefined) throw new Wrong(empty, '', 'it does not belong to the bundle')
}

/** Whoever brings a witness's key asks for its signature. */
function cosignedByAll({ cosigned }: OpenedCheckpoint, keys: readonly PublicKey[]): void {
  for (const { name, keyId, kind } of keys)
    if (isCosigner(kind) && !cosigned.some((one) => one.name === name && one.keyId === keyId))
      throw new Wrong(
        bundleFiles.checkpoint,
        '',
        `the witness ${name}, whose key ${keyId} was given, has not cosigned it`,
      )
}

interface Names {
  files: Set<string>
  directories: string[]
}

const filesMax = 10_000
const depthMax = 4

/** What lies there, before anything is opened: a link may lead anywhere, a pipe never ends, a file can claim any size. */
function plainFiles(directory: string): Names {
  const found: Names = { files: new Set(), directories: [] }
  const top = lstatSync(directory, { throwIfNoEntry: false })
  if (!top) throw new Wrong(directory, '', 'there is no such directory')
  if (!statSync(directory).isDirectory())
    throw new Wrong(directory, '', 'it is no directory: a bundle is one, unpack it if it came in an archive')
  const walk = (below: string, depth: number): void => {
    for (const entry of readdirSync(join(directory, below), { withFileTypes: true })) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) {
        if (depth >= depthMax) throw new Wrong(name, '', 'it lies too deep for a bundle')
        found.directories.push(name)
        walk(name, depth + 1)
        continue
      }
      if (!entry.isFile()) throw new Wrong(name, '', 'it is no plain file, but a link or a device')
      const { size } = lstatSync(join(directory, name))
      if (size > fileBytesMax)
        throw new Wrong(name, '', `it has ${size} bytes; a file of a bundle has at most ${fileBytesMax}`)
      found.files.add(name)
      if (found.files.size > filesMax) throw new Wrong(name, '', `a bundle has at most ${filesMax} files`)
    }
  }
  walk('', 0)
  return found
}

/** Each key of the ledger has signed, once, in the order of the keys: one good signature must not hide that another is gone. */
function signedByAll({ note, origin }: OpenedCheckpoint, keys: readonly PublicKey[]): void {
  const wanted = keys.filter(({ name }) => name === origin).map(({ keyId }) => keyId)
  const there = note.signatures.filter(({ name }) => name === origin).map(({ keyId }) => keyId)
  if (wanted.join() !== there.join())
    throw new Wrong(
      bundleFiles.checkpoint,
      '',
      `keys ${wanted.join(', ')} have signed; here are signatures of ${there.join(', ')}`,
    )
}

interface Schema<T> {
  safeParse(data: unknown): { success: true; data: T } | { success: false }
}

/** Exactly as it is written, so that no byte can be changed unseen. */
function parsed<T>(where: string, text: string, schema: Schema<T>): T {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new Wrong(where, '', 'it is not JSON')
  }
  const result = schema.safeParse(data)
  if (!result.success) throw new Wrong(where, '', 'it does not have the form of a bundle')
  // What was checked is compared, not what was given: a `__proto__` of the text is not in it.
  if (canonical(where, result.data) !== text) throw new Wrong(where, '', 'it is not written as it was exported')
  return result.data
}

function canonical(where: string, data: unknown): string {
  try {
    return canonicalJson(data)
  } catch (error) {
    throw error instanceof RangeError ? new Wrong(where, '', 'it is nested too deep') : error
  }
}

function linesOf(name: string, text: string): { where: string; text: string }[] {
  if (text === '') return []
  if (!text.endsWith('\n')) throw new Wrong(`${name}:${text.split('\n').length}`, '', 'the last line is cut off')
  return text
    .slice(0, -1)
    .split('\n')
    .map((line, i) => ({ where: `${name}:${i + 1}`, text: line }))
}

function keysOf(where: string, text: string): PublicKey[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length === 0) throw new Wrong(where, '', 'there is no key in it')
  return lines.map((line, i) => {
    const key = parseKey(line)
    if (!key) throw new Wrong(`${where}:${i + 1}`, '', 'it is no public key')
    return key
  })
}

function opened(where: string, text: string, keys: readonly PublicKey[]): OpenedCheckpoint {
  const found = openCheckpoint(
    text,
    keys.filter(({ kind }) => !isCosigner(kind)),
    keys.filter(({ kind }) => isCosigner(kind)),
  )
  if ('problem' in found) throw new Wrong(where, '', found.problem)
  return found
}

function goesOn(
  hash: TreeHash,
  older: OpenedCheckpoint,
  newer: OpenedCheckpoint,
  found: z.output<typeof consistencyFile> | undefined,
): void {
  const where = bundleFiles.consistency
  if (older.origin !== newer.origin || older.hash !== newer.hash)
    throw new Wrong(where, '', 'the older checkpoint is of another ledger')
  const given = found ?? { first: older.size, proof: [] }
  if (older.size !== newer.size && given.first !== older.size)
    throw new Wrong(
      where,
      '',
      `the proof begins at ${given.first} leaves, the older checkpoint at ${older.size}: export with --checkpoint`,
    )
  const proof = older.size === newer.size ? [] : given.proof.map((one) => Buffer.from(one, 'base64'))
  const claim = { firstSize: older.size, firstRoot: older.root, secondSize: newer.size, secondRoot: newer.root, proof }
  if (!verifyConsistency(hash, claim))
    throw new Wrong(
      where,
      '',
      `the ledger does not go on from the ${older.size} leaves of the older checkpoint: its history was rewritten`,
    )
}
