// Samples of a time when there are none any more: the last one of each window of the roll-ups, then what samples there are.
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
    ...{ resolutionMs, columns: ['last', 'lastMs', 'count'] },
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

function spliced({ labels, endMs, columns }: RollupSeries, raw: SeriesData | undefined, untilMs: number): SeriesData {
  const rows: number[] = []
  for (let i = 0; i < endMs.length; i++) if (columns.count![i]! > 0 && columns.lastMs![i]! <= untilMs) rows.push(i)
  const length = rows.length + (raw?.values.length ?? 0)
  const timestampsMs = new Float64Array(length)
  const values = new Float64Array(length)
  for (const [at, i] of rows.entries()) {
    timestampsMs[at] = columns.lastMs![i]!
    values[at] = columns.last![i]!
  }
  if (!raw) return { labels, timestampsMs, values }
  timestampsMs.set(raw.timestampsMs, rows.length)
  values.set(raw.values, rows.length)
  if (!raw.histograms) return { labels, timestampsMs, values }
  return { labels, timestampsMs, values, histograms: [...rows.map(() => undefined), ...raw.histograms] }
}
