// The rules of one metric family of OpenMetrics 1.0: which samples its type has, which values they may take, and that
// the points of one metric stand together.
import type { Labels, MetricType } from '#core/sample.ts'
import { ExpositionError, parseNumber } from './scan.ts'

export interface Point {
  line: number
  series: string
  name: string
  labels: Labels
  value: number
  timestampSeconds: number | undefined
  hasExemplar?: boolean
}

export interface Family {
  readonly name: string
  readonly line: number
  type: MetricType | undefined
  help: string | undefined
  unit: string | undefined
  hasPoints: boolean
  setType(word: string, line: number): void
  /** Whether a sample of this name belongs to it. */
  accepts(sampleName: string): boolean
  /** The metric (labels without those the type adds) that is being read, and those read before. */
  group: Group | undefined
  groups: Set<string>
}

interface Group {
  key: string
  timestampSeconds: number | undefined
  seen: Set<string>
  buckets: { le: number; value: number; timestampSeconds: number | undefined }[]
  /** By suffix. */
  values: Map<string, number>
  line: number
}

const suffixes: Record<MetricType, string[]> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['', '_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [''],
  unknown: [''],
}

export function openFamily(name: string, line: number): Family {
  const family: Family = {
    name,
    line,
    type: undefined,
    help: undefined,
    unit: undefined,
    hasPoints: false,
    group: undefined,
    groups: new Set(),
    setType: (word, at) => {
      if (!Object.hasOwn(suffixes, word)) throw new ExpositionError(at, `"${word.slice(0, 40)}" is no metric type`)
      family.type = word as MetricType
    },
    accepts: (sampleName) =>
      sampleName.startsWith(name) && suffixes[family.type ?? 'unknown'].includes(sampleName.slice(name.length)),
  }
  return family
}

/** @param names every name that families before it can have; its own are added. */
export function closeFamily(family: Family, names: Set<string>): void {
  const { name, unit, line } = family
  const type = family.type ?? 'unknown'
  if (family.group) closeGroup(family.group, type)
  if (unit !== undefined && unit !== '') {
    if (!name.endsWith(`_${unit}`)) throw new ExpositionError(line, `${name} does not end with its unit ${unit}`)
    if (type === 'info' || type === 'stateset')
      throw new ExpositionError(line, `the ${type} ${name} cannot have a unit`)
  }
  const own = new Set(['', ...suffixes[type]].map((suffix) => name + suffix))
  for (const taken of own) if (names.has(taken)) throw new ExpositionError(line, `${taken} belongs to another family`)
  for (const taken of own) names.add(taken)
}

export function takePoint(family: Family, point: Point): void {
  const type = family.type ?? 'unknown'
  const suffix = point.name.slice(family.name.length)
  family.hasPoints = true
  checkLabels(family.name, type, suffix, point)
  checkValue(type, suffix, point)
  const mayHaveExemplar = suffix === '_bucket' || (type === 'counter' && suffix === '_total')
  if (point.hasExemplar && !mayHaveExemplar) throw new ExpositionError(point.line, `an exemplar on ${point.name}`)
  const group = groupOf(family, type, point)
  const { timestampSeconds: at, line } = point
  if (group.seen.size > 0) {
    if ((at === undefined) !== (group.timestampSeconds === undefined))
      throw new ExpositionError(line, 'some samples of this metric have a timestamp, others have none')
    if (at !== undefined && at < group.timestampSeconds!) throw new ExpositionError(line, 'the timestamps go back')
    if (at === undefined && group.seen.has(point.series))
      throw new ExpositionError(line, `${point.series.slice(0, 60)} is there twice`)
    if (at !== undefined && at > group.timestampSeconds!) {
      // The next point of the same metric: complete in itself.
      closeGroup(group, type)
      group.buckets = []
      group.values.clear()
    }
  }
  group.timestampSeconds = at
  group.seen.add(point.series)
  if (suffix === '_bucket') {
    const le = parseNumber(point.labels['le']!, 0, point.labels['le']!.length)!
    group.buckets.push({ le, value: point.value, timestampSeconds: at })
  } else group.values.set(suffix, point.value)
}

