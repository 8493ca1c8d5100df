// The files of the store: <day received>/<first offset>-<next offset>.parquet, each with a sidecar of facts beside it.
// The names carry the log offsets, so a part and the position it stands for appear by one rename.
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { crc32c } from '#core/crc32c.ts'
import { layoutVersion } from '../columns.ts'

const factsSchema = z.object({
  layout: z.literal(layoutVersion),
  rows: z.number().int().nonnegative(),
  bytes: z.number().int().positive(),
  crc32c: z.number().int(),
  minMs: z.number(),
  maxMs: z.number(),
  /** Names in the JSON column. */
  restFields: z.array(z.string()),
})
export type PartFacts = z.infer<typeof factsSchema>

export interface Part extends PartFacts {
  /** UTC day on which its events were received, YYYY-MM-DD. */
  day: string
  fromOffset: number
  nextOffset: number
  path: string
}

export interface BadPart {
  path: string
  fromOffset: number
  nextOffset: number
  cause: string
}

const dayPattern = /^\d{4}-\d\d-\d\d$/
const namePattern = /^(\d+)-(\d+)\.parquet$/

export const dayMs = 86_400_000

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** Removes what a crash left half done, and tells good parts from bad ones by size and facts. */
export async function readParts(directory: string): Promise<{ parts: Part[]; bad: BadPart[] }> {
  const parts: Part[] = []
  const bad: BadPart[] = []
  for (const day of (await readdir(directory)).filter((name) => dayPattern.test(name))) {
    const names = await readdir(join(directory, day))
    for (const name of names) {
      const path = join(directory, day, name)
      if (name.endsWith('.tmp')) await rm(path, { force: true })
      const offsets = namePattern.exec(name)
      if (!offsets) continue
      const range = { fromOffset: Number(offsets[1]), nextOffset: Number(offsets[2]) }
      const facts = await readFacts(path)
      if (typeof facts === 'string') bad.push({ path, ...range, cause: facts })
      else parts.push({ ...facts, day, path, ...range })
    }
  }
  parts.sort((a, b) => a.fromOffset - b.fromOffset || b.nextOffset - a.nextOffset)
  return { parts: await withoutCovered(parts), bad }
}

/** A merged part covers its sources: the crash came before they were removed. */
async function withoutCovered(sorted: Part[]): Promise<Part[]> {
  const kept: Part[] = []
  for (const part of sorted) {
    const last = kept.at(-1)
    if (last && part.nextOffset <= last.nextOffset) await removePart(part)
    else kept.push(part)
  }
  return kept
}

/** Reads every file of a store and compares checksums; changes nothing. */
export async function verifyParts(
  directory: string,
): Promise<{ files: number; wrong: { path: string; cause: string }[] }> {
  const wrong: { path: string; cause: string }[] = []
  let files = 0
  const days = (await readdir(directory).catch(() => [])).filter((name) => dayPattern.test(name))
  for (const day of days)
    for (const name of (await readdir(join(directory, day))).filter((one) => namePattern.test(one))) {
      const path = join(directory, day, name)
      files++
      const facts = await readFacts(path)
      const cause = typeof facts === 'string' ? facts : await checkPart({ path, ...facts })
      if (cause !== undefined) wrong.push({ path, cause })
    }
  return { files, wrong }
}

async function readFacts(path: string): Promise<PartFacts | string> {
  try {
    const facts = factsSchema.parse(JSON.parse(await readFile(factsPath(path), 'utf8')))
    const { size } = await stat(path)
    return size === facts.bytes ? facts : `${size} bytes instead of ${facts.bytes}`
  } catch (error) {
    return `its facts cannot be read: ${(error as Error).message.slice(0, 200)}`
  }
}

/** Makes a written temporary file a part: facts first, then the rename that counts. */
export async function publishPart(
  directory: string,
  temporary: string,
  part: Omit<Part, 'path' | 'bytes' | 'crc32c' | 'layout'>,
): Promise<Part> {
  const path = partPath(directory, part.day, part.fromOffset, part.nextOffset)
  const { bytes, crc } = await syncAndSum(temporary)
  const { day, fromOffset, nextOffset, ...rest } = part
  const facts: PartFacts = { layout: layoutVersion, ...rest, bytes, crc32c: crc }
  const factsTemporary = `${factsPath(path)}.tmp`
  await writeFile(factsTemporary, JSON.stringify(facts), { flush: true })
  await rename(factsTemporary, factsPath(path))
  await rename(temporary, path)
  await syncDirectory(dirname(path))
  return { ...facts, day, fromOffset, nextOffset, path }
}

export async function makeDay(directory: string, day: string): Promise<void> {
  await mkdir(join(directory, day), { recursive: true })
  await syncDirectory(directory)
}

export function partPath(directory: string, day: string, fromOffset: number, nextOffset: number): string {
  const pad = (offset: number): string => String(offset).padStart(16, '0')
  return join(directory, day, `${pad(fromOffset)}-${pad(nextOffset)}.parquet`)
}

export async function removePart(part: Pick<Part, 'path'>): Promise<void> {
  await rm(part.path, { force: true })
  await rm(factsPath(part.path), { force: true })
}

/** Set aside, never deleted: someone may want to look. */
export async function quarantine(directory: string, part: Pick<Part, 'path'>): Promise<string> {
  const place = join(directory, 'quarantine')
  await mkdir(place, { recursive: true })
  const target = join(place, part.path.slice(directory.length + 1).replaceAll('/', '_'))
  await rename(part.path, target)
  await rename(factsPath(part.path), factsPath(target)).catch(() => {})
  return target
}

/** @returns what is wrong with the bytes on disk, or undefined */
export async function checkPart(part: Pick<Part, 'path' | 'bytes' | 'crc32c'>): Promise<string | undefined> {
  const { bytes, crc } = await sum(part.path)
  if (bytes !== part.bytes) return `${bytes} bytes instead of ${part.bytes}`
  return crc === part.crc32c ? undefined : 'its checksum does not fit'
}

function factsPath(path: string): string {
  return path.replace(/\.parquet$/, '.json')
}

async function syncAndSum(path: string): Promise<{ bytes: number; crc: number }> {
  const file = await open(path, 'r+')
  await file.datasync()
  await file.close()
  return sum(path)
}

async function sum(path: string): Promise<{ bytes: number; crc: number }> {
  let bytes = 0
  let crc = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    crc = crc32c(chunk, crc)
  }
  return { bytes, crc }
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  await handle.sync()
  await handle.close()
}
