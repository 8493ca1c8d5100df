// Warnings and infos that go with a result, with Prometheus's texts and positions (util/annotations).
import type { BinaryOp, Position } from './ast.ts'
import { formatGeneral } from './numbers.ts'
import { quote } from './strings.ts'

interface Annotation {
  level: 'warning' | 'info'
  text: string
  position: Position
  monotonicity?: Monotonicity
}

/** How much classic buckets had to be straightened. */
export interface Monotonicity {
  minBucket: number
  maxBucket: number
  maxDifference: number
  firstMs: number
  lastMs: number
  count: number
}

const forName = (name: string) => (name === '' ? '' : ` for metric name ${quote(name)}`)

export class Annotations {
  readonly #byText = new Map<string, Annotation>()

  #add(level: 'warning' | 'info', text: string, position: Position): Annotation {
    const known = this.#byText.get(`${level}${text}`)
    if (known) return known
    const annotation = { level, text, position }
    this.#byText.set(`${level}${text}`, annotation)
    return annotation
  }

  invalidQuantile(q: number, at: Position): void {
    this.#add('warning', `quantile value should be between 0 and 1, got ${formatGeneral(q)}`, at)
  }
  invalidRatio(ratio: number, capped: number, at: Position): void {
    this.#add(
      'warning',
      `ratio value should be between -1 and 1, got ${formatGeneral(ratio)}, capping to ${capped}`,
      at,
    )
  }
  badBucketLabel(name: string, le: string, at: Position): void {
    this.#add('warning', `bucket label "le" is missing or has a malformed value of ${quote(le)}${forName(name)}`, at)
  }
  mixedInRange(name: string, at: Position): void {
    this.#add('warning', `encountered a mix of histograms and floats for metric name ${quote(name)}`, at)
  }
  mixedInAggregation(at: Position): void {
    this.#add('warning', 'encountered a mix of histograms and floats for aggregation', at)
  }
  mixedClassicNative(name: string, at: Position): void {
    this.#add('warning', `vector contains a mix of classic and native histograms${forName(name)}`, at)
  }
  notCounter(name: string, at: Position): void {
    this.#add('warning', `this native histogram metric is not a counter: ${quote(name)}`, at)
  }
  notGauge(name: string, at: Position): void {
    this.#add('warning', `this native histogram metric is not a gauge: ${quote(name)}`, at)
  }
  mixedSchemas(name: string, at: Position): void {
    this.#add(
      'warning',
      `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quote(name)}`,
      at,
    )
  }
  incompatibleBuckets(op: BinaryOp, at: Position): void {
    this.#add('warning', `incompatible bucket layout encountered for binary operator ${op}`, at)
  }
  resetCollision(during: 'aggregation' | 'addition' | 'subtraction', at: Position): void {
    this.#add('warning', `conflicting counter resets during histogram ${during}`, at)
  }
  overlappingStarts(name: string, at: Position): void {
    this.#add(
      'warning',
      `sample has start time that overlaps with previous sample timestamp for metric ${quote(name)}`,
      at,
    )
  }
  invalidStrategy(strategy: number, at: Position): void {
    this.#add('warning', `strategy should be 0, 1, or 2 (default), using 2, got ${formatGeneral(strategy)}`, at)
  }
  sortInRange(at: Position): void {
    this.#add('warning', 'sort is ineffective for range queries since results are always ordered by labels', at)
  }
  possibleNonCounter(name: string, at: Position): void {
    this.#add(
      'info',
      `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quote(name)}`,
      at,
    )
  }
  incompatibleTypes(left: 'float' | 'histogram', op: BinaryOp, right: 'float' | 'histogram', at: Position): void {
    this.#add(
      'info',
      `incompatible sample types encountered for binary operator ${quote(op)}: ${left} ${op} ${right}`,
      at,
    )
  }
  ignoredInAggregation(op: string, at: Position): void {
    this.#add('info', `ignored histogram in ${op} aggregation`, at)
  }
  ignoredInRange(name: string, at: Position): void {
    this.#add(
      'info',
      `ignored histograms in a range containing both floats and histograms for metric name ${quote(name)}`,
      at,
    )
  }
  quantileNaN(effect: 'result' | 'skew', name: string, at: Position): void {
    const what = effect === 'result' ? 'result is NaN' : 'result is skewed higher'
    this.#add('info', `input to histogram_quantile has NaN observations, ${what}${forName(name)}`, at)
  }
  fractionNaN(name: string, at: Position): void {
    this.#add(
      'info',
      `input to histogram_fraction has NaN observations, which are excluded from all fractions${forName(name)}`,
      at,
    )
  }
  reconciled(during: 'aggregation' | 'addition' | 'subtraction', at: Position): void {
    this.#add('info', `mismatched custom buckets were reconciled during ${during}`, at)
  }
  forcedMonotonicity(
    name: string,
    at: Position,
    found: Omit<Monotonicity, 'count' | 'firstMs' | 'lastMs'>,
    timeMs: number,
  ): void {
    const annotation = this.#add(
      'info',
      `input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)${forName(name)}`,
      at,
    )
    const known = annotation.monotonicity
    annotation.monotonicity = {
      minBucket: Math.min(known?.minBucket ?? Number.POSITIVE_INFINITY, found.minBucket),
      maxBucket: Math.max(known?.maxBucket ?? Number.NEGATIVE_INFINITY, found.maxBucket),
      maxDifference: Math.max(known?.maxDifference ?? 0, found.maxDifference),
      firstMs: Math.min(known?.firstMs ?? timeMs, timeMs),
      lastMs: Math.max(known?.lastMs ?? timeMs, timeMs),
      count: (known?.count ?? 0) + 1,
    }
  }

  /** Ours: Prometheus has no roll-ups. */
  rolledUp(resolution: string, rawFromMs: number, at: Position): void {
    const since = new Date(rawFromMs).toISOString().replace('.000Z', 'Z')
    this.#add(
      'info',
      `samples before ${since} are gone: answered from roll-ups of ${resolution}, where a range is rounded out to whole windows`,
      at,
    )
  }
  rolledUpExactly(resolution: string, at: Position): void {
    this.#add('info', `answered from roll-ups of ${resolution}, which give the same as the samples`, at)
  }

  /** Texts as the API shows them, with line and column of the query. */
  lines(query: string, level: 'warning' | 'info'): string[] {
    return [...this.#byText.values()]
      .filter((annotation) => annotation.level === level)
      .map(({ text, position, monotonicity }) => {
        const details = monotonicity ? monotonicityText(monotonicity) : ''
        return `PromQL ${level}: ${text}${details} (${lineAndColumn(query, position.start)})`
      })
  }
}

function monotonicityText({ minBucket, maxBucket, maxDifference, firstMs, lastMs, count }: Monotonicity): string {
  const time = (ms: number) => new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')
  return `, from buckets ${formatGeneral(minBucket)} to ${formatGeneral(maxBucket)}, with a max diff of ${formatGeneral(maxDifference, 2)}, over ${count} samples from ${time(firstMs)} to ${time(lastMs)}`
}

export function lineAndColumn(query: string, position: number): string {
  const before = query.slice(0, position)
  const line = before.split('\n').length
  return `${line}:${position - before.lastIndexOf('\n')}`
}
