// Writes a bundle: the figure is worked out by the engine, becomes a leaf itself, and all of it is proved under one checkpoint.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalJson, recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { withLimits } from '../cases/item-fields.ts'
import { adjudicationsOf } from '../catalogue/adjudications.ts'
import { itemsOf } from '../catalogue/items.ts'
import type { Fact, KpiValue, Leaf, StoredCase } from '../contract.ts'
import type { Plan } from '../definitions/plan.ts'
import { chooseVersions } from '../definitions/versions.ts'
import { computeKpi } from '../engine/compute.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { type CalendarSource, calendarAt, compileCalendar } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import { bundleFiles, compareProofs, evidenceOf, fileBytesMax, type GradeFile, type ValueFile } from './format.ts'
import { bundleReadme } from './readme.ts'

export interface BundleInput {
  /** Every version of the definition, with its text. */
  definitions: readonly { plan: Plan; text: string }[]
  calendars: { name: string; text: string; source: CalendarSource }[]
  facts: readonly Fact[]
  catalogueVersion: number | null
  /** In their order of arrival; all of them must be in the ledger. */
  cases: readonly StoredCase[]
  request: ValueFile['request']
  /** An older checkpoint that the reader has, as a signed note. */
  older?: { note: string; size: number }
  /** How far the figure is to be believed, and its departments. */
  gradeOf?(value: KpiValue, departments: readonly string[]): GradeFile | null
  /** A checkpoint of the ledger as it is now with signatures of witnesses; undefined: there is none. */
  cosign?(): Promise<string | undefined>
  /** Public keys of witnesses. */
  witnessKeys?: readonly string[]
}

