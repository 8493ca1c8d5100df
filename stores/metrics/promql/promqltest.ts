// Runs Prometheus's PromQL test scripts (promql/promqltest): load, clear, eval instant, eval range.
// Native histograms and annotations are not evaluated yet: evals that need them fail here, by name, and are counted.
import { parseDuration } from '#core/duration.ts'
import { type Labels, type SeriesData, staleNaN } from '#core/sample.ts'
import type { SelectRequest } from '../store.ts'
import { valueTest } from '../tsdb/series-index.ts'
import { Engine, engineDefaults } from './engine.ts'
import { parseSelector } from './parse.ts'
import { labelsKey, type StepSeries } from './series.ts'

export interface ScriptResult {
  passed: number
  failures: { line: number; query: string; why: string }[]
}

interface Expectation {
  fail: boolean
  failMessage: string | undefined
  ordered: boolean
  /** Text of a string result. */
  text: string | undefined
  rangeVector: { startMs: number; stepMs: number } | undefined
  series: { labels: Labels; points: (number | undefined)[]; histogram: boolean }[]
  scalar: number | undefined
  /** warn or info: needs annotations. */
  annotated: boolean
}

interface Command {
  line: number
  head: string
  body: string[]
}

const tolerance = 1e-6

export async function runScript(text: string): Promise<ScriptResult> {
  const result: ScriptResult = { passed: 0, failures: [] }
  let store = new ScriptStore()
  for (const command of commands(text)) {
    if (command.head.startsWith('clear')) store = new ScriptStore()
    else if (command.head.startsWith('load')) store.load(command)
    else {
      const why = await evaluate(command, store)
      if (why === undefined) result.passed++
      else result.failures.push({ line: command.line, query: command.head, why })
    }
  }
  return result
}

function commands(text: string): Command[] {
  const found: Command[] = []
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    if (/^(load(_with_nhcb)?|clear|eval(_\w+)?)\b/.test(line) && !/^\s/.test(raw))
      found.push({ line: i + 1, head: line, body: [] })
    else found[found.length - 1]?.body.push(line)
  }
  return found
}

/** Holds what a script loads; a plain list is enough. */
class ScriptStore {
  readonly #series = new Map<string, { labels: Labels; samples: Map<number, number> }>()
  hasHistograms = false

  load(command: Command): void {
    const intervalMs = parseDuration(command.head.split(/\s+/)[1]!)!
    for (const line of command.body) {
      const { labels, points, histogram } = seriesLine(line)
      if (histogram) this.hasHistograms = true
      const key = labelsKey(labels)
      const entry = this.#series.get(key) ?? { labels, samples: new Map<number, number>() }
      this.#series.set(key, entry)
      for (const [i, value] of points.entries()) if (value !== undefined) entry.samples.set(i * intervalMs, value)
    }
  }

