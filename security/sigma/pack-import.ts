// SigmaHQ's pack, from the user's copy into the data directory. A pack is a directory named by what it holds and a file
// that says which one is in force, replaced in one step: whoever reads sees the old pack or the new, never half of one.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, normalize, relative, resolve } from 'node:path'
import type { SourceProblem } from '#core/yaml-source.ts'
import type { Placeholders } from './1-parse/modifiers.ts'
import { readSigma } from './1-parse/read.ts'
import { detectionRuleLicense, eachRuleFile } from './load.ts'

const pointerFile = 'pack.json'
const bytesMax = 128 * 1024 * 1024

interface Pointer {
  directory: string
  importedAtMs: number
  source: string
  license: string
  rules: number
}

export interface PackRule {
  id: string
  title: string
  author: string
  file: string
}

export interface PackDiff {
  new: PackRule[]
  changed: PackRule[]
  /** In force now, no longer in the copy. */
  gone: PackRule[]
  unchanged: number
  /** Files that cannot be used; what is imported of them already stays. */
  problems: SourceProblem[]
  kept: PackRule[]
}

interface PackFile {
  text: string
  rules: PackRule[]
}

export interface PackPlan {
  diff: PackDiff
  files: ReadonlyMap<string, string>
  rules: number
}

/** @returns the directory of the pack in force below `base`, undefined when none was imported */
export async function packDirectory(base: string): Promise<string | undefined> {
  const pointer = await readPointer(base)
  return pointer && join(base, pointer.directory)
}

/** Compares the copy with what is imported; changes nothing. */
export async function planImport(base: string, source: string, placeholders: Placeholders): Promise<PackPlan> {
  const problems: SourceProblem[] = []
  const incoming = await readFiles(source, placeholders, problems)
  const now = await packDirectory(base)
  const current = now === undefined ? new Map<string, PackFile>() : await readFiles(now, placeholders, [])
  const broken = new Set(problems.map(({ file }) => file))
  const files = new Map<string, string>()
  const kept: PackRule[] = []
  for (const [file, { text, rules }] of incoming) {
    const before = current.get(file)
    if (broken.has(file) && (before || rules.length === 0)) {
      if (!before) continue
      files.set(file, before.text)
      kept.push(...before.rules)
    } else files.set(file, text)
  }
  const before = byId(current)
  const after = byId(new Map([...files].map(([file, text]) => [file, fileOf(file, text, placeholders, [])])))
  const diff: PackDiff = { new: [], changed: [], gone: [], unchanged: 0, problems, kept }
  for (const [id, { rule, text }] of after) {
    const known = before.get(id)
    if (!known) diff.new.push(rule)
    else if (known.text === text) diff.unchanged++
    else diff.changed.push(rule)
  }
  for (const [id, { rule }] of before) if (!after.has(id)) diff.gone.push(rule)
  return { diff, files, rules: after.size }
}

/** Puts the plan in force. @returns the directory */
export async function applyImport(base: string, source: string, plan: PackPlan, nowMs: number): Promise<string> {
  const hash = createHash('sha256')
  for (const [file, text] of [...plan.files].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${file}\0${text}\0`)
  const directory = `pack-${hash.digest('hex').slice(0, 16)}`
  const before = await readPointer(base)
  await mkdir(base, { recursive: true, mode: 0o700 })
  if (before?.directory !== directory) {
    const partial = join(base, `${directory}.partial`)
    await rm(partial, { recursive: true, force: true })
    for (const [file, text] of plan.files) {
      await mkdir(dirname(join(partial, file)), { recursive: true, mode: 0o700 })
      await writeFile(join(partial, file), text)
    }
    await mkdir(partial, { recursive: true })
    await rm(join(base, directory), { recursive: true, force: true })
    await rename(partial, join(base, directory))
  }
  const pointer: Pointer = {
    ...{ directory, importedAtMs: nowMs, source: resolve(source), license: detectionRuleLicense, rules: plan.rules },
  }
  await writeFile(join(base, `${pointerFile}.new`), JSON.stringify(pointer, null, 2), { flush: true })
  await rename(join(base, `${pointerFile}.new`), join(base, pointerFile))
  for (const name of await readdir(base))
    if (name.startsWith('pack-') && name !== directory) await rm(join(base, name), { recursive: true, force: true })
  return join(base, directory)
}

async function readPointer(base: string): Promise<Pointer | undefined> {
  let text: string
  try {
    text = await readFile(join(base, pointerFile), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const pointer = JSON.parse(text) as Partial<Pointer>
  // It names a directory beside it and no other.
  if (!/^pack-[0-9a-f]{16}$/.test(pointer.directory ?? '')) throw new Error(`${base}/${pointerFile} is not one of ours`)
  return pointer as Pointer
}

async function readFiles(
  source: string,
  placeholders: Placeholders,
  problems: SourceProblem[],
): Promise<Map<string, PackFile>> {
  const isDirectory = (await stat(source)).isDirectory()
  const texts = new Map<string, string>()
  let bytes = 0
  const leftOut = await eachRuleFile(source, (name, text) => {
    bytes += text.length
    if (bytes > bytesMax) throw new Error(`${source} holds more than ${bytesMax} bytes of rules`)
    const file = normalize(isDirectory ? relative(resolve(source), resolve(name)) : name)
    // Of an archive from elsewhere, a name may point anywhere.
    if (file.startsWith('..') || file.startsWith('/')) problems.push(outside(name))
    else texts.set(file, text)
  })
  problems.push(...leftOut)
  const prefix = commonFolder([...texts.keys()])
  return new Map(
    [...texts].map(([file, text]) => {
      const short = file.slice(prefix.length)
      return [short, fileOf(short, text, placeholders, problems)]
    }),
  )
}

function fileOf(file: string, text: string, placeholders: Placeholders, problems: SourceProblem[]): PackFile {
  const read = readSigma(file, text, { placeholders, license: detectionRuleLicense })
  problems.push(...read.problems)
  const rules = read.documents.map(({ meta: { id, name, title, author } }) => ({
    ...{ id: id || name || `${file}: ${title}`, title, author, file },
  }))
  return { text, rules }
}

/** GitHub puts a repository into a folder named by the commit: it is not part of where a rule stands. */
function commonFolder(files: readonly string[]): string {
  const first = files[0]?.slice(0, files[0].indexOf('/') + 1) ?? ''
  const isRepository = first !== '' && !first.startsWith('rules') && files.every((file) => file.startsWith(first))
  return isRepository && files.every((file) => file.slice(first.length).startsWith('rules')) ? first : ''
}

function byId(files: ReadonlyMap<string, PackFile>): Map<string, { rule: PackRule; text: string }> {
  return new Map(
    [...files.values()].flatMap(({ text, rules }) =>
      rules.map((rule): [string, { rule: PackRule; text: string }] => [rule.id, { rule, text }]),
    ),
  )
}

function outside(file: string): SourceProblem {
  return { file, line: 0, cause: 'its name points out of the archive', hint: '' }
}