export async function writeBundle(directory: string, ledger: Ledger, input: BundleInput): Promise<ValueFile> {
  const { request, definitions } = input
  const [chosen] = chooseVersions(
    definitions.map(({ plan }) => plan),
    { ...request, by: [], ...(request.version === undefined ? {} : { version: request.version }) },
  )
  const { plan, keep } = chosen!
  const { definition } = plan
  const fileOf = (one: Plan): string =>
    one === plan ? bundleFiles.definition : `${bundleFiles.definitions}/${one.definition.version}.yml`
  const zone = zoneOf(definition.zone)
  const compiled = input.calendars.map(({ source }) => compileCalendar(source))
  const calendar = calendarAt(compiled, definition.calendar, request.knownMs)
  if (!calendar) throw new CodedError('not-found', { what: `The calendar ${definition.calendar}` })
  const period = parsePeriod(request.period, zone)
  const facts = input.facts.filter(({ knownMs }) => knownMs <= request.knownMs)
  const cases = input.cases.filter(({ knownMs }) => knownMs <= request.knownMs)
  const year = new Date(zone.dayOf(request.validMs) * 86_400_000).getUTCFullYear()
  const items = itemsOf(facts, request.knownMs)
  const values = computeKpi(
    plan,
    {
      cases,
      facts: facts.map((fact) => ({
        ...fact,
        fields: { ...fact.fields, city: String(fact.fields['region'] ?? '').slice(0, 4) },
      })),
    },
    {
      ...{ switches: request.switches, only: request.only, validMs: request.validMs, knownMs: request.knownMs },
      ...{ period, by: [], calendar, catalogueVersion: input.catalogueVersion },
      adjudicated: adjudicationsOf(facts, request.knownMs, request.validMs),
      item: (code, atMs) => {
        const row = items(code, atMs)
        return row && withLimits(row, calendar, year)
      },
    },
  )
  const [value] = keep(values)
  const caseLeaves = await leavesOf(ledger, cases)
  const lines = (rows: readonly unknown[]): string => {
    const made: string[] = []
    let bytes = 0
    for (const row of rows) {
      const line = `${canonicalJson(row)}\n`
      bytes += Buffer.byteLength(line)
      if (bytes > fileBytesMax) throw new CodedError('bundle.too-large', { limit: fileBytesMax })
      made.push(line)
    }
    return made.join('')
  }
  // What is there before the figure is signed is signed with it.
  const files: Record<string, string> = {
    ...Object.fromEntries(definitions.map((one) => [fileOf(one.plan), one.text])),
    ...Object.fromEntries(input.calendars.map(({ name, text }) => [`${bundleFiles.calendars}/${name}`, text])),
    [bundleFiles.catalogue]: lines(facts),
    [bundleFiles.cases]: lines(cases.map(({ record, knownMs }) => ({ record, knownMs }))),
    [bundleFiles.keys]: `${[...ledger.publicKeys, ...(input.witnessKeys ?? [])].join('\n')}\n`,
    [bundleFiles.readme]: bundleReadme(definition.id, request.period, cases.length, ledger.hash.name),
    ...(input.older ? { [bundleFiles.older]: input.older.note } : {}),
  }
  const given = JSON.parse(
    canonicalJson({
      request,
      value: value!,
      files: Object.fromEntries(Object.entries(files).map(([name, text]) => [name, recordHash(text)])),
      ...(input.gradeOf
        ? { grade: input.gradeOf(value!, [...new Set(cases.map(({ record }) => record.department))].sort()) }
        : {}),
      evidence: evidenceOf(
        ledger.hash,
        cases.map(({ hash }) => hash),
        caseLeaves.map(({ index }) => index),
      ),
    }),
  ) as ValueFile
  const hash = recordHash(given)
  const leaf: Leaf = { kind: 'value', id: definition.id, version: hash.slice(0, 32), hash, knownMs: request.knownMs }
  await ledger.append([leaf])

  const checkpoint = (await input.cosign?.()) ?? ledger.checkpoint()
  const size = ledger.size
  const prove = async (kind: Leaf['kind'], id: string, version: string, content: string) => {
    const found = await ledger.find({ kind, id, version })
    if (!found) throw new CodedError('not-found', { what: `A leaf of ${kind} ${id.slice(0, 64)} version ${version}` })
    return proofOf(found, content)
  }
  const proofOf = ({ index, leaf: { kind, id, version, hash, knownMs } }: Found, content: string) => {
    if (hash !== content) throw new CodedError('ledger.conflict', { kind, id: id.slice(0, 64), version })
    const proof = ledger.prove(index, size).proof.map((one) => Buffer.from(one).toString('base64'))
    return { knownMs, index, proof }
  }
  const other = async (file: string, kind: Leaf['kind'], id: string, version: string, content: string) => ({
    ...{ file, kind, id, version },
    ...(await prove(kind, id, version, content)),
  })
  const publications = [...Map.groupBy(facts, ({ version }) => version)]
  const proofs = await Promise.all([
    ...definitions.map((one) =>
      other(fileOf(one.plan), 'definition', definition.id, one.plan.definition.version, recordHash(one.text)),
    ),
    ...input.calendars.map(({ name, text, source }) =>
      other(`${bundleFiles.calendars}/${name}`, 'calendar', source.id, String(source.version), recordHash(text)),
    ),
    ...publications.map(([version, rows]) =>
      other(bundleFiles.catalogue, 'catalogue', 'catalogue', String(version), recordHash(rows)),
    ),
    other(bundleFiles.value, 'value', leaf.id, leaf.version, hash),
  ])
  proofs.sort((a, b) => compareProofs(a, b))
  mkdirSync(join(directory, bundleFiles.calendars), { recursive: true })
  if (definitions.length > 1) mkdirSync(join(directory, bundleFiles.definitions))
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text)
  for (const [name, text] of Object.entries(files)) write(name, text)
  write(
    bundleFiles.caseProofs,
    lines(
      cases.map(({ hash: content }, i) => {
        const { index, proof } = proofOf(caseLeaves[i]!, content)
        return { index, proof }
      }),
    ),
  )
  write(bundleFiles.proofs, lines([proofs]))
  write(bundleFiles.value, lines([given]))
  write(bundleFiles.checkpoint, checkpoint)
  if (input.older) {
    const proof = ledger.consistency(input.older.size, size).map((one) => Buffer.from(one).toString('base64'))
    write(bundleFiles.consistency, lines([{ first: input.older.size, proof }]))
  }
  return given
}

type Found = { index: number; leaf: Leaf }

async function leavesOf(ledger: Ledger, cases: readonly StoredCase[]): Promise<Found[]> {
  const wanted = cases.map(({ record: { id, version } }) => ({ kind: 'case' as const, id, version: String(version) }))
  return (await ledger.findAll(wanted)).map((found, i) => {
    const { id, version } = wanted[i]!
    if (!found) throw new CodedError('not-found', { what: `A leaf of case ${id.slice(0, 64)} version ${version}` })
    return found
  })
}
