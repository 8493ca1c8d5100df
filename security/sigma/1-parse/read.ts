// One YAML file to rules, correlations and filters. What is wrong is said with file and line; the other documents of the
// file stay.
import { loadAll, YAMLException } from 'js-yaml'
import { parseDuration } from '#core/duration.ts'
import { CodedError } from '#core/errors.ts'
import { type SourceProblem, suggest } from '#core/yaml-source.ts'
import {
  type Comparison,
  type CorrelationType,
  correlationTypes,
  type Item,
  type Level,
  type LogSource,
  levels,
  type Node,
  type RuleMeta,
  type SigmaCorrelation,
  type SigmaDocument,
  type SigmaFilter,
  type SigmaRule,
} from './ast.ts'
import { chineseOf, ownKey } from './chinese.ts'
import { ConditionError, parseCondition } from './condition.ts'
import { linesOf } from './line-of.ts'
import { ItemError, itemOf, modifierNames, type Placeholders, type Scalar } from './modifiers.ts'
import { readPlainYaml } from './plain-yaml.ts'

export const sigmaLimits = {
  fileBytesMax: 1024 * 1024,
  documentsMax: 1000,
  selectionsMax: 1000,
  valuesMax: 20_000,
  nestingMax: 30,
} as const

export interface ReadOptions {
  placeholders: Placeholders
  /** Of rules that name none: the licence of the pack they came with. */
  license: string
}

export interface ReadResult {
  documents: SigmaDocument[]
  problems: SourceProblem[]
}

/** What is wrong, and the path to it in the document. */
class RuleError extends Error {
  readonly path: readonly (string | number)[]
  readonly hint: string

  constructor(message: string, path: readonly (string | number)[], hint = '') {
    super(message)
    this.path = path
    this.hint = hint
  }
}

export function readSigma(file: string, text: string, options: ReadOptions): ReadResult {
  const documents: SigmaDocument[] = []
  const problems: SourceProblem[] = []
  if (Buffer.byteLength(text) > sigmaLimits.fileBytesMax) {
    const cause = `larger than ${sigmaLimits.fileBytesMax} bytes`
    return { documents, problems: [{ file, line: 1, cause, hint: 'Split the file.' }] }
  }
  let data: unknown[]
  try {
    const plain = readPlainYaml(text)
    data = plain ? [plain] : (loadAll(text) as unknown[])
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const line = (error.mark?.line ?? 0) + 1
    return { documents, problems: [{ file, line, cause: error.reason ?? error.message, hint: '' }] }
  }
  if (data.length > sigmaLimits.documentsMax) {
    const cause = `more than ${sigmaLimits.documentsMax} documents`
    return { documents, problems: [{ file, line: 1, cause, hint: 'Split the file.' }] }
  }
  const lineOf = linesOf(text)
  // The old form of collections: an `action: global` document whose parts belong to those that follow.
  let global: Record<string, unknown> = {}
  for (const [index, one] of data.entries()) {
    if (one === null || one === undefined) continue
    try {
      if (typeof one !== 'object' || Array.isArray(one)) throw new RuleError('not a rule but a plain value', [])
      const document = { ...global, ...(one as Record<string, unknown>) }
      if (document['action'] === 'global') {
        global = document
        delete global['action']
        continue
      }
      const line = data.length > 1 ? lineOf(index, []) : 1
      const zh = chineseOf(document[ownKey], (cause, path, hint) =>
        problems.push({ file, line: lineOf(index, path), cause, hint }),
      )
      documents.push(documentOf(document, { file, line, zh }, options))
    } catch (error) {
      if (error instanceof RuleError)
        problems.push({ file, line: lineOf(index, error.path), cause: error.message, hint: error.hint })
      else throw error
    }
  }
  return { documents, problems }
}

/** What is known of a document before it is read. */
type Origin = Pick<RuleMeta, 'file' | 'line' | 'zh'>

function documentOf(data: Record<string, unknown>, origin: Origin, options: ReadOptions): SigmaDocument {
  const meta = metaOf(data, origin, options.license)
  if (data['correlation'] !== undefined) return correlationOf(data, meta)
  if (data['filter'] !== undefined) return filterOf(data, meta, options)
  if (data['detection'] === undefined)
    throw new RuleError('neither detection nor correlation nor filter', [], 'A rule needs a detection.')
  return ruleOf(data, meta, options)
}

function ruleOf(data: Record<string, unknown>, meta: RuleMeta, options: ReadOptions): SigmaRule {
  const unresolved = new Set<string>()
  const condition = detectionOf(data['detection'], ['detection'], options, unresolved)
  return { kind: 'rule', meta, logsource: logSourceOf(data['logsource']), condition, unresolved: [...unresolved] }
}

function filterOf(data: Record<string, unknown>, meta: RuleMeta, options: ReadOptions): SigmaFilter {
  const filter = mapOf(data['filter'], ['filter'])
  const { rules, ...detection } = filter
  const names = rules === 'any' || rules === undefined ? 'any' : textsOf(rules, ['filter', 'rules'])
  const condition = detectionOf(detection, ['filter'], options, new Set())
  return { kind: 'filter', meta, logsource: logSourceOf(data['logsource']), rules: names, condition }
}

