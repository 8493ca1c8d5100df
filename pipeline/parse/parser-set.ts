// All parsers in force, found fast: by the dataset the source was given, by program, by file, and last by a literal in the
// line. A file that became wrong keeps its last good version; the problem is shown.
import { readdirSync, readFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { watchDirectory } from '#core/watch-directory.ts'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import type { Flat, OnAdjusted } from '../normalise/flatten.ts'
import type { Parse, ParseOutcome } from '../normalise/normalise.ts'
import { type CompiledParser, compileParser, ParserFault } from './compile.ts'
import { type ParserSource, parserSchema } from './contract.ts'
import { applyHeader, isMessageMark, readHeader } from './syslog-header.ts'

export const unparsedDataset = 'unparsed'
const pathsCachedMax = 1000
/** A letter in a letter in a letter is read no further. */
const envelopesMax = 2

type Outcome = ParseOutcome & { letter?: string }

interface LoadedFile {
  parser: CompiledParser
  text: string
}

interface Literal {
  text: string
  atStart: boolean
  parser: CompiledParser
}

interface Shape {
  fields: readonly string[]
  parser: CompiledParser
}

interface Index {
  datasets: Map<string, CompiledParser[]>
  processes: Map<string, CompiledParser[]>
  paths: { glob: string; parser: CompiledParser }[]
  literals: Literal[]
  shapes: Shape[]
}

export class ParserSet implements Parse {
  readonly #directory: string
  #files = new Map<string, LoadedFile>()
  #index: Index = { datasets: new Map(), processes: new Map(), paths: [], literals: [], shapes: [] }
  #byPath = new Map<string, CompiledParser[]>()
  #problems: SourceProblem[] = []
  #unwatch: (() => void) | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Problems of the last (re)load, with file and line. */
  get problems(): readonly SourceProblem[] {
    return this.#problems
  }

  get parsers(): ParserSource[] {
    return [...this.#files.values()].map((file) => file.parser.source)
  }

  /** Reads the directory again. What is wrong stays as it was before; a removed file's parser goes. */
  reload(): readonly SourceProblem[] {
    const files = new Map<string, LoadedFile>()
    const problems: SourceProblem[] = []
    const owner = new Map<string, string>()
    for (const name of parserFiles(this.#directory)) {
      const file = join(this.#directory, name)
      const before = this.#files.get(name)
      const text = readFileSync(file, 'utf8')
      const loaded = before?.text === text ? before : loadParser(file, text, problems)
      const kept = loaded ?? before
      if (!kept) continue
      const id = kept.parser.source.id
      const other = owner.get(id)
      if (other !== undefined) {
        problems.push({
          file,
          line: 1,
          cause: `the id "${id}" is already used by ${other}`,
          hint: 'Give it another id.',
        })
        continue
      }
      owner.set(id, file)
      files.set(name, kept)
    }
    this.#files = files
    this.#index = buildIndex([...files.values()].map((file) => file.parser))
    this.#byPath.clear()
    this.#problems = problems
    return problems
  }

  /** Reloads shortly after a file was changed; `changed` is told the problems. */
  watch(changed: (problems: readonly SourceProblem[]) => void): void {
    this.#unwatch?.()
    this.#unwatch = watchDirectory(this.#directory, () => changed(this.reload()))
  }

  close(): void {
    this.#unwatch?.()
    this.#unwatch = undefined
  }

  parse(fields: Flat, text: string, dataset: string | undefined, nowMs: number, adjusted: OnAdjusted): ParseOutcome {
    let outcome = this.#parse(fields, text, dataset, nowMs, adjusted)
    for (let depth = 0; outcome.letter !== undefined && depth < envelopesMax; depth++) {
      const inner = this.#parse(fields, outcome.letter, undefined, nowMs, adjusted)
      if (!inner.parsed) break
      outcome = inner
    }
    return { dataset: outcome.dataset, parsed: outcome.parsed }
  }

  #parse(fields: Flat, text: string, dataset: string | undefined, nowMs: number, adjusted: OnAdjusted): Outcome {
    let message = text
    let process = fields['process.name']
    const hinted = dataset === undefined ? undefined : this.#index.datasets.get(dataset)
    if (process === undefined && !hinted) {
      const header = readHeader(text, nowMs)
      if (header) {
        message = applyHeader(header, text, fields)
        process = header.process
      }
    } else if (typeof process === 'string' && isMessageMark(process)) {
      // A receiver took the mark for a program; the parsers need it where it was.
      message = process.startsWith('%') ? `${process}: ${text}` : `${process}:${text}`
      fields['message'] = message
    }
    const byHint = hinted && first(hinted, fields, message, adjusted)
    if (byHint) return byHint
    const programs = typeof process === 'string' ? this.#index.processes.get(process) : undefined
    const byProcess = programs && first(programs, fields, message, adjusted)
    if (byProcess) return byProcess
    const path = fields['log.file.path']
    const byPath = typeof path === 'string' ? first(this.#parsersOfPath(path), fields, message, adjusted) : undefined
    if (byPath) return byPath
    const byShape = this.#byShape(fields, message, adjusted)
    if (byShape) return byShape
    const byLiteral = this.#byLiteral(fields, message, adjusted)
    if (byLiteral) return byLiteral
    // Which program wrote it is known even when what it says is not.
    const known = hinted?.[0] ?? programs?.[0]
    if (dataset !== undefined) return { dataset, parsed: !known && text === '' }
    if (known) return { dataset: known.source.dataset, parsed: false }
    return { dataset: typeof process === 'string' ? 'syslog' : unparsedDataset, parsed: false }
  }

  #byLiteral(fields: Flat, text: string, adjusted: OnAdjusted): Outcome | undefined {
    const literals = this.#index.literals
    for (let i = 0; i < literals.length; i++) {
      const literal = literals[i]!
      if (!(literal.atStart ? text.startsWith(literal.text) : text.includes(literal.text))) continue
      const outcome = tryParser(literal.parser, fields, text, adjusted)
      if (outcome) return outcome
    }
    return undefined
  }

  #byShape(fields: Flat, text: string, adjusted: OnAdjusted): Outcome | undefined {
    const shapes = this.#index.shapes
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i]!
      if (!shape.fields.every((name) => fields[name] !== undefined)) continue
      const outcome = tryParser(shape.parser, fields, text, adjusted)
      if (outcome) return outcome
    }
    return undefined
  }

  #parsersOfPath(path: string): CompiledParser[] {
    let parsers = this.#byPath.get(path)
    if (!parsers) {
      if (this.#byPath.size >= pathsCachedMax) this.#byPath.clear()
      parsers = [
        ...new Set(this.#index.paths.filter(({ glob }) => matchesGlob(path, glob)).map(({ parser }) => parser)),
      ]
      this.#byPath.set(path, parsers)
    }
    return parsers
  }
}

export function parserFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yml') || name.endsWith('.yaml'))
    .sort()
}

