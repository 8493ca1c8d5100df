// info(): adds to each series the labels of the info series with the same `job` and `instance`. Prometheus: promql/info.go.
import type { Labels, SeriesData } from '#core/sample.ts'
import { isStaleNaN } from '#core/sample.ts'
import { valueTest } from '../../tsdb/matchers.ts'
import type { Call } from '../ast.ts'
import type { Budget } from './budget.ts'
import { failed } from './errors.ts'
import { after } from './extended-windows.ts'
import { Frame, nothing, type Steps, timeAt } from './frame.ts'
import { merged } from './label-functions.ts'
import { labelsText } from './labels.ts'
import { infoMatchers } from './load.ts'

const identifying = ['instance', 'job']

interface InfoSeries extends SeriesData {
  metric: string
}

export function addInfo(
  call: Call,
  base: Frame,
  infoSeries: SeriesData[],
  steps: Steps,
  lookbackMs: number,
  budget: Budget,
): Frame {
  const chosen = (call.args[1]?.kind === 'selector' ? call.args[1].matchers : []).filter(
    ({ name }) => name !== '__name__',
  )
  const wantedLabels = new Set(chosen.map(({ name }) => name))
  const optional = chosen.every((matcher) => valueTest(matcher)(''))
  const isInfo = nameTest(call)
  const bySignature = new Map<string, InfoSeries[]>()
  for (const series of infoSeries) {
    if (identifying.every((name) => series.labels[name] === undefined)) continue
    const key = signature(series.labels)
    const list = bySignature.get(key) ?? []
    list.push({ ...series, metric: series.labels['__name__'] ?? '' })
    bySignature.set(key, list)
  }
  const out = new Frame(base.count, base.rows, budget)
  for (let row = 0; row < base.rows; row++) {
    const labels = base.labels[row]!
    const from = row * base.count
    if (isInfo(labels['__name__'] ?? '')) {
      out.copyRow(out.add(labels, base.dropName[row]), base, from)
      continue
    }
    const candidates = bySignature.get(signature(labels)) ?? []
    const rows = new Map<string, number>()
    for (let step = 0; step < base.count; step++) {
      if (base.present[from + step] === nothing) continue
      const current = newest(candidates, timeAt(steps, step), lookbackMs)
      if (current.length === 0 && !optional) continue
      const added = extraLabels(labels, current, wantedLabels)
      const key = JSON.stringify(added)
      let at = rows.get(key)
      if (at === undefined) {
        at = out.add({ ...labels, ...added }, base.dropName[row])
        rows.set(key, at)
      }
      out.copy(at + step, base, from + step)
    }
  }
  return merged(out, budget)
}

/** Series that are info series themselves stay as they are. */
function nameTest(call: Call): (name: string) => boolean {
  const selector = call.args[1]
  // As Prometheus: who names labels and no metric has none left as they are.
  const isNamed = selector?.kind !== 'selector' || selector.matchers.some(({ name }) => name === '__name__')
  const tests = isNamed
    ? infoMatchers(call)
        .filter(({ name }) => name === '__name__')
        .map(valueTest)
    : []
  return (name) => tests.length > 0 && tests.every((test) => test(name))
}

const signature = (labels: Labels): string => identifying.map((name) => labels[name] ?? '').join('\u0001')

/** Of each info metric the series with the latest sample in the look-back. */
function newest(candidates: InfoSeries[], atMs: number, lookbackMs: number): InfoSeries[] {
  const byMetric = new Map<string, { series: InfoSeries; ms: number }>()
  for (const series of candidates) {
    const i = after(series.timestampsMs, atMs) - 1
    if (i < 0 || series.timestampsMs[i]! <= atMs - lookbackMs || isStaleNaN(series.values[i]!)) continue
    if (series.histograms?.[i]) throw failed('info sample should be float')
    const known = byMetric.get(series.metric)
    const ms = series.timestampsMs[i]!
    if (known && known.ms === ms)
      throw failed(
        `found duplicate series for info metric: existing ${labelsText(known.series.labels)} @ ${ms}, new ${labelsText(series.labels)} @ ${ms}`,
      )
    if (!known || known.ms < ms) byMetric.set(series.metric, { series, ms })
  }
  return [...byMetric.values()].map(({ series }) => series)
}

function extraLabels(base: Labels, infos: InfoSeries[], wanted: Set<string>): Labels {
  const added: Labels = {}
  for (const { labels } of infos) {
    for (const name in labels) {
      if (name === '__name__' || (wanted.size > 0 && !wanted.has(name))) continue
      const value = labels[name]!
      if (added[name] !== undefined && added[name] !== value) throw failed(`conflicting label: ${name}`)
      if (base[name] === undefined) added[name] = value
    }
  }
  return added
}
