// `CommandLine|base64offset|contains: …`: what a field and its modifiers ask of each value.
import ipaddr from 'ipaddr.js'
import { compileRegex } from '#core/regex.ts'
import {
  type Comparison,
  type Item,
  type Node,
  type PatternPart,
  type Test,
  type TextOp,
  type TimePart,
  timeParts,
} from './ast.ts'
import { dashVariants, literalOf, partsOf, testOf } from './pattern.ts'

export class ItemError extends Error {}

export type Scalar = string | number | boolean | null
/** Values of `%name%` under `expand`. */
export type Placeholders = ReadonlyMap<string, readonly string[]>

const textOps: Readonly<Record<string, TextOp>> = { contains: 'contains', startswith: 'starts', endswith: 'ends' }
const comparisons: ReadonlySet<string> = new Set(['lt', 'lte', 'gt', 'gte'])
const encodings: ReadonlySet<string> = new Set([
  'base64',
  'base64offset',
  'wide',
  'utf16le',
  'utf16be',
  'utf16',
  'windash',
  'expand',
])
const others: ReadonlySet<string> = new Set([
  'all',
  'cased',
  're',
  'i',
  'm',
  's',
  'cidr',
  'exists',
  'fieldref',
  'neq',
  ...timeParts,
])
export const modifierNames: readonly string[] = [...Object.keys(textOps), ...comparisons, ...encodings, ...others]

/** A value on its way: text with wildcards, or bytes that an encoding made of it. */
type Working = { parts: PatternPart[] } | { bytes: Buffer }

/** A field's name with its modifiers, read once for the thousands of places where rules write the same. */
interface Key {
  field: string | null
  has: ReadonlySet<string>
  /** Those that change the value before it is looked for. */
  encodes: readonly string[]
  op: TextOp | undefined
  comparison: Comparison | undefined
  part: TimePart | undefined
}

const known: ReadonlySet<string> = new Set(modifierNames)
const keys = new Map<string, Key>()
const keysMax = 10_000

/** @throws ItemError */
function keyOf(text: string): Key {
  const before = keys.get(text)
  if (before) return before
  const [name = '', ...modifiers] = text.split('|')
  const unknown = modifiers.find((modifier) => !known.has(modifier))
  if (unknown !== undefined) throw new ItemError(`there is no modifier "${unknown}"`)
  const has = new Set(modifiers)
  const key: Key = {
    ...{ field: name === '' ? null : name, has },
    encodes: modifiers.filter((modifier) => encodings.has(modifier)),
    op: modifiers.map((modifier) => textOps[modifier]).find((found) => found !== undefined),
    comparison: modifiers.find((modifier) => comparisons.has(modifier)) as Comparison | undefined,
    part: timeParts.find((part) => has.has(part)),
  }
  if (keys.size >= keysMax) keys.clear()
  keys.set(text, key)
  return key
}

/** @throws ItemError */
export function itemOf(
  text: string,
  values: readonly Scalar[],
  placeholders: Placeholders,
  unresolved: Set<string>,
): Node {
  const key = keyOf(text)
  const { field, has, op, comparison, part } = key
  const all = has.has('all')
  const negated = has.has('neq')
  const item = (tests: Test[]): Node => {
    const made: Item = { kind: 'item', field, all, tests }
    return negated ? { kind: 'not', part: { ...made, all: false } } : made
  }
  if (has.has('exists')) return item(values.map((value) => ({ kind: 'exists', present: booleanOf(value) })))
  if (has.has('re')) return item(values.map((value) => regexOf(value, has)))
  if (has.has('cidr')) return item(values.map(cidrOf))
  if (part) return item(values.map((value) => timeOf(value, part, comparison ?? 'eq')))
  if (comparison)
    return item(values.map((value) => ({ kind: 'compare', comparison, number: numberOf(value, comparison) })))
  const cased = has.has('cased')
  if (has.has('fieldref'))
    return item(values.map((value) => ({ kind: 'field', field: textOf(value, 'fieldref'), op: op ?? 'equals', cased })))
  // A keyword is looked for anywhere in the log.
  const where = op ?? (field === null ? 'contains' : undefined)
  const found = values.map((value) => testsOf(value, key, where, { cased, placeholders, unresolved }))
  if (!all || found.every((tests) => tests.length === 1)) {
    const whole: Item = { kind: 'item', field, all: all && found.length > 1, tests: found.flat() }
    return negated ? { kind: 'not', part: whole } : whole
  }
  // The variants of one value are alternatives, also under `all`.
  const parts = found.map((tests): Node => ({ kind: 'item', field, all: false, tests }))
  const whole: Node = { kind: 'and', parts }
  return negated ? { kind: 'not', part: whole } : whole
}

function testsOf(
  value: Scalar,
  { encodes }: Key,
  where: TextOp | undefined,
  context: { cased: boolean; placeholders: Placeholders; unresolved: Set<string> },
): Test[] {
  if (value === null) return [{ kind: 'null' }]
  if (encodes.length === 0) return [testOf(partsOf(String(value)), context.cased, where)]
  return variantsOf(value, encodes, context).map((working): Test => {
    if ('never' in working) return { kind: 'never', why: working.never }
    return testOf(partsIn(working), context.cased, where)
  })
}

