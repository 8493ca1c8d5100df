// What a leaf says: that a thing of this kind, id and version had this hash when we came to know it.
import { z } from 'zod'
import type { Leaf } from '../contract.ts'

export const leafKinds = ['case', 'definition', 'catalogue', 'calendar', 'value', 'restatement'] as const

const leafSchema = z.strictObject({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  id: z.string().min(1).max(500),
  kind: z.enum(leafKinds),
  knownMs: z.int(),
  version: z.string().max(200),
})

/** Keys sorted, no blanks: the same leaf is the same bytes everywhere. */
export function encodeLeaf({ kind, id, version, hash, knownMs }: Leaf): Buffer {
  const ordered = leafSchema.parse({ hash, id, kind, knownMs, version })
  return Buffer.from(JSON.stringify(ordered))
}

/** @returns undefined when the bytes are not those of a leaf as `encodeLeaf` writes it */
export function decodeLeaf(bytes: Uint8Array): Leaf | undefined {
  try {
    const leaf = leafSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
    return encodeLeaf(leaf).equals(bytes) ? leaf : undefined
  } catch {
    return undefined
  }
}

export const leafKey = ({ kind, id, version }: Pick<Leaf, 'kind' | 'id' | 'version'>): string =>
  `${kind}\n${id}\n${version}`
