// Aggregations across series. Groups are found once a query; sums run series by series over typed arrays.
import type { Labels } from '#core/sample.ts'
import type { Annotations } from '../annotations.ts'
import type { Aggregate, AggregateOp } from '../ast.ts'
import { IncompatibleHistograms } from '../histogram/arithmetic.ts'
import { HistogramAdder } from '../histogram/sum.ts'
import { histogramText } from '../histogram/text.ts'
import { formatValue } from '../numbers.ts'
import type { Budget } from './budget.ts'
import { failed } from './errors.ts'
import { Frame, float, histogram, nothing } from './frame.ts'
import { labelsKey, metadataLabels, only, signatureOf, without } from './labels.ts'
import { mean, quantile } from './math.ts'
import { labelsShare } from './xxhash.ts'

export interface Grouped {
  /** Group of each row. */
  of: Int32Array
  labels: Labels[]
  dropName: boolean[]
}

export function groupRows(input: Frame, node: Pick<Aggregate, 'without' | 'grouping'>): Grouped {
  const key = signatureOf(!node.without, node.grouping)
  const left = new Set([...node.grouping, ...metadataLabels])
  const known = new Map<string, number>()
  const of = new Int32Array(input.rows)
  const labels: Labels[] = []
  const dropName: boolean[] = []
  for (let row = 0; row < input.rows; row++) {
    const own = input.labels[row]!
    const text = key(own)
    let group = known.get(text)
    if (group === undefined) {
      group = labels.length
      known.set(text, group)
      labels.push(node.without ? without(own, left) : only(own, node.grouping))
      dropName.push(false)
    }
    of[row] = group
    if (input.dropName[row]) dropName[group] = true
  }
  return { of, labels, dropName }
}

/** @param param one value a step. */
export async function aggregate(
  node: Aggregate,
  input: Frame,
  param: Float64Array,
  annotations: Annotations,
  budget: Budget,
): Promise<Frame> {
  const groups = groupRows(input, node)
  const { count } = input
  const out = new Frame(count, groups.labels.length, budget)
  for (const [group, labels] of groups.labels.entries()) out.add(labels, groups.dropName[group])
  if (node.op === 'quantile') {
    for (const q of new Set(param)) if (!(q >= 0 && q <= 1)) annotations.invalidQuantile(q, node.param!.position)
    quantiles(node, input, groups, param, out, annotations)
    return compacted(out, budget)
  }
  const cells = out.present.length
  const sizes = new Float64Array(cells)
  const lost = new Float64Array(cells)
  const means = node.op === 'avg' || node.op === 'stddev' || node.op === 'stdvar' ? new Float64Array(cells) : lost
  budget.take(cells * 24)
  const op = node.op
  const histogramCells = input.histograms ? new Set<number>() : undefined
  for (let row = 0; row < input.rows; row++) {
    const base = row * count
    const target = groups.of[row]! * count
    if (!histogramCells) {
      addFloats(op, { values: out.values, lost, sizes, means }, input, base, target)
      if ((row & 63) === 0 && budget.due()) await budget.breathe()
      continue
    }
    for (let step = 0; step < count; step++) {
      const kind = input.present[base + step]!
      if (kind === nothing) continue
      const at = target + step
      if (kind === histogram) {
        if (op === 'sum' || op === 'avg') {
          histogramCells!.add(at)
          continue
        }
        if (op !== 'count' && op !== 'group') {
          annotations.ignoredInAggregation(op, node.expr.position)
          continue
        }
      }
      accumulate(op, out.values, lost, sizes, means, at, input.values[base + step]!)
    }
    if ((row & 63) === 0 && budget.due()) await budget.breathe()
  }
  for (let at = 0; at < cells; at++) {
    if (sizes[at] === 0) continue
    out.present[at] = float
    out.values[at] = finish(op, out.values, lost, sizes, means, at)
  }
  if (histogramCells && histogramCells.size > 0) {
    addHistograms(node, input, groups, out, sizes, annotations)
  }
  if (op === 'avg') safeMeans(input, groups, out)
  budget.give(cells * 24)
  return compacted(out, budget)
}

interface Cells {
  values: Float64Array
  lost: Float64Array
  sizes: Float64Array
  means: Float64Array
}

/** A row of floats into the row of its group. What is asked for most has loops of its own. */
function addFloats(op: AggregateOp, cells: Cells, input: Frame, base: number, target: number): void {
  const { values, lost, sizes, means } = cells
  const { count, present } = input
  if (op === 'count' || op === 'group') {
    for (let step = 0; step < count; step++) if (present[base + step] !== nothing) sizes[target + step]!++
    return
  }
  if (op !== 'sum' && op !== 'avg') {
    for (let step = 0; step < count; step++)
      if (present[base + step] !== nothing)
        accumulate(op, values, lost, sizes, means, target + step, input.values[base + step]!)
    return
  }
  for (let step = 0; step < count; step++) {
    if (present[base + step] === nothing) continue
    const at = target + step
    const value = input.values[base + step]!
    if (sizes[at]!++ === 0) {
      values[at] = value
      continue
    }
    const sum = values[at]!
    const next = sum + value
    if (next - next !== 0) lost[at] = 0
    else lost[at]! += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    values[at] = next
  }
}