function variantsOf(
  value: Exclude<Scalar, null>,
  encodes: readonly string[],
  { placeholders, unresolved }: { placeholders: Placeholders; unresolved: Set<string> },
): (Working | { never: string })[] {
  let list: Working[] = [{ parts: partsOf(String(value)) }]
  for (const modifier of encodes) {
    if (modifier === 'expand') {
      const expanded = list.flatMap((working) => expand(working, placeholders, unresolved))
      if (expanded.length === 0) return [{ never: `a placeholder of "${value}" has no values` }]
      list = expanded
    } else if (modifier === 'windash')
      list = list.flatMap((working) => dashVariants(partsIn(working)).map((parts) => ({ parts })))
    else list = list.flatMap((working) => encode(working, modifier))
  }
  return list
}

function expand(working: Working, placeholders: Placeholders, unresolved: Set<string>): Working[] {
  let variants: PatternPart[][] = [[]]
  for (const part of partsIn(working)) {
    if (typeof part !== 'string') {
      variants = variants.map((variant) => [...variant, part])
      continue
    }
    for (const piece of part.split(/(\\%|%[^%\s]+%)/)) {
      if (piece === '') continue
      const name = /^%([^%\s]+)%$/.exec(piece)?.[1]
      const values = name === undefined ? [piece === '\\%' ? '%' : piece] : (placeholders.get(name) ?? [])
      if (name !== undefined && values.length === 0) unresolved.add(name)
      variants = variants.flatMap((variant) =>
        values.map((text) => [...variant, ...(name === undefined ? [text] : partsOf(text))]),
      )
      if (variants.length > 10_000) throw new ItemError('the placeholders expand to more than 10,000 values')
    }
  }
  return variants.map((parts) => ({ parts: merge(parts) }))
}

function merge(parts: readonly PatternPart[]): PatternPart[] {
  const list: PatternPart[] = []
  for (const part of parts) {
    const before = list.at(-1)
    if (typeof part === 'string' && typeof before === 'string') list[list.length - 1] = before + part
    else list.push(part)
  }
  return list
}

/** Where a text may begin in what is encoded: its first and last characters then depend on the neighbours. */
const offsets = [
  { skip: 0, drop: 0 },
  { skip: 1, drop: 2 },
  { skip: 2, drop: 3 },
] as const

function encode(working: Working, modifier: string): Working[] {
  const bytes = bytesIn(working, modifier)
  switch (modifier) {
    case 'wide':
    case 'utf16le':
      return [{ bytes: utf16le(bytes) }]
    case 'utf16be':
      return [{ bytes: Buffer.from(utf16le(bytes)).swap16() }]
    case 'utf16':
      return [{ bytes: Buffer.concat([Buffer.from([0xff, 0xfe]), utf16le(bytes)]) }]
    case 'base64':
      return [{ parts: [bytes.toString('base64')] }]
    default:
      return offsets.map(({ skip, drop }) => {
        const encoded = Buffer.concat([Buffer.alloc(skip, 32), bytes]).toString('base64')
        const over = (bytes.length + skip) % 3
        // The last character is only whole when the bytes end there.
        const end = over === 0 ? encoded.length : encoded.length - (over === 1 ? 3 : 2)
        return { parts: [encoded.slice(drop, end)] }
      })
  }
}

function utf16le(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('utf8'), 'utf16le')
}

function bytesIn(working: Working, modifier: string): Buffer {
  if ('bytes' in working) return working.bytes
  const text = literalOf(working.parts)
  if (text === undefined)
    throw new ItemError(`a value under "${modifier}" cannot hold wildcards; escape them with a backslash`)
  return Buffer.from(text, 'utf8')
}

function partsIn(working: Working): PatternPart[] {
  return 'bytes' in working ? [working.bytes.toString('latin1')] : working.parts
}

function regexOf(value: Scalar, has: ReadonlySet<string>): Test {
  let source = textOf(value, 're')
  let [ignoreCase, multiline, dotAll] = [has.has('i'), has.has('m'), has.has('s')]
  const inline = /^\(\?([ims]+)\)/.exec(source)
  if (inline) {
    source = source.slice(inline[0].length)
    ignoreCase ||= inline[1]!.includes('i')
    multiline ||= inline[1]!.includes('m')
    dotAll ||= inline[1]!.includes('s')
  }
  // Compiled to be refused here, where file and line are known.
  compileRegex(source, { ignoreCase, multiline, dotAll })
  return { kind: 'regex', source, ignoreCase, multiline, dotAll }
}

function cidrOf(value: Scalar): Test {
  const text = textOf(value, 'cidr')
  const network = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`
  if (!ipaddr.isValidCIDR(network)) throw new ItemError(`"${text}" is no network`)
  return { kind: 'cidr', network }
}

function timeOf(value: Scalar, part: TimePart, comparison: Comparison): Test {
  return { kind: 'time', part, comparison, number: numberOf(value, part) }
}

function numberOf(value: Scalar, modifier: string): number {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
  if (!Number.isFinite(number)) throw new ItemError(`"${value}" under "${modifier}" is no number`)
  return number
}

function booleanOf(value: Scalar): boolean {
  if (typeof value === 'boolean') return value
  if (/^(true|yes|1)$/i.test(String(value))) return true
  if (/^(false|no|0)$/i.test(String(value))) return false
  throw new ItemError('"exists" takes true or false')
}

function textOf(value: Scalar, modifier: string): string {
  if (value === null || value === '') throw new ItemError(`an empty value under "${modifier}"`)
  return String(value)
}
