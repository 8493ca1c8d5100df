// A bundle: one figure with all that it follows from, as files that anybody can read.
import { z } from 'zod'
import type { TreeHash } from '../ledger/hash.ts'

export const bundleFiles = {
  readme: 'README.md',
  definition: 'definition.yml',
  calendars: 'calendars',
  catalogue: 'catalogue.ndjson',
  cases: 'cases.ndjson',
  caseProofs: 'cases.proofs.ndjson',
  proofs: 'proofs.json',
  value: 'value.json',
  checkpoint: 'checkpoint',
  consistency: 'consistency.json',
  keys: 'keys.txt',
} as const

export const evidenceMax = 2_000_000

const count = z.int().min(0)
/** In the one way base64 is written: another spelling of the same bytes is a change too. */
const hash = z
  .string()
  .length(44)
  .refine((text) => Buffer.from(text, 'base64').toString('base64') === text)
const hashes = z.array(hash).max(64)
const texts = z.record(z.string().max(256), z.string().max(4096))

export const caseLine = z.strictObject({
  record: z.looseObject({ id: z.string().min(1).max(500), version: z.int().min(1) }),
  knownMs: z.int(),
})
export const factLine = z.strictObject({
  ...{ kind: z.string(), id: z.string(), version: z.int(), knownMs: z.int(), validFromMs: z.number() },
  ...{
    validToMs: z.number().nullable(),
    fields: z.record(z.string(), z.unknown()),
    removed: z.literal(true).optional(),
  },
})
export const caseProof = z.strictObject({ index: count, proof: hashes })
export const otherProofs = z.array(
  z.strictObject({
    file: z.string().max(300),
    kind: z.enum(['definition', 'calendar', 'catalogue', 'value']),
    ...{ id: z.string().max(500), version: z.string().max(200), knownMs: z.int(), index: count, proof: hashes },
  }),
)
export const valueFile = z.strictObject({
  request: z.strictObject({
    ...{ period: z.string().max(32), switches: texts, only: texts, validMs: z.int(), knownMs: z.int() },
  }),
  value: z.record(z.string(), z.unknown()),
  /** So that a record that is taken out, with its proof, shows. */
  evidence: z.strictObject({ count, hash: z.string() }),
})
export type ValueFile = z.output<typeof valueFile>
export const consistencyFile = z.strictObject({ first: count, proof: hashes })

/** Number and hash of the records' hashes in sorted order. */
export function evidenceOf(hash: TreeHash, recordHashes: readonly string[]): ValueFile['evidence'] {
  return { count: recordHashes.length, hash: hash.of([...recordHashes].sort().join('\n')).toString('hex') }
}

const compared = [
  ...['kpi', 'dimensions', 'switches', 'state', 'ratio', 'numerator', 'denominator'],
  ...['count', 'groups', 'exclusions', 'calendarVersion'],
]
/** What engine and oracle must both say. */
export function figuresOf(value: object): Record<string, unknown> {
  const all = value as Record<string, unknown>
  return Object.fromEntries(compared.map((name) => [name, all[name] ?? null]))
}
