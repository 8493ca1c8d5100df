// YAML that people write, read with file and line: whatever is wrong is said where it is wrong, with a suggestion.
import { type Document, isMap, isNode, LineCounter, type Node, parseAllDocuments, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { lineDeeperThan } from './yaml-depth.ts'

export interface SourceProblem {
  file: string
  line: number
  cause: string
  /** e.g. `Did you mean "source.ip"?` Empty when there is none. */
  hint: string
}

export interface YamlSource<T> {
  /** Set when there is no problem. */
  value?: T
  problems: SourceProblem[]
  /** 1-based line of a path in the document, or of its nearest ancestor. */
  lineOf(path: readonly PropertyKey[]): number
}

const yamlBytesMax = 1024 * 1024
/** Levels: what people write has five or six. */
const nestingMax = 100

/**
 * @param reader `go` for files of programs written in Go, as their readers take them: of several documents the first, and
 * numbers and booleans as the text that was written (`1.0`, `010`, `True`), since where text is asked for that is what counts.
 */
export function readYaml<T>(
  file: string,
  text: string,
  schema: z.ZodType<T>,
  bytesMax = yamlBytesMax,
  reader: 'core' | 'go' = 'core',
): YamlSource<T> {
  if (Buffer.byteLength(text) > bytesMax)
    return failed([{ file, line: 1, cause: `larger than ${bytesMax} bytes`, hint: 'Split the file.' }])
  const deep = lineDeeperThan(text, nestingMax)
  if (deep !== undefined)
    return failed([
      {
        ...{ file, line: deep, cause: `nested deeper than ${nestingMax} levels` },
        hint: 'Is a bracket or a brace opened here that is closed nowhere?',
      },
    ])
  const lines = new LineCounter()
  const options = { lineCounter: lines, uniqueKeys: true, merge: true }
  const document = reader === 'go' ? firstDocument(text, options) : parseDocument(text, options)
  if (reader === 'go') keepWritten(document)
  if (document.errors.length > 0)
    return failed(
      document.errors.map((error) => ({
        file,
        line: lines.linePos(error.pos[0]).line,
        cause: error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
        hint: syntaxHints[error.code] ?? '',
      })),
    )
  const lineOf = (path: readonly PropertyKey[]): number => lines.linePos(positionOf(document.contents, path)).line
  let data: unknown
  try {
    // Aliases are bounded: a few lines of YAML can otherwise grow to gigabytes.
    data = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    return failed([
      { file, line: 1, cause: (error as Error).message, hint: 'Write out what aliases of aliases stand for.' },
    ])
  }
  const result = schema.safeParse(data)
  if (result.success) return { value: result.data, problems: [], lineOf }
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, file, schema, data, lineOf))
  return { problems, lineOf }
}

/** What to do about the commonest slips, by the codes of the YAML library. */
const syntaxHints: Record<string, string> = {
  BAD_INDENT: 'Indent what belongs together by the same number of blanks.',
  BLOCK_AS_IMPLICIT_KEY: 'Is the line before it indented differently, or a colon too many?',
  DUPLICATE_KEY: 'Remove one of them.',
  MISSING_CHAR: 'Is a quote, a bracket or a brace not closed?',
  MULTILINE_IMPLICIT_KEY: 'Is a quote or a bracket not closed in a line before it?',
  TAB_AS_INDENT: 'Indent with blanks.',
  UNEXPECTED_TOKEN: 'Put text with special signs in quotes.',
}

function firstDocument(text: string, options: Parameters<typeof parseDocument>[1]): Document {
  const documents = parseAllDocuments(text, options)
  return ('empty' in documents ? undefined : documents[0]) ?? parseDocument('', options)
}

function keepWritten(document: Document): void {
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'number' || typeof node.value === 'boolean') node.value = node.source ?? node.value
    },
  })
}

/** `rules/parsers/x.yml:14: unknown key "patern". Did you mean "pattern"?` */
export function formatProblem(problem: SourceProblem): string {
  // Line 0: not a file.
  const place = problem.line > 0 ? `${problem.file}:${problem.line}` : problem.file
  return `${place}: ${problem.cause}${problem.hint === '' ? '' : `. ${problem.hint}`}`
}

/** The nearest of the known words, within a third of the length in edits. */
export function suggest(word: string, known: Iterable<string>): string {
  let best = ''
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance)
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best === '' ? '' : `Did you mean "${best}"?`
}

/** Optimal string alignment distance; `limit` when it is at least that. */
export function editDistance(a: string, b: string, limit = Number.POSITIVE_INFINITY): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 256 || b.length > 256) return limit
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforePrevious[j - 2]! + 1)
      row.push(cost)
    }
    beforePrevious = previous
    previous = row
  }
  return Math.min(previous[b.length]!, limit)
}

function failed<T>(problems: SourceProblem[]): YamlSource<T> {
  return { problems, lineOf: () => 1 }
}

function positionOf(root: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = root
  let position = root?.range?.[0] ?? 0
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String((item.key as { value?: unknown } | null)?.value) === String(part))
      if (!pair) break
      if (isNode(pair.key) && pair.key.range) position = pair.key.range[0]
      node = pair.value
    } else if (node && typeof node === 'object' && 'items' in node) {
      node = (node.items as unknown[])[Number(part)]
      if (isNode(node) && node.range) position = node.range[0]
    } else break
  }
  return position
}

function problemsOf(
  issue: z.core.$ZodIssue,
  file: string,
  schema: z.ZodType,
  data: unknown,
  lineOf: (path: readonly PropertyKey[]) => number,
): SourceProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path)
    return issue.keys.map((key) => ({
      file,
      line: lineOf([...issue.path, key]),
      cause: `unknown key "${key}"${issue.path.length > 0 ? ` in ${issue.path.join('.')}` : ''}`,
      hint: suggest(key, known) || (known.length > 0 ? `Known keys: ${known.join(', ')}` : ''),
    }))
  }
  const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
  let hint = ''
  if (issue.code === 'invalid_value') {
    const options = issue.values.map(String)
    const given = issue.path.reduce<unknown>((at, part) => (at as Record<PropertyKey, unknown>)?.[part], data)
    hint = (typeof given === 'string' && suggest(given, options)) || `One of: ${options.join(', ')}`
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined') && issue.path.length > 0)
    return [
      {
        file,
        line: lineOf(issue.path),
        cause: `${issue.path.join('.')} is missing`,
        hint: `It is a ${issue.expected}.`,
      },
    ]
  return [{ file, line: lineOf(issue.path), cause: `${where}${lowerFirst(issue.message)}`, hint }]
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** The keys an object schema has at a path, through arrays, options, defaults and unions. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: z.core.$ZodType[] = [schema]
  for (const part of path) at = at.flatMap(unwrap).flatMap((inner) => childOf(inner, part))
  return at.flatMap(unwrap).flatMap((inner) => ('shape' in inner ? Object.keys(inner.shape as object) : []))
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType[] {
  const def = schema._zod.def as { innerType?: z.core.$ZodType; options?: z.core.$ZodType[]; in?: z.core.$ZodType }
  if (def.innerType) return unwrap(def.innerType)
  if (def.in) return unwrap(def.in)
  if (Array.isArray(def.options)) return def.options.flatMap(unwrap)
  return [schema]
}

function childOf(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  const def = schema._zod.def as { element?: z.core.$ZodType; valueType?: z.core.$ZodType }
  if ('shape' in schema) {
    const child = (schema.shape as Record<PropertyKey, z.core.$ZodType>)[part]
    return child ? [child] : []
  }
  const child = def.element ?? def.valueType
  return child ? [child] : []
}
