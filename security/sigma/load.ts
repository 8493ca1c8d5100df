// Rules from files, folders and archives. What cannot be accepted is named with file and line; the rest is in force.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import JSZip from 'jszip'
import type { SourceProblem } from '#core/yaml-source.ts'
import type { SigmaCorrelation, SigmaDocument, SigmaFilter, SigmaRule } from './1-parse/ast.ts'
import { type ReadOptions, readSigma, sigmaLimits } from './1-parse/read.ts'
import { readTar } from './read-tar.ts'

export interface RuleSet {
  rules: SigmaRule[]
  correlations: SigmaCorrelation[]
  filters: SigmaFilter[]
  files: number
  problems: SourceProblem[]
}

const filesMax = 50_000
const zipBytesMax = 256 * 1024 * 1024
/** Unpacked. SigmaHQ's whole repository is a tenth of it. */
const archiveBytesMax = 512 * 1024 * 1024
/** With less, putting the pieces together costs more than unpacking them. */
const unpackChunkBytes = 1024 * 1024
/** Others have their turn after so many files: two or three milliseconds. */
const filesPerTurn = 32
/** The Detection Rule License asks to be named wherever a rule of SigmaHQ's is passed on. */
export const detectionRuleLicense = 'DRL 1.1'

const unpack = promisify(gunzip)

export async function loadRules(path: string, options: ReadOptions, most = filesMax): Promise<RuleSet> {
  const set: RuleSet = { rules: [], correlations: [], filters: [], files: 0, problems: [] }
  const take = (file: string, text: string): void => {
    set.files++
    const { documents, problems } = readSigma(file, text, options)
    set.problems.push(...problems)
    for (const document of documents) add(set, document)
  }
  set.problems.push(...(await eachRuleFile(path, take, most)))
  return set
}

type Take = (file: string, text: string) => void

/**
 * Of a file, a directory or an archive; no more than `most`.
 * @returns what was left out, in words
 */
export async function eachRuleFile(path: string, take: Take, most = filesMax): Promise<SourceProblem[]> {
  if (/\.(tar\.gz|tgz|tar)$/.test(path)) return leftOut(path, await eachInArchive(path, take, most), most)
  if (path.endsWith('.zip')) return leftOut(path, await eachInZip(path, take, most), most)
  if ((await stat(path)).isFile()) {
    take(path, await readFile(path, 'utf8'))
    return []
  }
  const files = await filesBelow(path)
  for (const file of files.slice(0, most)) take(relative(process.cwd(), file) || file, await readFile(file, 'utf8'))
  return leftOut(path, files.length, most)
}

/** Rules that are not in force must not be missed for rules that found nothing. */
function leftOut(path: string, files: number, most: number): SourceProblem[] {
  if (files <= most) return []
  const cause = `${files} rule files, of which the last ${files - most} were not read: at most ${most} are`
  return [{ file: path, line: 0, cause, hint: 'Put them into several folders and name each' }]
}

/** As GitHub gives a repository. @returns the rule files in it */
async function eachInZip(path: string, take: Take, most: number): Promise<number> {
  const { size } = await stat(path)
  if (size > zipBytesMax) throw new Error(`${path} is larger than ${zipBytesMax} bytes`)
  const archive = await JSZip.loadAsync(await readFile(path))
  const files = Object.values(archive.files).filter(({ name, dir }) => !dir && isRuleFile(baseOf(name)))
  for (const file of files.slice(0, most)) {
    const parts: Buffer[] = []
    let bytes = 0
    // Unpacked no further than the reader needs to say that it is too large.
    for await (const part of new Readable().wrap(file.nodeStream()) as AsyncIterable<Buffer>) {
      parts.push(part)
      bytes += part.length
      if (bytes > sigmaLimits.fileBytesMax) break
    }
    take(file.name, Buffer.concat(parts).toString('utf8'))
  }
  return files.length
}

function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

function add(set: RuleSet, document: SigmaDocument): void {
  if (document.kind === 'rule') set.rules.push(document)
  else if (document.kind === 'correlation') set.correlations.push(document)
  else set.filters.push(document)
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && isRuleFile(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function isRuleFile(name: string): boolean {
  return /\.ya?ml$/.test(name) && !name.startsWith('.')
}

async function eachInArchive(path: string, take: Take, most: number): Promise<number> {
  const packed = await readFile(path)
  // Unpacked off the main thread.
  const archive = path.endsWith('.tar')
    ? packed
    : await unpack(packed, { maxOutputLength: archiveBytesMax, chunkSize: unpackChunkBytes })
  let files = 0
  for (const { name, content } of readTar(archive)) {
    if (!isRuleFile(baseOf(name)) || ++files > most) continue
    // A file that is too large is read no further than the reader needs to say so.
    take(name, content.toString('utf8', 0, sigmaLimits.fileBytesMax + 1))
    if (files % filesPerTurn === 0) await setImmediate()
  }
  return files
}
