// Operators with vectors, and Prometheus's vector matching. Keys are worked out once a series.
import type { Labels } from '#core/sample.ts'
import type { Annotations } from '../annotations.ts'
import type { Binary, BinaryOp } from '../ast.ts'
import type { Budget } from './budget.ts'
import { arithmetic, comparisons, holds, operate, type Value } from './element.ts'
import { failed } from './errors.ts'
import { Frame, float, nothing } from './frame.ts'
import {
  compareLabels,
  dropMetadata,
  labelsKey,
  labelsText,
  metadataLabels,
  only,
  signatureOf,
  without,
} from './labels.ts'

interface Context {
  annotations: Annotations
  budget: Budget
  /** Names go at the end of the query, not here. */
  delayed: boolean
}

/** Arithmetic makes another metric of it; a filter, and a trimmed histogram, keep the name. */
const changesMeaning = (op: BinaryOp): boolean => !comparisons.has(op) && op !== '</' && op !== '>/'

const valueAt = (frame: Frame, index: number): Value =>
  frame.present[index] === float ? frame.values[index]! : frame.histograms![index]!

/** A vector with a scalar on one side. Comparisons filter, or give 0 and 1 with `bool`. */
export function vectorScalar(
  node: Binary,
  vector: Frame,
  scalar: Float64Array,
  scalarLeft: boolean,
  context: Context,
): Frame {
  const { op, returnBool } = node
  const comparing = comparisons.has(op)
  const drops = changesMeaning(op) || returnBool
  const { count } = vector
  const out = new Frame(count, vector.rows, context.budget)
  for (let row = 0; row < vector.rows; row++) {
    const labels = vector.labels[row]!
    const from = row * count
    const base = out.add(
      drops && !context.delayed ? dropMetadata(labels) : labels,
      vector.dropName[row]! || (drops && context.delayed),
    )
    let any = false
    for (let step = 0; step < count; step++) {
      const kind = vector.present[from + step]
      if (kind === nothing) continue
      if (kind === float && op !== '</' && op !== '>/') {
        const value = vector.values[from + step]!
        const other = scalar[step]!
        const [a, b] = scalarLeft ? [other, value] : [value, other]
        if (!comparing) out.values[base + step] = arithmetic(op, a, b)
        else {
          const kept = holds(op, a, b)
          if (!returnBool && !kept) continue
          out.values[base + step] = returnBool ? (kept ? 1 : 0) : value
        }
        out.present[base + step] = float
        any = true
        continue
      }
      const value = valueAt(vector, from + step)
      const outcome = operate(
        op,
        scalarLeft ? scalar[step]! : value,
        scalarLeft ? value : scalar[step]!,
        context.annotations,
        node.position,
      )
      if (!outcome) continue
      if (returnBool) out.set(base + step, outcome.keep ? 1 : 0)
      else if (outcome.keep) out.put(base + step, comparing ? value : outcome.value)
      else continue
      any = true
    }
    if (!any) out.pop()
  }
  return out
}

export async function vectorVector(node: Binary, left: Frame, right: Frame, context: Context): Promise<Frame> {
  if (node.op === 'and' || node.op === 'or' || node.op === 'unless') return setOperation(node, left, right, context)
  const swapped = node.matching.card === 'one-to-many'
  return new Matcher(node, swapped ? right : left, swapped ? left : right, swapped, context).run()
}

/** "many" is the side that may have several series a group; of one-to-one, the left. */
class Matcher {
  readonly #node: Binary
  readonly #many: Frame
  readonly #one: Frame
  readonly #swapped: boolean
  readonly #context: Context
  readonly #out: Frame
  readonly #rows = new Map<string, number>()
  readonly #labels = new Map<string, Labels>()
  readonly #key: (labels: Labels) => string
  readonly #filtered: Set<number> | undefined

  constructor(node: Binary, many: Frame, one: Frame, swapped: boolean, context: Context) {
    this.#node = node
    this.#many = many
    this.#one = one
    this.#swapped = swapped
    this.#context = context
    this.#out = new Frame(many.count, many.rows, context.budget)
    this.#filtered = node.matching.card === 'one-to-one' ? undefined : new Set()
    this.#key = signatureOf(node.matching.on, node.matching.labels)
  }