/** @returns undefined when it has problems, which are added to the list. */
export function loadParser(file: string, text: string, problems: SourceProblem[]): LoadedFile | undefined {
  const source = readYaml(file, text, parserSchema)
  problems.push(...source.problems)
  if (!source.value) return undefined
  try {
    return { parser: compileParser(source.value), text }
  } catch (error) {
    if (!(error instanceof ParserFault)) throw error
    problems.push({ file, line: source.lineOf(error.path), cause: error.message, hint: '' })
    return undefined
  }
}

function buildIndex(parsers: CompiledParser[]): Index {
  const index: Index = { datasets: new Map(), processes: new Map(), paths: [], literals: [], shapes: [] }
  const sorted = [...parsers].sort(
    (a, b) => a.source.priority - b.source.priority || (a.source.id < b.source.id ? -1 : 1),
  )
  const add = (map: Map<string, CompiledParser[]>, key: string, parser: CompiledParser): void => {
    const list = map.get(key)
    if (list) list.push(parser)
    else map.set(key, [parser])
  }
  for (const parser of sorted) {
    const { match, dataset } = parser.source
    for (const hint of new Set([dataset, ...match.datasets])) add(index.datasets, hint, parser)
    for (const process of match.process) add(index.processes, process, parser)
    for (const glob of match.paths) index.paths.push({ glob, parser })
    if (match.fields.length > 0) index.shapes.push({ fields: match.fields, parser })
    for (const text of match.startsWith) index.literals.push({ text, atStart: true, parser })
    for (const text of match.contains) index.literals.push({ text, atStart: false, parser })
  }
  return index
}

function first(parsers: CompiledParser[], fields: Flat, text: string, adjusted: OnAdjusted): Outcome | undefined {
  for (let i = 0; i < parsers.length; i++) {
    const outcome = tryParser(parsers[i]!, fields, text, adjusted)
    if (outcome) return outcome
  }
  return undefined
}

function tryParser(parser: CompiledParser, fields: Flat, text: string, adjusted: OnAdjusted): Outcome | undefined {
  const out = parser.run(fields, text, adjusted)
  if (!out) return undefined
  const { envelope, dataset } = parser.source
  const letter = envelope ? out['message'] : undefined
  if (letter === text) return undefined
  for (const name in out) fields[name] = out[name]
  // A structured line may name its own dataset (ECS loggers do).
  const own = out['event.dataset']
  return {
    dataset: typeof own === 'string' && own !== '' ? own : dataset,
    parsed: true,
    ...(typeof letter === 'string' && { letter }),
  }
}