/** Values seen so far: aliases of YAML can make a few lines mean millions. */
interface Budget {
  values: number
}

function detectionOf(data: unknown, path: (string | number)[], options: ReadOptions, unresolved: Set<string>): Node {
  const detection = mapOf(data, path)
  const selections = new Map<string, Node>()
  const budget: Budget = { values: 0 }
  const names = Object.keys(detection).filter((name) => name !== 'condition' && name !== 'timeframe')
  if (names.length > sigmaLimits.selectionsMax)
    throw new RuleError(`more than ${sigmaLimits.selectionsMax} selections`, path)
  for (const name of names)
    selections.set(name, selectionOf(detection[name], [...path, name], { options, unresolved, budget, depth: 0 }))
  const conditions = detection['condition'] ?? (names.length === 1 ? names[0] : undefined)
  if (conditions === undefined) throw new RuleError('a detection without condition', path)
  const list = Array.isArray(conditions) ? conditions : [conditions]
  const parts = list.map((text, i) => {
    const at = [...path, 'condition', ...(Array.isArray(conditions) ? [i] : [])]
    if (typeof text !== 'string') throw new RuleError('a condition that is no text', at)
    try {
      return parseCondition(text, selections)
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      const named = /names "(.+?)"/.exec(error.message)?.[1]
      throw new RuleError(error.message, at, named ? suggest(named, names) || `There are: ${names.join(', ')}` : '')
    }
  })
  return parts.length === 1 ? parts[0]! : { kind: 'or', parts }
}

interface Context {
  options: ReadOptions
  unresolved: Set<string>
  budget: Budget
  depth: number
}

function selectionOf(data: unknown, path: (string | number)[], context: Context): Node {
  if (context.depth > sigmaLimits.nestingMax) throw new RuleError('nested too deep', path)
  const deeper = { ...context, depth: context.depth + 1 }
  if (Array.isArray(data)) {
    if (data.length === 0) throw new RuleError('an empty list', path)
    // Keywords stand together; maps are alternatives.
    const words = data.filter((one) => typeof one !== 'object' || one === null)
    const parts: Node[] = words.length > 0 ? [fieldOf('', words, path, deeper)] : []
    for (const [i, one] of data.entries())
      if (typeof one === 'object' && one !== null) parts.push(selectionOf(one, [...path, i], deeper))
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts }
  }
  if (typeof data !== 'object' || data === null) return fieldOf('', [data], path, deeper)
  const entries = Object.entries(data)
  if (entries.length === 0) throw new RuleError('an empty selection', path)
  const parts = entries.map(([key, value]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      throw new RuleError(`"${key}" holds a map where values are expected`, [...path, key])
    return fieldOf(key, Array.isArray(value) ? value : [value], [...path, key], deeper)
  })
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts }
}

function fieldOf(key: string, values: readonly unknown[], path: (string | number)[], context: Context): Node {
  context.budget.values += values.length
  if (context.budget.values > sigmaLimits.valuesMax)
    throw new RuleError(`more than ${sigmaLimits.valuesMax} values`, path)
  if (values.length === 0) {
    // As pySigma has it: an empty list is an empty value.
    return { kind: 'item', field: key.split('|')[0]!, all: false, tests: [{ kind: 'null' }] } satisfies Item
  }
  const scalars = values.map((value): Scalar => {
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Scalar
    if (value instanceof Date) return value.toISOString().slice(0, 10)
    throw new RuleError('a value that is neither text, number, true, false nor null', path)
  })
  try {
    return itemOf(key, scalars, context.options.placeholders, context.unresolved)
  } catch (error) {
    if (error instanceof ItemError) {
      const modifier = /no modifier "(.+?)"/.exec(error.message)?.[1]
      throw new RuleError(error.message, path, modifier ? suggest(modifier, modifierNames) : '')
    }
    if (error instanceof CodedError) throw new RuleError(error.message, path, error.hint)
    throw error
  }
}