function accumulate(
  op: AggregateOp,
  values: Float64Array,
  lost: Float64Array,
  sizes: Float64Array,
  means: Float64Array,
  at: number,
  value: number,
): void {
  const n = ++sizes[at]!
  switch (op) {
    case 'sum':
    case 'avg': {
      const sum = values[at]!
      const next = n === 1 ? value : sum + value
      if (n > 1) {
        if (next - next !== 0) lost[at] = 0
        else lost[at]! += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
      }
      values[at] = next
      return
    }
    case 'min':
      if (n === 1 || value < values[at]! || Number.isNaN(values[at])) values[at] = value
      return
    case 'max':
      if (n === 1 || value > values[at]! || Number.isNaN(values[at])) values[at] = value
      return
    case 'stddev':
    case 'stdvar': {
      if (n === 1) {
        means[at] = value
        values[at] = value - value === 0 ? 0 : Number.NaN
        return
      }
      const delta = value - means[at]!
      means[at]! += delta / n
      values[at]! += delta * (value - means[at]!)
    }
  }
}

function finish(
  op: AggregateOp,
  values: Float64Array,
  lost: Float64Array,
  sizes: Float64Array,
  _means: Float64Array,
  at: number,
): number {
  const value = values[at]!
  switch (op) {
    case 'sum':
      return value - value === 0 ? value + lost[at]! : value
    case 'avg':
      return value - value === 0 ? value / sizes[at]! + lost[at]! / sizes[at]! : value
    case 'count':
      return sizes[at]!
    case 'group':
      return 1
    case 'stdvar':
      return value / sizes[at]!
    case 'stddev':
      return Math.sqrt(value / sizes[at]!)
    default:
      return value
  }
}

/** A sum that overflowed is averaged again as a running mean. */
function safeMeans(input: Frame, groups: Grouped, out: Frame): void {
  for (let at = 0; at < out.present.length; at++) {
    const value = out.values[at]!
    if (out.present[at] !== float || value - value === 0) continue
    const group = Math.floor(at / out.count)
    const step = at % out.count
    out.values[at] = mean(column(input, groups, group, step))
  }
}

function column(input: Frame, groups: Grouped, group: number, step: number): Float64Array {
  const values: number[] = []
  for (let row = 0; row < input.rows; row++) {
    const at = row * input.count + step
    if (groups.of[row] === group && input.present[at] === float) values.push(input.values[at]!)
  }
  return Float64Array.from(values)
}

function addHistograms(
  node: Aggregate,
  input: Frame,
  groups: Grouped,
  out: Frame,
  floats: Float64Array,
  annotations: Annotations,
): void {
  const position = node.expr.position
  const adders = new Map<number, HistogramAdder | undefined>()
  for (let row = 0; row < input.rows; row++) {
    for (let step = 0; step < input.count; step++) {
      const index = row * input.count + step
      if (input.present[index] !== histogram) continue
      const at = groups.of[row]! * input.count + step
      const one = input.histograms![index]!
      if (floats[at]! > 0) {
        annotations.mixedInAggregation(position)
        out.present[at] = nothing
        continue
      }
      if (!adders.has(at)) adders.set(at, new HistogramAdder(one, node.op === 'avg'))
      else
        try {
          adders.get(at)?.add(one)
        } catch (error) {
          if (!(error instanceof IncompatibleHistograms)) throw error
          annotations.mixedSchemas(input.labels[row]!['__name__'] ?? '', position)
          adders.set(at, undefined)
        }
    }
  }
  for (const [at, adder] of adders) {
    if (!adder) continue
    if (adder.reconciled) annotations.reconciled('aggregation', position)
    if (adder.resetCollision) annotations.resetCollision('aggregation', position)
    out.setHistogram(at, adder.result())
  }
}

function quantiles(
  node: Aggregate,
  input: Frame,
  groups: Grouped,
  param: Float64Array,
  out: Frame,
  annotations: Annotations,
): void {
  const members: number[][] = groups.labels.map(() => [])
  for (let row = 0; row < input.rows; row++) members[groups.of[row]!]!.push(row * input.count)
  for (const [group, bases] of members.entries()) {
    const values = new Float64Array(bases.length)
    for (let step = 0; step < input.count; step++) {
      let length = 0
      for (const base of bases) {
        if (input.present[base + step] === float) values[length++] = input.values[base + step]!
        else if (input.present[base + step] === histogram)
          annotations.ignoredInAggregation('quantile', node.expr.position)
      }
      if (length > 0) out.set(group * input.count + step, quantile(param[step]!, values.subarray(0, length)))
    }
  }
}