  async select(request: SelectRequest): Promise<SeriesData[]> {
    const tests = request.matchers.map((matcher) => ({ name: matcher.name, holds: valueTest(matcher) }))
    return [...this.#series.values()]
      .filter(({ labels }) => tests.every(({ name, holds }) => holds(labels[name] ?? '')))
      .map(({ labels, samples }) => {
        const times = [...samples.keys()]
          .filter((time) => time >= request.fromMs && time <= request.toMs)
          .sort((a, b) => a - b)
        return {
          labels,
          timestampsMs: Float64Array.from(times),
          values: Float64Array.from(times, (time) => samples.get(time)!),
        }
      })
      .filter(({ timestampsMs }) => timestampsMs.length > 0)
  }
}

async function evaluate(command: Command, store: ScriptStore): Promise<string | undefined> {
  const match =
    /^eval(?:_(?<mode>\w+))?\s+(?:instant\s+at\s+(?<at>\S+)|range\s+from\s+(?<from>\S+)\s+to\s+(?<to>\S+)\s+step\s+(?<step>\S+))\s+(?<query>.*)$/.exec(
      command.head,
    )
  if (!match?.groups) return 'the eval line could not be read'
  const { mode, at, from, to, step, query } = match.groups
  const wanted = expectations(command.body, mode)
  const engine = new Engine(store, engineDefaults)
  try {
    if (at !== undefined) {
      const result = await engine.instant(query!, timeMs(at))
      if (wanted.fail) return 'expected to fail'
      return compareInstant(result, wanted)
    }
    const range = { startMs: timeMs(from!), endMs: timeMs(to!), stepMs: timeMs(step!) }
    const result = await engine.range(query!, range)
    if (wanted.fail) return 'expected to fail'
    if (result.type !== 'matrix') return `got ${result.type}`
    return compareSeries(result.series, wanted, false)
  } catch (error) {
    return wanted.fail ? undefined : `failed: ${(error as Error).message}`
  }
}

function timeMs(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const plain = text.replace(/^[+-]/, '')
  return sign * (parseDuration(plain) ?? Number(plain) * 1000)
}

function expectations(body: string[], mode: string | undefined): Expectation {
  const wanted: Expectation = {
    fail: mode === 'fail',
    failMessage: undefined,
    ordered: mode === 'ordered',
    text: undefined,
    rangeVector: undefined,
    series: [],
    scalar: undefined,
    annotated: mode === 'warn' || mode === 'info',
  }
  for (const line of body) {
    if (/^expected_fail/.test(line)) wanted.fail = true
    else if (/^expect\b/.test(line)) {
      const rest = line.slice('expect'.length).trim()
      const range = /^range vector from (\S+) to \S+ step (\S+)/.exec(rest)
      if (range) wanted.rangeVector = { startMs: timeMs(range[1]!), stepMs: timeMs(range[2]!) }
      else if (rest.startsWith('fail')) wanted.fail = true
      else if (rest.startsWith('ordered')) wanted.ordered = true
      else if (rest.startsWith('string'))
        wanted.text = rest
          .slice('string'.length)
          .trim()
          .replace(/^["`']|["`']$/g, '')
      else if (rest.startsWith('warn') || rest.startsWith('info')) wanted.annotated = true
    } else if (/^[-+]?(\d|\.\d|NaN|Inf)/i.test(line) && !/[{]/.test(line)) wanted.scalar = number(line)
    else wanted.series.push(seriesLine(line))
  }
  return wanted
}

function compareInstant(result: Awaited<ReturnType<Engine['instant']>>, wanted: Expectation): string | undefined {
  if (result.type === 'string') return result.value === wanted.text ? undefined : `got "${result.value}"`
  if (result.type === 'scalar')
    return wanted.scalar !== undefined && close(result.values[0]!, wanted.scalar)
      ? undefined
      : `got ${result.values[0]}`
  if (result.raw) {
    const got = result.raw.map((series) => ({
      labels: series.labels,
      values: series.values,
      present: new Uint8Array(series.values.length).fill(1),
    }))
    return compareSeries(got, wanted, false)
  }
  return compareSeries(result.series, wanted, wanted.ordered)
}

function compareSeries(got: StepSeries[], wanted: Expectation, ordered: boolean): string | undefined {
  if (wanted.annotated) return 'needs annotations'
  if (wanted.series.some((series) => series.histogram)) return 'needs native histograms'
  if (got.length !== wanted.series.length) return `expected ${wanted.series.length} series, got ${got.length}`
  const byKey = new Map(got.map((series, i) => [labelsKey(series.labels), { series, i }]))
  for (const [i, { labels, points }] of wanted.series.entries()) {
    const found = byKey.get(labelsKey(labels))
    if (!found) return `missing ${JSON.stringify(labels)}`
    if (ordered && found.i !== i) return `${JSON.stringify(labels)} at place ${found.i}, expected ${i}`
    for (let step = 0; step < found.series.values.length; step++) {
      const there = found.series.present[step] === 1
      const point = points[step]
      if (there !== (point !== undefined))
        return `${JSON.stringify(labels)} at step ${step}: ${there ? 'unexpected value' : 'no value'}`
      if (there && !close(found.series.values[step]!, point!))
        return `${JSON.stringify(labels)} at step ${step}: expected ${point}, got ${found.series.values[step]}`
    }
  }
  return undefined
}

/** Upstream's rule: relative 1e-6, NaN equals NaN. */
function close(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b)
  if (a === b) return true
  const difference = Math.abs(a - b)
  const sum = Math.abs(a) + Math.abs(b)
  return sum === 0 || difference / Math.min(sum, Number.MAX_VALUE) < tolerance
}

/** `metric{label="value"} 0+10x5 _x2 stale {{…}}` */
export function seriesLine(line: string): { labels: Labels; points: (number | undefined)[]; histogram: boolean } {
  const split = /^(?<selector>[a-zA-Z_:][\w:]*(?:\{.*?\}(?=\s|$))?|\{.*?\}(?=\s|$))\s*(?<points>.*)$/.exec(line)
  const labels: Labels = {}
  if (split && split.groups!['selector'] !== '{}') {
    for (const { name, value } of parseSelector(split.groups!['selector']!).matchers)
      if (value !== '') labels[name] = value
  }
  const { points, histogram } = expandPoints(split?.groups?.['points'] ?? '')
  return { labels, points, histogram }
}

function expandPoints(text: string): { points: (number | undefined)[]; histogram: boolean } {
  const points: (number | undefined)[] = []
  let histogram = false
  for (const item of text
    .replace(/\{\{.*?\}\}/g, '{{}}')
    .split(/\s+/)
    .filter((part) => part !== '')) {
    const series =
      /^(?<start>[-+]?(?:[\d.]+(?:e[-+]?\d+)?|Inf|NaN))(?<step>[-+](?:[\d.]+(?:e[-+]?\d+)?|Inf|NaN))?x(?<times>\d+)$/i.exec(
        item,
      )
    if (item.includes('{{}}')) {
      histogram = true
      const times = /x(\d+)$/.exec(item)
      for (let i = 0; i <= Number(times?.[1] ?? 0); i++) points.push(undefined)
    } else if (/^_(x\d+)?$/.test(item)) for (let i = 0; i < Number(item.slice(2) || 1); i++) points.push(undefined)
    else if (item === 'stale') points.push(staleNaN)
    else if (series?.groups) {
      const step = series.groups['step'] === undefined ? 0 : number(series.groups['step'])
      let value = number(series.groups['start']!)
      for (let i = 0; i <= Number(series.groups['times']); i++, value += step) points.push(value)
    } else points.push(number(item))
  }
  return { points, histogram }
}

function number(text: string): number {
  const plain = text.trim().toLowerCase()
  if (/^[-+]?inf$/.test(plain)) return plain.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^[-+]?nan$/.test(plain)) return Number.NaN
  return Number(plain)
}
