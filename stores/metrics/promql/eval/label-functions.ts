// Functions that rewrite labels or order by them.
import { RE2JS } from 're2js'
import type { Labels } from '#core/sample.ts'
import { quote } from '../strings.ts'
import type { Budget } from './budget.ts'
import { failed } from './errors.ts'
import { Frame, nothing } from './frame.ts'
import { compareLabels, labelsKey } from './labels.ts'

/** `$1` and `${name}` in the replacement, anchored, RE2: exactly Prometheus's meaning, so RE2JS itself runs it. */
export function labelReplace(input: Frame, args: string[], budget: Budget): Frame {
  const [target, replacement, source, pattern] = args as [string, string, string, string]
  if (pattern.length > 8192) throw failed('invalid regular expression in label_replace(): longer than 8192 characters')
  let regex: RE2JS
  try {
    regex = RE2JS.compile(`^(?s:${pattern})$`)
  } catch {
    throw failed(`invalid regular expression in label_replace(): ${pattern}`)
  }
  if (!isLabelName(target)) throw failed(`invalid destination label name in label_replace(): ${target}`)
  const results = new Map<string, { value: string } | undefined>()
  const replaced = (text: string): { value: string } | undefined => {
    if (results.has(text)) return results.get(text)
    const matcher = regex.matcher(text)
    const found = matcher.find() ? { value: expand(replacement, (group) => groupOf(matcher, group)) } : undefined
    results.set(text, found)
    return found
  }
  return relabelled(
    input,
    (labels) => {
      const found = replaced(labels[source] ?? '')
      return found ? withLabel(labels, target, found.value) : labels
    },
    target === '__name__',
    budget,
  )
}

export function labelJoin(input: Frame, args: string[], budget: Budget): Frame {
  const [target, separator, ...sources] = args as [string, string, ...string[]]
  for (const source of sources)
    if (!isLabelName(source)) throw failed(`invalid source label name in label_join(): ${source}`)
  if (!isLabelName(target)) throw failed(`invalid destination label name in label_join(): ${target}`)
  return relabelled(
    input,
    (labels) => withLabel(labels, target, sources.map((name) => labels[name] ?? '').join(separator)),
    target === '__name__',
    budget,
  )
}

export const isLabelName = (text: string): boolean => text !== '' && text.isWellFormed()

export function requireLabelName(text: string): string {
  if (!isLabelName(text)) throw failed(`invalid label name ${quote(text)}`)
  return text
}

function relabelled(input: Frame, change: (labels: Labels) => Labels, keepsName: boolean, budget: Budget): Frame {
  const out = new Frame(input.count, input.rows, budget)
  for (let row = 0; row < input.rows; row++) {
    const labels = input.labels[row]!
    const changed = change(labels)
    const base = out.add(changed, keepsName && changed !== labels ? false : input.dropName[row])
    out.copyRow(base, input, row * input.count)
  }
  return merged(out, budget)
}

/** Series that became equal are one as long as they do not overlap. @throws where they do. */
export function merged(input: Frame, budget: Budget): Frame {
  const known = new Map<string, number>()
  const target = new Int32Array(input.rows)
  for (let row = 0; row < input.rows; row++) {
    const key = labelsKey(input.labels[row]!)
    const first = known.get(key)
    if (first === undefined) known.set(key, row)
    target[row] = first ?? row
  }
  if (known.size === input.rows) return input
  const out = new Frame(input.count, known.size, budget)
  const bases = new Map<number, number>()
  for (let row = 0; row < input.rows; row++) {
    const owner = target[row]!
    let base = bases.get(owner)
    if (base === undefined) {
      base = out.add(input.labels[row]!, input.dropName[row])
      bases.set(owner, base)
    } else if (input.dropName[row]) out.dropName[base / input.count] = true
    for (let step = 0; step < input.count; step++) {
      if (input.present[row * input.count + step] === nothing) continue
      if (out.present[base + step] !== nothing)
        throw failed(
          'vector cannot contain metrics with the same labelset',
          'Aggregate, or keep a label that tells the series apart.',
        )
      out.copy(base + step, input, row * input.count + step)
    }
  }
  return out
}

/** Natural order: numbers inside the text compare as numbers. Equal labels fall back to the whole set. */
export function byLabels(names: string[], descending: boolean): (a: Labels, b: Labels) => number {
  const sign = descending ? -1 : 1
  return (a, b) => {
    for (const name of names) {
      const order = naturalOrder(a[name] ?? '', b[name] ?? '')
      if (order !== 0) return sign * order
    }
    return sign * compareLabels(a, b)
  }
}

function naturalOrder(a: string, b: string): number {
  if (a === b) return 0
  const chunks = (text: string): string[] => text.match(/\d+|\D+/g) ?? ['']
  const [left, right] = [chunks(a), chunks(b)]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!]
    if (x === y) continue
    if (/^\d/.test(x) && /^\d/.test(y) && Number(x) !== Number(y)) return Number(x) - Number(y)
    return x < y ? -1 : 1
  }
  return left.length - right.length
}

function groupOf(matcher: ReturnType<RE2JS['matcher']>, name: string): string {
  try {
    if (!/^\d+$/.test(name)) return matcher.group(name) ?? ''
    return Number(name) <= matcher.groupCount() ? (matcher.group(Number(name)) ?? '') : ''
  } catch {
    return ''
  }
}

/** Go's Regexp.Expand: `$name` takes the longest run of letters, digits and underscores; `$$` is a dollar. */
function expand(template: string, group: (name: string) => string): string {
  return template.replace(
    /\$(?:\$|\{(\w+)\}|(\w+))/g,
    (whole, braced: string | undefined, plain: string | undefined) =>
      whole === '$$' ? '$' : group(braced ?? plain ?? ''),
  )
}

function withLabel(labels: Labels, name: string, value: string): Labels {
  if ((labels[name] ?? '') === value) return value === '' && labels[name] === undefined ? { ...labels } : { ...labels }
  const changed = { ...labels, [name]: value }
  if (value === '') delete changed[name]
  return changed
}
