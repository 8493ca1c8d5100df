// A bundle: one figure with all that it follows from, as files that anybody can read.
import { z } from 'zod'
import { hashBytes, type TreeHash } from '../ledger/hash.ts'

export const bundleFiles = {
  readme: 'README.md',
  definition: 'definition.yml',
  /** Other versions of it: why it is this one that counts. */
  definitions: 'definitions',
  calendars: 'calendars',
  catalogue: 'catalogue.ndjson',
  cases: 'cases.ndjson',
  caseProofs: 'cases.proofs.ndjson',
  proofs: 'proofs.json',
  value: 'value.json',
  checkpoint: 'checkpoint',
  consistency: 'consistency.json',
  older: 'older.checkpoint',
  keys: 'keys.txt',
} as const

export const evidenceMax = 450_000
/** A file is held as one text, and no text may be longer than 512 MiB: about as many versions of cases. */
export const fileBytesMax = 500 * 1024 * 1024

const count = z.int().min(0)
/** In the one way base64 is written: another spelling of the same bytes is a change too. */
const hash = z
  .string()
  .length(44)
  .refine((text) => {
    const bytes = Buffer.from(text, 'base64')
    // 44 characters without padding are 33 bytes, of which a hash would swallow one unseen.
    return bytes.length === hashBytes && bytes.toString('base64') === text
  })
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
/** Versions of definition and calendars, and publications of the catalogue. */
const proofsMax = 20_000
export const otherProofs = z
  .array(
    z.strictObject({
      file: z.string().max(300),
      kind: z.enum(['definition', 'calendar', 'catalogue', 'value']),
      ...{ id: z.string().max(500), version: z.string().max(200), knownMs: z.int(), index: count, proof: hashes },
    }),
  )
  .max(proofsMax)
const kindsInOrder = ['definition', 'calendar', 'catalogue', 'value']

/** The one order in which proofs stand: by kind, then by leaf. */
export function compareProofs(a: { kind: string; index: number }, b: { kind: string; index: number }): number {
  return kindsInOrder.indexOf(a.kind) - kindsInOrder.indexOf(b.kind) || a.index - b.index
}

const words = z.strictObject({ en: z.string().max(2000), zh: z.string().max(2000) })
/** How far the figure was to be believed when it was exported. It cannot be worked out from one figure's evidence: it is signed. */
const gradeFile = z.strictObject({
  grade: z.string().max(2),
  says: words,
  because: z.array(z.strictObject({ condition: z.string().max(64), needed: z.number(), is: z.number() })).max(20),
  /** The run of the checks that it is by. */
  run: z.strictObject({
    period: z.string().max(32),
    endedMs: z.int(),
    gradeRulesVersion: z.string().max(64),
    traceRulesVersion: z.string().max(64),
  }),
  /** Of each department whose cases are in the figure. */
  cells: z.array(z.strictObject({ department: z.string().max(500), grade: z.string().max(2) })).max(10_000),
})
export type GradeFile = z.output<typeof gradeFile>

export const valueFile = z.strictObject({
  request: z.strictObject({
    ...{ period: z.string().max(32), switches: texts, only: texts, validMs: z.int(), knownMs: z.int() },
    /** This version of the definition was asked for, whatever was in force. */
    version: z.string().max(20).optional(),
  }),
  value: z.record(z.string(), z.unknown()),
  /** null: nothing was graded yet. Bundles of before have none. */
  grade: gradeFile.nullable().optional(),
  /**
   * So that a record that is taken out with its proof, or stands elsewhere, shows, and which one it is: the leaves of the
   * records in their order, as runs of [first, how many]. Bundles of before have no `leaves`.
   */
  evidence: z.strictObject({ count, hash: z.string(), leaves: z.array(z.tuple([count, count])).optional() }),
  /** Of every file that was there before the figure was signed, by name: hashes of their texts. Bundles of before have none. */
  files: z.record(z.string().max(300), z.string().max(64)).optional(),
})
export type ValueFile = z.output<typeof valueFile>
export const consistencyFile = z.strictObject({ first: count, proof: hashes })

/** Number and hash of the records' hashes in sorted order; the runs of their leaves. */
export function evidenceOf(
  hash: TreeHash,
  recordHashes: readonly string[],
  leaves?: readonly number[],
): ValueFile['evidence'] {
  const digest = hash.of([...recordHashes].sort().join('\n')).toString('hex')
  return { count: recordHashes.length, hash: digest, ...(leaves ? { leaves: runsOf(leaves) } : {}) }
}

function runsOf(leaves: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const leaf of leaves) {
    const last = runs.at(-1)
    if (last && last[0] + last[1] === leaf) last[1]++
    else runs.push([leaf, 1])
  }
  return runs
}

/** Every leaf of the runs in order, never more than a bundle may hold. */
export function leavesOf(runs: readonly (readonly [number, number])[]): number[] {
  const leaves: number[] = []
  for (const [first, many] of runs) for (let i = 0; i < many && leaves.length < evidenceMax; i++) leaves.push(first + i)
  return leaves
}

const compared = [
  ...['kpi', 'dimensions', 'switches', 'state', 'ratio', 'numerator', 'denominator'],
  ...['count', 'groups', 'exclusions', 'calendarVersion', 'definitionVersion', 'definitionSpan'],
]
/** What engine and oracle must both say. */
export function figuresOf(value: object): Record<string, unknown> {
  const all = value as Record<string, unknown>
  return Object.fromEntries(compared.map((name) => [name, all[name] ?? null]))
}
