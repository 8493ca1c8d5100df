// Samples of a time when there are none any more: the last one of each window of the roll-ups, then what samples there are.
import type { FloatHistogram } from '#core/histogram.ts'
import type { SeriesData } from '#core/sample.ts'
import type { RollupSeries, Rollups, SelectRequest } from '../../store.ts'
import { labelsKey } from './labels.ts'
import { finestFrom } from './plan-rollups.ts'

export interface LoadedSeries extends SeriesData {
  /** Up to a time there is one sample a window: an instant selector looks back that much farther. */
  coarse?: { untilMs: number; resolutionMs: number }
}

export async function withRollups(
  store: { select(request: SelectRequest): Promise<SeriesData[]> },
  rollups: Rollups,
  request: SelectRequest,
  lookbackMs: number,
): Promise<{ series: LoadedSeries[]; resolutionMs: number }> {
  const { rawFromMs } = rollups
  const resolutionMs = finestFrom(rollups, request.fromMs)
  const untilMs = Math.min(rawFromMs - 1, request.toMs)
  const rolled = await rollups.select({
    ...request,
    ...{ resolutionMs, columns: ['last', 'lastMs', 'count'], withHistograms: true },
    // One window more, since an instant selector looks back farther.
    fromMs: Math.floor((request.fromMs - lookbackMs) / resolutionMs) * resolutionMs - resolutionMs,
    toMs: Math.ceil(untilMs / resolutionMs) * resolutionMs,
  })
  const raw = request.toMs < rawFromMs ? [] : await store.select({ ...request, fromMs: rawFromMs })
  const byKey = new Map<string, SeriesData>(raw.map((series) => [labelsKey(series.labels), series]))
  const found: LoadedSeries[] = []
  for (const one of rolled) {
    const key = labelsKey(one.labels)
    found.push({ ...spliced(one, byKey.get(key), untilMs), coarse: { untilMs: rawFromMs, resolutionMs } })
    byKey.delete(key)
  }
  for (const series of byKey.values()) found.push(series)
  return { series: found, resolutionMs }
}

function spliced(
  { labels, endMs, columns, histograms: rolled = [] }: RollupSeries,
  raw: SeriesData | undefined,
  untilMs: number,
): SeriesData {
  const rows: { ms: number; value: number; histogram: FloatHistogram | undefined }[] = []
  for (let i = 0; i < endMs.length; i++)
    if (columns.count![i]! > 0 && columns.lastMs![i]! <= untilMs)
      rows.push({ ms: columns.lastMs![i]!, value: columns.last![i]!, histogram: undefined })
  const floats = rows.length
  for (const { timestampMs, histogram } of rolled)
    if (timestampMs <= untilMs) rows.push({ ms: timestampMs, value: 0, histogram })
  const hasHistograms = rows.length > floats || raw?.histograms !== undefined
  if (floats > 0 && rows.length > floats) rows.sort((a, b) => a.ms - b.ms)
  const length = rows.length + (raw?.values.length ?? 0)
  const timestampsMs = new Float64Array(length)
  const values = new Float64Array(length)
  for (const [at, { ms, value }] of rows.entries()) {
    timestampsMs[at] = ms
    values[at] = value
  }
  if (raw) {
    timestampsMs.set(raw.timestampsMs, rows.length)
    values.set(raw.values, rows.length)
  }
  if (!hasHistograms) return { labels, timestampsMs, values }
  const histograms = rows.map((row) => row.histogram)
  // Pushed one by one: there may be more than a call takes arguments.
  if (raw) for (let i = 0; i < raw.values.length; i++) histograms.push(raw.histograms?.[i])
  return { labels, timestampsMs, values, histograms }
}
