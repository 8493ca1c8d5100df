// A second reading of the specification that shares no code with the engine: one rule, one event, no compiling, every
// question asked anew. Slow and simple on purpose; tests hold the engine against it.
import { load } from 'js-yaml'

type Json = null | string | number | boolean | Json[] | { [key: string]: Json }
type Event = Readonly<Record<string, unknown>>

const dashList = ['-', '/', '\u2013', '\u2014', '\u2015']

/** @returns whether the rule, as text, matches the event, whatever its log source */
export function oracle(ruleText: string): (event: Event) => boolean {
  const rule = load(ruleText) as { detection: { [name: string]: Json } }
  const { condition, timeframe: _, ...selections } = rule.detection
  return (event) => {
    const truth = (name: string): boolean => selection(selections[name]!, event)
    const texts = Array.isArray(condition) ? condition : [condition]
    return texts.some((text) => evaluate(String(text), Object.keys(selections), truth))
  }
}

/** By rewriting: every selection becomes 1 or 0, then brackets, not, and, or are worked off from the inside. */
function evaluate(text: string, names: string[], truth: (name: string) => boolean): boolean {
  let rest = ` ${text.replace(/\(/g, ' ( ').replace(/\)/g, ' ) ')} `
  rest = rest.replace(/\s(\d+|any|all) of (\S+)\s/gi, (_, quantity: string, pattern: string) => {
    const chosen = names.filter((name) =>
      pattern.toLowerCase() === 'them'
        ? !name.startsWith('_')
        : new RegExp(`^${pattern.split('*').map(quote).join('.*')}$`).test(name),
    )
    const held = chosen.filter(truth).length
    const needed = /all/i.test(quantity) ? chosen.length : /any/i.test(quantity) ? 1 : Number(quantity)
    return held >= needed ? ' 1 ' : ' 0 '
  })
  const words = rest.trim().split(/\s+/)
  const bits = words.map((word) =>
    /^(and|or|not|\(|\)|0|1)$/i.test(word) ? word.toLowerCase() : truth(word) ? '1' : '0',
  )
  let line = bits.join(' ')
  while (!/^[01]$/.test(line)) {
    const before = line
    line = line
      .replace(/\( ([01]) \)/g, '$1')
      .replace(/not not /g, '')
      .replace(/not ([01])/g, (_, bit) => (bit === '1' ? '0' : '1'))
    if (line === before) line = line.replace(/([01]) and ([01])/, (_, a, b) => (a === '1' && b === '1' ? '1' : '0'))
    // Or only where no and stands beside it.
    if (line === before)
      line = line.replace(
        /(^|\( |or )([01]) or ([01])(?= or| \)|$)/,
        (_, head, a, b) => `${head}${a === '1' || b === '1' ? '1' : '0'}`,
      )
    if (line === before) throw new Error(`stuck at ${line} (${text})`)
  }
  return line === '1'
}

function selection(value: Json, event: Event): boolean {
  if (Array.isArray(value)) {
    return value.some((one) =>
      typeof one === 'object' && one !== null && !Array.isArray(one) ? selection(one, event) : item('', [one], event),
    )
  }
  if (typeof value !== 'object' || value === null) return item('', [value], event)
  return Object.entries(value).every(([key, values]) => item(key, Array.isArray(values) ? values : [values], event))
}

function item(key: string, values: Json[], event: Event): boolean {
  const [field = '', ...modifiers] = key.split('|')
  const results = values.map((value) => holds(field, modifiers, value, event))
  const found = modifiers.includes('all') ? results.every(Boolean) : results.some(Boolean)
  return modifiers.includes('neq') ? !results.some(Boolean) : found
}

function textsOf(field: string, event: Event): string[] {
  const value = event[field]
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).filter((one) => one !== null && one !== undefined).map(String)
}

function everyText(event: Event): string[] {
  return Object.keys(event).flatMap((field) =>
    typeof event[field] === 'object' && !Array.isArray(event[field]) ? [] : textsOf(field, event),
  )
}

