// What a query gives, as the text that Prometheus's HTTP API answers. Written directly: an array a sample, only to be
// turned into text by JSON.stringify, costs more than most queries.
import type { FloatHistogram } from '#core/histogram.ts'
import type { SeriesData } from '#core/sample.ts'
import { formatValue, histogramJson, type QueryResult, type StepSeries } from '#stores/metrics/promql/index.ts'

export interface WriteLimits {
  /** More series are left out. */
  seriesMax: number
}

/** @returns the text of `data`, and whether series were left out. */
export function instantJson(
  result: QueryResult,
  atMs: number,
  { seriesMax }: WriteLimits,
): [text: string, cut: boolean] {
  const at = atMs / 1000
  switch (result.type) {
    case 'scalar':
      return [`{"resultType":"scalar","result":[${at},"${formatValue(result.values[0]!)}"]}`, false]
    case 'string':
      return [`{"resultType":"string","result":[${at},${JSON.stringify(result.value)}]}`, false]
    case 'vector':
      return listed('vector', result.series, seriesMax, ({ labels, values, histograms }) => {
        const histogram = histograms?.[0]
        const sample = histogram
          ? `"histogram":[${at},${JSON.stringify(histogramJson(histogram))}]`
          : `"value":[${at},"${formatValue(values[0]!)}"]`
        return `{"metric":${JSON.stringify(labels)},${sample}}`
      })
    case 'matrix':
      return listed('matrix', result.raw ?? [], seriesMax, rawText)
  }
}

export function rangeJson(
  { series }: { series: StepSeries[] },
  { startMs, stepMs }: { startMs: number; stepMs: number },
  { seriesMax }: WriteLimits,
): [text: string, cut: boolean] {
  // Each series has the same steps.
  const heads: string[] = []
  const headOf = (step: number): string => (heads[step] ??= `[${(startMs + step * stepMs) / 1000},`)
  return listed('matrix', series, seriesMax, ({ labels, values, present, histograms }) => {
    const textOf = valueTexts()
    // Joined at once: added one by one, a thousand pieces would be put together anew when the answer is sent.
    const floats: string[] = []
    let own = ''
    for (let step = 0; step < values.length; step++) {
      if (present[step] === 0) continue
      const histogram = present[step] === 2 ? histograms?.[step] : undefined
      if (histogram) own += histogramText(own, headOf(step), histogram)
      else floats.push(`${headOf(step)}"${textOf(values[step]!)}"]`)
    }
    return seriesText(labels, floats.join(','), own)
  })
}

/** Much of what is measured is at rest, and a number as text is the dearest part of an answer: the last one is kept. */
function valueTexts(): (value: number) => string {
  let last = 0
  let text = ''
  return (value) => {
    // Zero and its negative are equal and written differently.
    if (value !== last || text === '' || value === 0) {
      last = value
      text = formatValue(value)
    }
    return text
  }
}

function rawText({ labels, timestampsMs, values, histograms }: SeriesData): string {
  const textOf = valueTexts()
  let floats = ''
  let own = ''
  for (let i = 0; i < values.length; i++) {
    const head = `[${timestampsMs[i]! / 1000},`
    const histogram = histograms?.[i]
    if (histogram) own += histogramText(own, head, histogram)
    else floats += `${floats === '' ? '' : ','}${head}"${textOf(values[i]!)}"]`
  }
  return seriesText(labels, floats, own)
}

function histogramText(before: string, head: string, histogram: FloatHistogram): string {
  return `${before === '' ? '' : ','}${head}${JSON.stringify(histogramJson(histogram))}]`
}

/** Prometheus has floats and histograms of a series apart, and leaves out what is empty. */
function seriesText(labels: SeriesData['labels'], floats: string, histograms: string): string {
  const metric = `{"metric":${JSON.stringify(labels)}`
  const values = floats !== '' || histograms === '' ? `,"values":[${floats}]` : ''
  return `${metric}${values}${histograms === '' ? '' : `,"histograms":[${histograms}]`}}`
}

function listed<T>(
  resultType: 'vector' | 'matrix',
  series: readonly T[],
  seriesMax: number,
  write: (one: T) => string,
): [text: string, cut: boolean] {
  const count = Math.min(series.length, seriesMax)
  let text = `{"resultType":"${resultType}","result":[`
  for (let i = 0; i < count; i++) text += i === 0 ? write(series[i]!) : `,${write(series[i]!)}`
  return [`${text}]}`, count < series.length]
}
