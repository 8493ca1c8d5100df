// Where evidence lies: files named by their SHA-256, written once, hashed while they are written and again before each read.
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import type { Random } from '#core/random.ts'

export interface Sealed {
  bytes: number
  sha256: string
  /** GB/T 32905. */
  sm3: string
}

export interface Locker {
  /** @throws CodedError `body.too-large`; then nothing is kept */
  put(content: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Sealed>
  /** @returns why it is not what was put in; empty when it is */
  check(sealed: Sealed): Promise<string>
  read(sealed: Sealed): AsyncIterable<Uint8Array>
}

export function createLocker(directory: string, random: Random): Locker {
  const pathOf = ({ sha256 }: Pick<Sealed, 'sha256'>): string => join(directory, sha256)

  const put = async (content: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Sealed> => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const temporary = join(directory, `${random.hex(12)}.tmp`)
    const file = await open(temporary, 'wx', 0o600)
    try {
      const sealed = await write(file, content, bytesMax)
      await file.sync()
      await file.close()
      await rename(temporary, pathOf(sealed))
      await syncDirectory(directory)
      return sealed
    } catch (error) {
      await file.close().catch(() => {})
      await rm(temporary, { force: true })
      throw error
    }
  }

  return {
    put,
    check: async (sealed) => {
      try {
        const { size } = await stat(pathOf(sealed))
        if (size !== sealed.bytes) return `it has ${size} bytes instead of ${sealed.bytes}`
        const hashes = newHashes()
        for await (const part of createReadStream(pathOf(sealed))) update(hashes, part as Uint8Array)
        if (hashes.sha256.digest('hex') !== sealed.sha256) return 'its SHA-256 differs'
        return hashes.sm3.digest('hex') === sealed.sm3 ? '' : 'its SM3 differs'
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'the file is gone' : (error as Error).message
      }
    },
    read: (sealed) => createReadStream(pathOf(sealed)) as AsyncIterable<Uint8Array>,
  }
}

async function write(file: FileHandle, content: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Sealed> {
  const hashes = newHashes()
  let bytes = 0
  for await (const part of content) {
    bytes += part.length
    if (bytes > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
    update(hashes, part)
    await file.writeFile(part)
  }
  return { bytes, sha256: hashes.sha256.digest('hex'), sm3: hashes.sm3.digest('hex') }
}

export interface Hashes {
  sha256: Hash
  sm3: Hash
}

export function newHashes(): Hashes {
  return { sha256: createHash('sha256'), sm3: createHash('sm3') }
}

export function update({ sha256, sm3 }: Hashes, part: Uint8Array): void {
  sha256.update(part)
  sm3.update(part)
}

export function seal(content: Uint8Array): Sealed {
  const hashes = newHashes()
  update(hashes, content)
  return { bytes: content.length, sha256: hashes.sha256.digest('hex'), sm3: hashes.sm3.digest('hex') }
}

/** Only then does the name survive the power cord. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