function holds(field: string, modifiers: string[], value: Json, event: Event): boolean {
  const has = (name: string): boolean => modifiers.includes(name)
  if (has('exists')) return (event[field] !== undefined) === (value === true || value === 'true')
  if (value === null) return event[field] === undefined || event[field] === null
  const texts = field === '' ? everyText(event) : textsOf(field, event)
  if (has('re')) {
    let source = String(value)
    let flags = `${has('i') ? 'i' : ''}${has('m') ? 'm' : ''}${has('s') ? 's' : ''}`
    const inline = /^\(\?([ims]+)\)/.exec(source)
    if (inline) {
      source = source.slice(inline[0].length)
      flags = [...new Set(flags + inline[1])].join('')
    }
    return texts.some((text) => new RegExp(source, flags).test(text))
  }
  if (has('cidr')) return texts.some((text) => inNetwork(text, String(value)))
  for (const [name, test] of Object.entries(comparisons))
    if (has(name)) return texts.some((text) => text.trim() !== '' && test(Number(text), Number(value)))
  if (has('fieldref'))
    return texts.some((text) =>
      textsOf(String(value), event).some((other) => place(text, other, modifiers, has('cased'))),
    )
  const variants = encoded(String(value), modifiers)
  return variants.some((pattern) => {
    const open = has('contains') || field === ''
    const source = `^${open || has('endswith') ? '[^]*' : ''}${pattern}${open || has('startswith') ? '[^]*' : ''}$`
    const expression = new RegExp(source, has('cased') ? '' : 'i')
    // The flag folds a few letters that lower case does not: compare in lower case as the specification's tools do.
    const lower = new RegExp(source.replace(/[A-Z]/g, (letter) => letter.toLowerCase()))
    return texts.some((text) => (has('cased') ? expression.test(text) : lower.test(text.toLowerCase())))
  })
}

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
}

function place(text: string, other: string, modifiers: string[], cased: boolean): boolean {
  const [a, b] = cased ? [text, other] : [text.toLowerCase(), other.toLowerCase()]
  if (modifiers.includes('contains')) return a.includes(b)
  if (modifiers.includes('startswith')) return a.startsWith(b)
  if (modifiers.includes('endswith')) return a.endsWith(b)
  return a === b
}

/** Values as sources of regular expressions, in lower case where case does not count. */
function encoded(value: string, modifiers: string[]): string[] {
  if (modifiers.includes('expand') && /%[^%\s]+%/.test(value)) return ['(?!)']
  let bytes = Buffer.from(value, 'utf8')
  if (modifiers.includes('wide') || modifiers.includes('utf16le')) bytes = Buffer.from(value, 'utf16le')
  if (modifiers.includes('base64')) return [quote(bytes.toString('base64'))]
  if (modifiers.includes('base64offset'))
    return [0, 1, 2].map((shift) => {
      const text = Buffer.concat([Buffer.alloc(shift, 65), bytes])
        .toString('base64')
        .replace(/=+$/, '')
      const whole = Math.floor(((shift + bytes.length) * 8) / 6)
      return quote(text.slice(Math.ceil((shift * 8) / 6), whole))
    })
  const pattern = wildcards(value)
  return [modifiers.includes('windash') ? withDashes(value) : pattern]
}

function wildcards(value: string): string {
  return value.replace(/\\[*?\\]|[*?]|[^*?\\]+|\\/g, (piece) =>
    piece === '*'
      ? '[^]*'
      : piece === '?'
        ? '[^]'
        : quote(piece.length === 2 && piece[0] === '\\' && /[*?\\]/.test(piece[1]!) ? piece[1]! : piece),
  )
}

function withDashes(value: string): string {
  return value
    .split(/(?<![\p{L}\p{N}_])[-/\u2013\u2014\u2015](?=[\p{L}\p{N}_])/u)
    .map(wildcards)
    .join(`(?:${dashList.map(quote).join('|')})`)
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function inNetwork(text: string, network: string): boolean {
  const [base = '', length] = network.split('/')
  const [a, b] = [bitsOf(text), bitsOf(base)]
  if (!a || !b || a.length !== b.length) return false
  const bits = length === undefined ? a.length : Number(length)
  return a.slice(0, bits) === b.slice(0, bits)
}

function bitsOf(text: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const parts = text.split('.').map(Number)
    return parts.some((part) => part > 255)
      ? undefined
      : parts.map((part) => part.toString(2).padStart(8, '0')).join('')
  }
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)
  if (mapped) return bitsOf(mapped[1]!)
  if (!/^[0-9a-f:]+$/i.test(text) || !text.includes(':')) return undefined
  const [left = '', right] = text.split('::')
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const middle = right === undefined ? [] : Array.from({ length: 8 - head.length - tail.length }, () => '0')
  const groups = [...head, ...middle, ...tail]
  return groups.length === 8
    ? groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
    : undefined
}
