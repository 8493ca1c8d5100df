// Which files there are: the globs of every source, matched anew now and then.
import { glob, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { FileConfig, FileSource } from './config.ts'
import { identityOf } from './tail.ts'

export interface Found {
  key: string
  path: string
  source: FileSource
}

/** A file that is read whole. */
export interface FoundDocument extends Found {
  /** Size and time of change. */
  seen: string
  changedMs: number
}

export interface Discovery {
  found: Found[]
  documents: FoundDocument[]
  /** More files matched than `filesMax`: so many were left out. */
  leftOut: number
}

/** Rotated and compressed: their lines were read before they were compressed. */
const compressed = /\.(?:gz|xz|bz2|zst|lz4|zip|Z)$/

/** They are not held open: a day of CloudTrail is hundreds. */
const documentsMax = 100_000

/** The first source that matches a file has it; a file with several names is found once. */
export async function discover(config: FileConfig): Promise<Discovery> {
  const byKey = new Map<string, Found>()
  const documents = new Map<string, FoundDocument>()
  let leftOut = 0
  for (const source of config.sources) {
    for await (const path of glob(source.paths, { exclude: source.exclude })) {
      if (compressed.test(path) && !(source.records && path.endsWith('.gz'))) continue
      const info = await stat(path, { bigint: true }).catch(() => undefined)
      if (!info?.isFile()) continue
      const key = identityOf(info)
      if (byKey.has(key) || documents.has(key)) continue
      if (source.records !== undefined) {
        const seen = `${info.size}:${info.mtimeNs}`
        if (documents.size < documentsMax)
          documents.set(key, { key, path, source, seen, changedMs: Number(info.mtimeMs) })
        else leftOut++
        continue
      }
      if (byKey.size < config.filesMax) byKey.set(key, { key, path, source })
      else leftOut++
    }
  }
  return { found: [...byKey.values()], documents: [...documents.values()], leftOut }
}

/** Directories whose changes are worth waking up for: the fixed part of every pattern. */
export function watchedDirectories(config: FileConfig, found: readonly Found[]): Set<string> {
  const directories = new Set(found.map(({ path }) => dirname(path)))
  for (const { paths } of config.sources)
    for (const path of paths) {
      let fixed = dirname(path)
      while (/[*?[{(!]/.test(fixed)) fixed = dirname(fixed)
      directories.add(fixed)
    }
  return directories
}

/** Where a file went that was renamed while nobody looked: rotation keeps the directory and the beginning of the name. */
export async function findRenamed(key: string, path: string): Promise<string | undefined> {
  const directory = dirname(path)
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    if (!name.startsWith(basename(path)) || compressed.test(name)) continue
    const candidate = join(directory, name)
    const info = await stat(candidate, { bigint: true }).catch(() => undefined)
    if (info?.isFile() && identityOf(info) === key) return candidate
  }
  return undefined
}