/** Without rows that have nothing. */
export function compacted(frame: Frame, budget: Budget): Frame {
  let full = true
  for (let row = 0; row < frame.rows && full; row++) full = !frame.isEmptyRow(row * frame.count)
  if (full) return frame
  const out = new Frame(frame.count, frame.rows, budget)
  for (let row = 0; row < frame.rows; row++) {
    const base = row * frame.count
    if (!frame.isEmptyRow(base)) out.copyRow(out.add(frame.labels[row]!, frame.dropName[row]), frame, base)
  }
  return out
}

/** topk, bottomk, limitk and limit_ratio keep the series they choose, labels and all. */
export function choose(
  node: Aggregate,
  input: Frame,
  param: Float64Array,
  annotations: Annotations,
  budget: Budget,
): Frame {
  const { count } = input
  const groups = groupRows(input, node)
  const members: number[][] = groups.labels.map(() => [])
  for (let row = 0; row < input.rows; row++) members[groups.of[row]!]!.push(row)
  const chosen = new Frame(count, input.rows, budget)
  for (let row = 0; row < input.rows; row++) chosen.add(input.labels[row]!, input.dropName[row])
  const shares = node.op === 'limit_ratio' ? input.labels.map(labelsShare) : []
  const order: number[] = []
  for (let step = 0; step < count; step++) {
    const k = param[step]!
    if (Number.isNaN(k)) throw failed(node.op === 'limit_ratio' ? 'Ratio value is NaN' : 'Parameter value is NaN')
    if (node.op === 'limit_ratio') {
      if (k > 1 || k < -1) annotations.invalidRatio(k, k > 1 ? 1 : -1, node.param!.position)
    } else if (k >= 2 ** 63 || k < -(2 ** 63))
      throw failed(`Scalar value ${formatValue(k)} ${k > 0 ? 'over' : 'under'}flows int64`)
    const ratio = Math.max(-1, Math.min(1, k))
    for (const rows of members) {
      let there = rows.filter((row) => input.present[row * count + step] !== nothing)
      if (node.op === 'limit_ratio')
        there = there.filter((row) => (ratio >= 0 ? shares[row]! < ratio || ratio === 1 : shares[row]! >= 1 + ratio))
      else {
        if (k < 1) continue
        if (node.op !== 'limitk') there = ranked(node, there, input, step, annotations)
        there = there.slice(0, Math.min(rows.length, Math.trunc(k)))
      }
      for (const row of there) {
        chosen.copy(row * count + step, input, row * count + step)
        if (count === 1) order.push(row)
      }
    }
  }
  const out = new Frame(count, count === 1 ? order.length : input.rows, budget)
  const rows = count === 1 ? order : input.labels.keys()
  for (const row of rows) {
    if (chosen.isEmptyRow(row * count)) continue
    out.copyRow(out.add(input.labels[row]!, input.dropName[row]), chosen, row * count)
  }
  return out
}

/** Best first; NaN is the farthest from the top of both. */
function ranked(node: Aggregate, rows: number[], input: Frame, step: number, annotations: Annotations): number[] {
  const value = (row: number) => input.values[row * input.count + step]!
  const floats = rows.filter((row) => input.present[row * input.count + step] === float)
  if (floats.length < rows.length) annotations.ignoredInAggregation(node.op, node.position)
  const sign = node.op === 'topk' ? -1 : 1
  return floats.sort((a, b) => {
    const [x, y] = [value(a), value(b)]
    if (Number.isNaN(x) || Number.isNaN(y)) return (Number.isNaN(x) ? 1 : 0) - (Number.isNaN(y) ? 1 : 0)
    return x === y ? 0 : sign * (x < y ? -1 : 1)
  })
}

export function countValues(node: Aggregate, input: Frame, label: string, budget: Budget): Frame {
  const out = new Frame(input.count, input.rows, budget)
  const known = new Map<string, number>()
  const left = new Set([...node.grouping, ...metadataLabels])
  for (let row = 0; row < input.rows; row++) {
    for (let step = 0; step < input.count; step++) {
      const index = row * input.count + step
      const kind = input.present[index]
      if (kind === nothing) continue
      const text = kind === float ? formatValue(input.values[index]!) : histogramText(input.histograms![index]!)
      const labels = { ...input.labels[row]!, [label]: text }
      const kept = node.without ? without(labels, left) : only(labels, [...node.grouping, label])
      const key = labelsKey(kept)
      let base = known.get(key)
      if (base === undefined) {
        base = out.add(kept)
        known.set(key, base)
      }
      out.set(base + step, out.values[base + step]! + 1)
    }
  }
  return out
}