function groupOf(family: Family, type: MetricType, point: Point): Group {
  const added = type === 'summary' ? 'quantile' : type === 'stateset' ? family.name : 'le'
  const isAdded = type === 'histogram' || type === 'gaugehistogram' || type === 'summary' || type === 'stateset'
  const key = JSON.stringify(
    Object.entries(point.labels)
      .filter(([name]) => name !== '__name__' && !(isAdded && name === added))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
  if (family.group?.key === key) return family.group
  if (family.group) closeGroup(family.group, type)
  if (family.groups.has(key)) throw new ExpositionError(point.line, 'the samples of a metric do not stand together')
  family.groups.add(key)
  const { line } = point
  family.group = { key, timestampSeconds: undefined, seen: new Set(), buckets: [], values: new Map(), line }
  return family.group
}

function checkLabels(family: string, type: MetricType, suffix: string, { labels, line }: Point): void {
  if (suffix === '_bucket') {
    const le = labels['le'] ?? ''
    const value = parseNumber(le, 0, le.length)
    if (value === undefined || Number.isNaN(value)) throw new ExpositionError(line, 'a bucket without a number in le')
  } else if (type === 'summary' && suffix === '') {
    const quantile = labels['quantile'] ?? ''
    const value = parseNumber(quantile, 0, quantile.length)
    if (value === undefined || !(value >= 0 && value <= 1))
      throw new ExpositionError(line, 'a summary without a quantile between 0 and 1')
  } else if (type === 'stateset' && labels[family] === undefined)
    throw new ExpositionError(line, `a stateset without the label ${family}`)
}

function checkValue(type: MetricType, suffix: string, { name, value, line }: Point): void {
  const isCount = suffix !== '' && suffix !== '_created' && suffix !== '_info'
  if (isCount && Number.isNaN(value)) throw new ExpositionError(line, `${name} is not a number`)
  // The sum of a gauge histogram may be negative if its buckets are; closeGroup sees to it.
  if (isCount && suffix !== '_gsum' && value < 0) throw new ExpositionError(line, `${name} is negative`)
  if (type === 'summary' && suffix === '' && value < 0)
    throw new ExpositionError(line, `a quantile of ${name} is negative`)
  if (type === 'info' && value !== 1) throw new ExpositionError(line, `${name} is not 1`)
  if (type === 'stateset' && value !== 0 && value !== 1) throw new ExpositionError(line, `${name} is neither 0 nor 1`)
}

function closeGroup(group: Group, type: MetricType): void {
  if (type !== 'histogram' && type !== 'gaugehistogram') return
  const { buckets, values, line } = group
  const [countName, sumName] = type === 'histogram' ? ['_count', '_sum'] : ['_gcount', '_gsum']
  const count = values.get(countName!)
  const sum = values.get(sumName!)
  const last = buckets.at(-1)
  if (last?.le !== Number.POSITIVE_INFINITY) throw new ExpositionError(line, 'a histogram without the bucket +Inf')
  for (let i = 1; i < buckets.length; i++) {
    if (buckets[i]!.le <= buckets[i - 1]!.le) throw new ExpositionError(line, 'the buckets are not in order')
    if (buckets[i]!.value < buckets[i - 1]!.value) throw new ExpositionError(line, 'the buckets do not add up')
  }
  if (count !== undefined && count !== last.value)
    throw new ExpositionError(line, `${countName} is not that of the bucket +Inf`)
  if ((count === undefined) !== (sum === undefined))
    throw new ExpositionError(line, `a histogram has both ${countName} and ${sumName}, or neither`)
  const hasNegative = buckets[0]!.le < 0
  if (type === 'histogram' && hasNegative && sum !== undefined)
    throw new ExpositionError(line, 'a histogram with negative buckets cannot have a sum')
  if (sum !== undefined && sum < 0 && !hasNegative)
    throw new ExpositionError(line, 'a negative sum without negative buckets')
}
