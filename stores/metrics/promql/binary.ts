// Operators between scalars and vectors, with Prometheus's vector matching.
import { CodedError } from '#core/errors.ts'
import type { Labels } from '#core/sample.ts'
import type { Binary, BinaryOp, Matching } from './ast.ts'
import { dropName, emptySeries, labelsKey, only, type StepSeries, without } from './series.ts'

const comparisons = new Set<BinaryOp>(['==', '!=', '<', '>', '<=', '>='])

export function arithmetic(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return a % b
    case '^':
      return power(a, b)
    case 'atan2':
      return Math.atan2(a, b)
    default:
      return holds(op, a, b) ? 1 : 0
  }
}

export function holds(op: BinaryOp, a: number, b: number): boolean {
  switch (op) {
    case '==':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '>':
      return a > b
    case '<=':
      return a <= b
    default:
      return a >= b
  }
}

/** IEEE 754 says 1^NaN and (±1)^±Inf are 1; JavaScript says NaN. */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && !Number.isFinite(b) && !Number.isNaN(b))) return 1
  return a ** b
}

/** A vector with a scalar on one side. Comparisons filter, or give 0 and 1 with `bool`. */
export function vectorScalar(
  node: Binary,
  vector: StepSeries[],
  scalar: Float64Array,
  scalarLeft: boolean,
): StepSeries[] {
  const comparing = comparisons.has(node.op)
  return vector.map((series) => {
    const result = emptySeries(comparing && !node.returnBool ? series.labels : dropName(series.labels), scalar.length)
    for (let step = 0; step < scalar.length; step++) {
      if (series.present[step] === 0) continue
      const value = series.values[step]!
      const [a, b] = scalarLeft ? [scalar[step]!, value] : [value, scalar[step]!]
      if (comparing && !node.returnBool) {
        if (!holds(node.op, a, b)) continue
        result.values[step] = value
      } else result.values[step] = arithmetic(node.op, a, b)
      result.present[step] = 1
    }
    return result
  })
}

/** Two vectors. @throws CodedError where the matching is not unique at some step. */
export function vectorVector(node: Binary, left: StepSeries[], right: StepSeries[], count: number): StepSeries[] {
  if (node.op === 'and' || node.op === 'or' || node.op === 'unless') return setOperation(node, left, right, count)
  const { matching } = node
  // The side with at most one series a group is "one".
  const swapped = matching.card === 'one-to-many'
  const [many, one] = swapped ? [right, left] : [left, right]
  const ones = grouped(one, matching)
  const results = new Map<string, StepSeries>()
  const taken = new Map<string, StepSeries>()
  for (const series of many) {
    const key = signature(series.labels, matching)
    const partners = ones.get(key)
    if (!partners) continue
    for (let step = 0; step < count; step++) {
      if (series.present[step] === 0) continue
      const partner = onlyPresent(partners, step, matching, node)
      if (!partner) continue
      const [a, b] = swapped
        ? [partner.values[step]!, series.values[step]!]
        : [series.values[step]!, partner.values[step]!]
      const filtering = comparisons.has(node.op) && !node.returnBool
      if (filtering && !holds(node.op, a, b)) continue
      const labels = resultLabels(node, series.labels, partner.labels, filtering)
      const resultKey = labelsKey(labels)
      const result = results.get(resultKey) ?? emptySeries(labels, count)
      results.set(resultKey, result)
      const owner = matching.card === 'one-to-one' ? key : resultKey
      const previous = taken.get(`${owner}\u0002${step}`)
      if (result.present[step] === 1 || (previous && previous !== series)) {
        throw matchError(
          matching.card === 'one-to-one'
            ? 'many-to-many matching not allowed: matching labels must be unique on one side'
            : 'multiple matches for labels: grouping labels must ensure unique matches',
        )
      }
      if (matching.card === 'one-to-one') taken.set(`${owner}\u0002${step}`, series)
      result.present[step] = 1
      result.values[step] = filtering ? series.values[step]! : arithmetic(node.op, a, b)
    }
  }
  return [...results.values()]
}

function onlyPresent(partners: StepSeries[], step: number, matching: Matching, node: Binary): StepSeries | undefined {
  let found: StepSeries | undefined
  for (const partner of partners) {
    if (partner.present[step] === 0) continue
    if (found) {
      const side = matching.card === 'one-to-many' ? 'left' : 'right'
      throw matchError(
        `found duplicate series for the match group on the ${side} hand-side of the operation "${node.op}"; many-to-many matching not allowed: matching labels must be unique on one side`,
      )
    }
    found = partner
  }
  return found
}

function setOperation(node: Binary, left: StepSeries[], right: StepSeries[], count: number): StepSeries[] {
  const presence = (side: StepSeries[]): Map<string, Uint8Array> => {
    const present = new Map<string, Uint8Array>()
    for (const [key, group] of grouped(side, node.matching)) {
      const any = new Uint8Array(count)
      for (const series of group) for (let step = 0; step < count; step++) any[step]! |= series.present[step]!
      present.set(key, any)
    }
    return present
  }
  const masked = (series: StepSeries, mask: Uint8Array | undefined, keepWhere: 0 | 1): StepSeries => {
    const result = { labels: series.labels, values: series.values, present: series.present.slice() }
    for (let step = 0; step < count; step++) if ((mask?.[step] ?? 0) !== keepWhere) result.present[step] = 0
    return result
  }
  if (node.op === 'or') {
    const there = presence(left)
    return [...left, ...right.map((series) => masked(series, there.get(signature(series.labels, node.matching)), 0))]
  }
  const there = presence(right)
  return left.map((series) =>
    masked(series, there.get(signature(series.labels, node.matching)), node.op === 'and' ? 1 : 0),
  )
}

function grouped(side: StepSeries[], matching: Matching): Map<string, StepSeries[]> {
  const groups = new Map<string, StepSeries[]>()
  for (const series of side) {
    const key = signature(series.labels, matching)
    const group = groups.get(key)
    if (group) group.push(series)
    else groups.set(key, [series])
  }
  return groups
}

function signature(labels: Labels, matching: Matching): string {
  return labelsKey(matching.on ? only(labels, matching.labels) : without(labels, [...matching.labels, '__name__']))
}

function resultLabels(node: Binary, many: Labels, one: Labels, filtering: boolean): Labels {
  const { matching } = node
  const labels = filtering ? { ...many } : dropName(many)
  if (matching.card === 'one-to-one')
    return matching.on ? only(labels, matching.labels) : without(labels, matching.labels)
  for (const name of matching.include) {
    if (one[name] === undefined) delete labels[name]
    else labels[name] = one[name]
  }
  return labels
}

function matchError(cause: string): CodedError {
  return new CodedError('query.invalid', {
    cause,
    position: 0,
    hint: 'Add on(…) or group_left(…) so that each series has one partner.',
  })
}
