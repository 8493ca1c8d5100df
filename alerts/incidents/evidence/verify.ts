// Checks an exported incident on any machine: every file against the manifest, and the manifest against a hash that was
// written down when it was exported.
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { manifestName } from './archive.ts'
import { newHashes, seal, update } from './locker.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const manifestSchema = z.object({
  ...{ format: z.literal('guanlan-incident'), version: z.literal(1) },
  incident: z.object({ id: z.string(), number: z.number(), title: z.string() }),
  ...{ exportedBy: z.string(), exportedMs: z.number() },
  files: z
    .array(
      z.object({
        ...{ name: z.string().max(300), bytes: z.number().nonnegative(), sha256: hash, sm3: hash },
        evidence: z
          .object({ id: z.string(), name: z.string(), kind: z.string(), addedBy: z.string(), addedMs: z.number() })
          .optional(),
      }),
    )
    .max(100_000),
  withheld: z.array(z.object({ id: z.string(), sha256: hash })),
})

export interface ArchiveCheck {
  incident: { id: string; number: number; title: string }
  exportedBy: string
  exportedMs: number
  manifestSha256: string
  files: { name: string; bytes: number; problem: string }[]
  withheld: number
  /** Empty when the file is what was exported, as far as can be told. */
  problems: string[]
}

const manifestBytesMax = 32 * 1024 * 1024

/** @throws CodedError `incident.invalid` when it is no such archive */
export async function verifyArchive(path: string, expectedManifest = ''): Promise<ArchiveCheck> {
  const seen = new Map<string, { bytes: number; sha256: string; sm3: string }>()
  const twice: string[] = []
  let manifest: Buffer | undefined
  const tar = extract()
  tar.on('entry', (header, stream, next) => {
    const isFirst = manifest === undefined
    const hashes = newHashes()
    const parts: Uint8Array[] = []
    let bytes = 0
    stream.on('data', (chunk) => {
      const part = chunk as Uint8Array
      bytes += part.length
      update(hashes, part)
      if (isFirst && bytes <= manifestBytesMax) parts.push(part)
    })
    stream.on('error', next)
    stream.on('end', () => {
      if (isFirst) {
        if (header.name !== manifestName || bytes > manifestBytesMax)
          return next(unreadable(`it begins with ${header.name.slice(0, 100)} instead of ${manifestName}`))
        manifest = Buffer.concat(parts)
      } else {
        if (seen.has(header.name)) twice.push(header.name)
        seen.set(header.name, { bytes, sha256: hashes.sha256.digest('hex'), sm3: hashes.sm3.digest('hex') })
      }
      next()
    })
  })
  try {
    await pipeline(createReadStream(path), tar)
  } catch (error) {
    if (error instanceof CodedError) throw error
    throw unreadable((error as Error).message)
  }
  if (!manifest) throw unreadable('it is empty')
  return compare(manifest, seen, twice, expectedManifest)
}

function compare(
  manifest: Buffer,
  seen: ReadonlyMap<string, { bytes: number; sha256: string; sm3: string }>,
  twice: readonly string[],
  expectedManifest: string,
): ArchiveCheck {
  const parsed = manifestSchema.safeParse(readJson(manifest))
  if (!parsed.success) throw unreadable(`the manifest: ${parsed.error.issues[0]!.message}`)
  const { incident, exportedBy, exportedMs, files, withheld } = parsed.data
  const checked = files.map(({ name, bytes, sha256, sm3 }) => {
    const found = seen.get(name)
    const problem = !found
      ? 'missing'
      : found.sha256 !== sha256
        ? 'its SHA-256 differs'
        : found.sm3 !== sm3
          ? 'its SM3 differs'
          : ''
    return { name, bytes, problem }
  })
  const named = new Set(files.map(({ name }) => name))
  const { sha256: manifestSha256 } = seal(manifest)
  const problems = [
    ...checked.filter(({ problem }) => problem !== '').map(({ name, problem }) => `${name}: ${problem}`),
    ...[...seen.keys()].filter((name) => !named.has(name)).map((name) => `${name}: not in the manifest`),
    ...twice.map((name) => `${name}: there twice`),
    ...(expectedManifest !== '' && expectedManifest !== manifestSha256
      ? [`${manifestName}: its SHA-256 is ${manifestSha256}, not what was written down`]
      : []),
  ]
  return { incident, exportedBy, exportedMs, manifestSha256, files: checked, withheld: withheld.length, problems }
}

function readJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'))
  } catch (error) {
    throw unreadable(`the manifest is not JSON: ${(error as Error).message}`)
  }
}

function unreadable(cause: string): CodedError {
  return new CodedError('incident.invalid', {
    cause: `The file is not an exported incident: ${cause}`,
    hint: 'Make one with "guanlan incident export ID".',
  })
}
