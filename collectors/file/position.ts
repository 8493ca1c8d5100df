// What is remembered of a file, under its device and inode: a renamed file is the same file, and the first bytes tell
// when the inode now belongs to another one.
import type { FileHandle } from 'node:fs/promises'
import { z } from 'zod'
import { crc32c } from '#core/crc32c.ts'

export const fingerprintBytesMax = 256

const positionSchema = z.object({
  path: z.string(),
  /** Behind the last record that is on disk. */
  offset: z.number().min(0),
  /** Grows when the file begins anew, so that the same text at the same offset is another event. */
  generation: z.int().min(0),
  fingerprintBytes: z.int().min(0).max(fingerprintBytesMax),
  /** CRC-32C of the first `fingerprintBytes` bytes. */
  fingerprint: z.number(),
  seenMs: z.number(),
})

export type Position = z.infer<typeof positionSchema>

/** @returns undefined for what is not a position: the file then is read from its beginning, which repeats no event. */
export function readPosition(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined
  try {
    return positionSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** @returns the CRC-32C of the first bytes, or undefined when the file has fewer. */
export async function fingerprintOf(handle: FileHandle, bytes: number): Promise<number | undefined> {
  const buffer = Buffer.alloc(bytes)
  let got = 0
  while (got < bytes) {
    const { bytesRead } = await handle.read(buffer, got, bytes - got, got)
    if (bytesRead === 0) return undefined
    got += bytesRead
  }
  return crc32c(buffer)
}