  async run(): Promise<Frame> {
    const { matching } = this.#node
    const { count } = this.#many
    const { left, right } = matching.fill
    const [fillMany, fillOne] = this.#swapped ? [right, left] : [left, right]
    const manyKeys = this.#many.labels.map(this.#key)
    const oneKeys = this.#one.labels.map(this.#key)
    const ones = groupBy(oneKeys)
    const plain = fillOne === undefined && fillMany === undefined
    const manys = groupBy(manyKeys)
    if (ones.size < oneKeys.length) this.#refuseDuplicates(ones, plain)
    // Which "many" series took a key at a step (one-to-one), or which result labels were made (many-to-one).
    for (const [row, key] of manyKeys.entries()) {
      const partners = ones.get(key)
      if (!partners && plain) continue
      const alone = manys.get(key)!.length === 1
      for (let step = 0; step < count; step++) {
        const at = row * count + step
        if (this.#many.present[at] === nothing) continue
        const partner = partners?.find((one) => this.#one.present[one * count + step] !== nothing)
        if (partner === undefined && fillOne === undefined) continue
        if (!alone) this.#refuseSecond(manys.get(key)!, row, step)
        const oneLabels = partner === undefined ? this.#matched(this.#many.labels[row]!) : this.#one.labels[partner]!
        const oneValue = partner === undefined ? fillOne! : valueAt(this.#one, partner * count + step)
        this.#apply(step, row, partner ?? -1, this.#many.labels[row]!, oneLabels, valueAt(this.#many, at), oneValue)
      }
      if ((row & 63) === 0 && this.#context.budget.due()) await this.#context.budget.breathe()
    }
    if (fillMany !== undefined) this.#fillMany(fillMany, oneKeys, manys)
    return this.#out
  }

  #fillMany(fill: number, oneKeys: string[], manys: Map<string, number[]>): void {
    const { count } = this.#one
    for (const [row, key] of oneKeys.entries()) {
      for (let step = 0; step < count; step++) {
        const at = row * count + step
        if (this.#one.present[at] === nothing) continue
        if (manys.get(key)?.some((many) => this.#many.present[many * count + step] !== nothing)) continue
        const labels = this.#one.labels[row]!
        this.#apply(step, -1, row, this.#matched(labels), labels, fill, valueAt(this.#one, at))
      }
    }
  }

  #matched(labels: Labels): Labels {
    const { on, labels: names } = this.#node.matching
    return on ? only(labels, names) : without(labels, new Set([...names, ...metadataLabels]))
  }

  #apply(
    step: number,
    manyRow: number,
    oneRow: number,
    many: Labels,
    one: Labels,
    manyValue: Value,
    oneValue: Value,
  ): void {
    const { op, returnBool, position } = this.#node
    const [a, b] = this.#swapped ? [oneValue, manyValue] : [manyValue, oneValue]
    const outcome = operate(op, a, b, this.#context.annotations, position)
    if (!outcome) return
    const pair = `${manyRow} ${oneRow}`
    let base = this.#rows.get(pair)
    if (base === undefined) {
      const labels = this.#resultLabels(pair, many, one)
      const key = `=${labelsKey(labels)}`
      base = this.#rows.get(key)
      if (base === undefined) {
        base = this.#out.add(labels, returnBool && this.#context.delayed)
        this.#rows.set(key, base)
      }
      this.#rows.set(pair, base)
    }
    const taken = this.#out.present[base + step] !== nothing || this.#filtered?.has(base + step)
    if (taken)
      throw failed(
        this.#node.matching.card === 'one-to-one'
          ? 'vector cannot contain metrics with the same labelset'
          : 'multiple matches for labels: grouping labels must ensure unique matches',
      )
    if (!returnBool && !outcome.keep) {
      // What a comparison filters out still has to be unique.
      this.#filtered?.add(base + step)
      return
    }
    this.#out.put(base + step, returnBool ? (outcome.keep ? 1 : 0) : outcome.value)
  }

  #resultLabels(pair: string, many: Labels, one: Labels): Labels {
    const known = this.#labels.get(pair)
    if (known) return known
    const { op, returnBool, matching } = this.#node
    let labels = changesMeaning(op) || (returnBool && !this.#context.delayed) ? dropMetadata(many) : many
    if (matching.card === 'one-to-one')
      labels = matching.on ? only(labels, matching.labels) : without(labels, new Set(matching.labels))
    else if (matching.include.length > 0) {
      labels = { ...labels }
      for (const name of matching.include) {
        if (one[name] === undefined) delete labels[name]
        else labels[name] = one[name]
      }
    }
    this.#labels.set(pair, labels)
    return labels
  }

  #refuseDuplicates(ones: Map<string, number[]>, plain: boolean): void {
    const { count } = this.#one
    // Where the other side has nothing at all, nothing is matched and nothing is wrong.
    const matched = new Uint8Array(count).fill(plain ? 0 : 1)
    for (const [i, kind] of this.#many.present.entries()) if (kind !== nothing) matched[i % count] = 1
    for (const rows of ones.values()) {
      if (rows.length < 2) continue
      for (let step = 0; step < count; step++) {
        const there = rows.filter((row) => this.#one.present[row * count + step] !== nothing)
        if (there.length < 2 || matched[step] === 0) continue
        const [first, second] = there.map((row) => this.#one.labels[row]!).sort(compareLabels) as [Labels, Labels]
        const side = this.#swapped ? 'left' : 'right'
        throw failed(
          `found duplicate series for the match group ${labelsText(this.#matched(second))} on the ${side} hand-side of the operation: [${labelsText(first)}, ${labelsText(second)}];many-to-many matching not allowed: matching labels must be unique on one side`,
          'Add on(…) or group_left(…) so that each series has one partner.',
        )
      }
    }
  }

  /** One-to-one: a second series of the group at this step has no partner of its own. */
  #refuseSecond(rows: number[], row: number, step: number): void {
    if (this.#node.matching.card !== 'one-to-one') return
    const { count } = this.#many
    for (const other of rows) {
      if (other >= row) return
      if (this.#many.present[other * count + step] !== nothing)
        throw failed('multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)')
    }
  }
}

function groupBy(keys: string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const [row, key] of keys.entries()) {
    const rows = groups.get(key)
    if (rows) rows.push(row)
    else groups.set(key, [row])
  }
  return groups
}

function setOperation(node: Binary, left: Frame, right: Frame, context: Context): Frame {
  const key = signatureOf(node.matching.on, node.matching.labels)
  const out = new Frame(left.count, left.rows + (node.op === 'or' ? right.rows : 0), context.budget)
  const masks = presence(node.op === 'or' ? left : right, key)
  const known = new Map<string, number>()
  const copyWhere = (from: Frame, wanted: 0 | 1 | undefined): void => {
    for (let row = 0; row < from.rows; row++) {
      const labels = from.labels[row]!
      const mask = masks.get(key(labels))
      // Equal labels of both sides are one series, at each step of one of them.
      const text = node.op === 'or' ? `${from.dropName[row]} ${labelsKey(labels)}` : ''
      const same = known.get(text)
      const base = same ?? out.add(labels, from.dropName[row])
      let any = same !== undefined
      for (let step = 0; step < from.count; step++) {
        if (from.present[row * from.count + step] === nothing) continue
        if (wanted !== undefined && (mask?.[step] ?? 0) !== wanted) continue
        out.copy(base + step, from, row * from.count + step)
        any = true
      }
      if (!any) out.pop()
      else if (node.op === 'or') known.set(text, base)
    }
  }
  if (node.op === 'or') {
    copyWhere(left, undefined)
    copyWhere(right, 0)
  } else copyWhere(left, node.op === 'and' ? 1 : 0)
  return out
}

/** For each key, the steps at which some series is there. */
function presence(side: Frame, key: (labels: Labels) => string): Map<string, Uint8Array> {
  const masks = new Map<string, Uint8Array>()
  for (let row = 0; row < side.rows; row++) {
    const text = key(side.labels[row]!)
    let mask = masks.get(text)
    if (!mask) {
      mask = new Uint8Array(side.count)
      masks.set(text, mask)
    }
    for (let step = 0; step < side.count; step++) if (side.present[row * side.count + step] !== nothing) mask[step] = 1
  }
  return masks
}