function correlationOf(data: Record<string, unknown>, meta: RuleMeta): SigmaCorrelation {
  const correlation = mapOf(data['correlation'], ['correlation'])
  const at = (name: string): (string | number)[] => ['correlation', name]
  const given = textOf(correlation['type'], at('type'))
  const type = (given === 'chained' ? 'temporal_ordered' : given) as CorrelationType
  if (!correlationTypes.includes(type))
    throw new RuleError(
      `there is no correlation type "${given}"`,
      at('type'),
      suggest(given, correlationTypes) || `One of: ${correlationTypes.join(', ')}`,
    )
  const rules = textsOf(correlation['rules'], at('rules'))
  const span = textOf(correlation['timespan'], at('timespan'))
  const timespanMs = /^\d+[smhdwMy]$/.test(span) ? spanMs(span) : Number.NaN
  if (!(timespanMs > 0)) throw new RuleError('timespan is a number and a letter: 30s, 5m, 1h, 7d', at('timespan'))
  const isTemporal = type === 'temporal' || type === 'temporal_ordered'
  const condition =
    correlation['condition'] === undefined && isTemporal ? {} : mapOf(correlation['condition'], at('condition'))
  const { field, percentile, ...rest } = condition
  const conditions = Object.entries(rest).map(([comparison, number]) => {
    if (!['gt', 'gte', 'lt', 'lte', 'eq', 'neq'].includes(comparison))
      throw new RuleError(
        `there is no comparison "${comparison}"`,
        at('condition'),
        'One of: gt, gte, lt, lte, eq, neq',
      )
    if (typeof number !== 'number') throw new RuleError(`"${comparison}" takes a number`, at('condition'))
    return { comparison: comparison as Comparison, number }
  })
  if (conditions.length === 0 && !isTemporal) throw new RuleError('a condition without a comparison', at('condition'))
  const needsField = type.startsWith('value_')
  if (needsField && typeof field !== 'string' && !Array.isArray(field))
    throw new RuleError(`${type} needs the field in its condition`, at('condition'))
  return {
    ...{ kind: 'correlation', meta, type, rules, timespanMs, conditions },
    groupBy: correlation['group-by'] === undefined ? [] : textsOf(correlation['group-by'], at('group-by')),
    aliases: aliasesOf(correlation['aliases']),
    field: needsField ? textOf(Array.isArray(field) ? field[0] : field, at('condition')) : null,
    percentile: typeof percentile === 'number' ? percentile : 50,
    generate: correlation['generate'] === true,
  }
}

function spanMs(text: string): number {
  const days: Record<string, number> = { w: 7, M: 30, y: 365 }
  const unit = text.slice(-1)
  return unit in days ? Number(text.slice(0, -1)) * days[unit]! * 86_400_000 : (parseDuration(text) ?? Number.NaN)
}

function aliasesOf(data: unknown): Record<string, Record<string, string>> {
  if (data === undefined) return {}
  return Object.fromEntries(
    Object.entries(mapOf(data, ['correlation', 'aliases'])).map(([alias, fields]) => [
      alias,
      Object.fromEntries(
        Object.entries(mapOf(fields, ['correlation', 'aliases', alias])).map(([rule, field]) => [
          rule,
          textOf(field, ['correlation', 'aliases', alias, rule]),
        ]),
      ),
    ]),
  )
}

function logSourceOf(data: unknown): LogSource {
  const source = data === undefined || data === null ? {} : mapOf(data, ['logsource'])
  const of = (name: string): string | null => textOf(source[name], ['logsource', name]).toLowerCase() || null
  return { product: of('product'), category: of('category'), service: of('service') }
}

function metaOf(data: Record<string, unknown>, origin: Origin, license: string): RuleMeta {
  const text = (name: string): string => remarkOf(data[name])
  const list = (name: string): string[] =>
    Array.isArray(data[name]) ? (data[name] as unknown[]).map(remarkOf) : data[name] ? [text(name)] : []
  const level = (text('level') || 'medium') as Level
  if (!levels.includes(level))
    throw new RuleError(
      `there is no level "${level}"`,
      ['level'],
      suggest(level, levels) || `One of: ${levels.join(', ')}`,
    )
  const title = text('title')
  if (title === '') throw new RuleError('a rule without title', [])
  return {
    ...{ title, id: text('id'), name: text('name'), status: text('status'), description: text('description').trim() },
    ...{
      author: text('author'),
      references: list('references'),
      tags: list('tags'),
      falsepositives: list('falsepositives'),
    },
    ...{ level, license: text('license') || license, ...origin },
  }
}

function mapOf(data: unknown, path: (string | number)[]): Record<string, unknown> {
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data as Record<string, unknown>
  throw new RuleError(`${path.at(-1) ?? 'the document'} is not a map`, path)
}

/** Lists and maps are no text: written out, aliases of YAML would make gigabytes of a few lines. */
function textOf(data: unknown, path: (string | number)[]): string {
  if (data === undefined || data === null) return ''
  if (data instanceof Date) return data.toISOString().slice(0, 10)
  if (typeof data === 'object') throw new RuleError(`${path.join('.')} is no text`, path)
  return String(data)
}

/** What only people read: a colon that made a map of a line, or a list of authors, is no reason to refuse a rule. */
function remarkOf(data: unknown): string {
  if (typeof data !== 'object' || data === null || data instanceof Date) return textOf(data, [])
  const plain = Object.entries(data).filter(([, value]) => typeof value !== 'object' || value === null)
  return Array.isArray(data)
    ? plain.map(([, value]) => textOf(value, [])).join(', ')
    : plain.map(([key, value]) => `${key}: ${textOf(value, [])}`).join(', ')
}

function textsOf(data: unknown, path: (string | number)[]): string[] {
  const list = Array.isArray(data) ? data : [data]
  if (list.length === 0 || list.some((one) => typeof one !== 'string' || one === ''))
    throw new RuleError(`${path.at(-1)} is not a list of names`, path)
  return list as string[]
}
