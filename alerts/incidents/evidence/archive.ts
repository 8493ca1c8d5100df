// An incident as one file that can be checked without us: a tar whose first entry names every other with its hashes.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { canonicalJson } from '#core/canonical.ts'
import { type Locker, type Sealed, seal } from './locker.ts'

export const manifestName = 'manifest.json'

export interface ManifestFile extends Sealed {
  name: string
  /** Set for evidence. */
  evidence?: { id: string; name: string; kind: string; addedBy: string; addedMs: number }
}

export interface Manifest {
  format: 'guanlan-incident'
  version: 1
  incident: { id: string; number: number; title: string }
  exportedBy: string
  exportedMs: number
  files: ManifestFile[]
  /** Evidence that who exported may not see: it exists, with these hashes. */
  withheld: { id: string; sha256: string }[]
}

export interface ArchiveInput extends Omit<Manifest, 'format' | 'version' | 'files'> {
  /** Records beside the evidence, e.g. `timeline.json`. */
  records: Record<string, unknown>
  evidence: (Sealed & { id: string; name: string; kind: string; addedBy: string; addedMs: number })[]
}

export interface Archive {
  manifest: Manifest
  /** Of the manifest as it stands in the file: written down where it was exported, it proves the whole. */
  manifestSha256: string
  stream: Readable
}

export function makeArchive(input: ArchiveInput, locker: Locker): Archive {
  const { records, evidence, ...head } = input
  const documents = Object.entries(records).map(([name, value]) => ({
    name,
    content: Buffer.from(`${canonicalJson(value)}\n`),
  }))
  const manifest: Manifest = {
    ...{ format: 'guanlan-incident', version: 1, ...head },
    files: [
      ...documents.map(({ name, content }) => ({ name, ...seal(content) })),
      ...evidence.map(({ id, name, kind, addedBy, addedMs, bytes, sha256, sm3 }) => ({
        ...{ name: `evidence/${id}-${safeName(name)}`, bytes, sha256, sm3 },
        evidence: { id, name, kind, addedBy, addedMs },
      })),
    ],
  }
  const text = Buffer.from(`${canonicalJson(manifest)}\n`)
  const tar = pack()
  const mtime = new Date(head.exportedMs)
  const fill = async (): Promise<void> => {
    for (const { name, content } of [{ name: manifestName, content: text }, ...documents])
      tar.entry({ name, mtime }, content)
    const files = manifest.files.filter((file) => file.evidence !== undefined)
    for (const [i, { name, bytes }] of files.entries())
      await pipeline(Readable.from(locker.read(evidence[i]!)), tar.entry({ name, size: bytes, mtime }))
    tar.finalize()
  }
  fill().catch((error: unknown) => tar.destroy(error as Error))
  return { manifest, manifestSha256: seal(text).sha256, stream: tar as unknown as Readable }
}

/** What every file system can hold, and nothing that leaves the directory. */
export function safeName(name: string): string {
  const plain = name.replace(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^[._]+/, '')
  // A tar header has room for some tens of bytes of a name without extensions.
  let short = plain
  while (Buffer.byteLength(short) > 60) short = short.slice(1)
  return short === '' ? 'file' : short
}
