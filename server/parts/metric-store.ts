// The engine that the configuration names.
import type { Clock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { RemoteMetrics, remoteDefaults } from '#stores/metrics/remote/store.ts'
import type { MetricStore, RetentionLimits } from '#stores/metrics/store.ts'
import { dayMs } from '#stores/metrics/tsdb/rollup/day-file.ts'
import { fiveMinutesMs, hourMs } from '#stores/metrics/tsdb/rollup/rollups.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'
import type { Config } from '../config.ts'

export function createMetricStore(
  { engine, remote, headMinutesMax, headSamplesMax }: Config['metrics'],
  {
    clock,
    logger,
    random,
    inData,
  }: { clock: Clock; logger: Logger; random: Random; inData: (...names: string[]) => string },
): MetricStore {
  return engine === 'remote'
    ? new RemoteMetrics({ ...remoteDefaults, ...remote, directory: inData('metrics-remote') }, { logger })
    : new Tsdb(
        {
          ...tsdbDefaults,
          directory: inData('metrics'),
          sealAfterMs: headMinutesMax * 60_000,
          sealAfterSamples: headSamplesMax,
        },
        { clock, logger, random },
      )
}

export function metricRetention({ daysMax, bytesMax, rollups }: Config['metrics'], nowMs: number): RetentionLimits {
  return {
    ...{ nowMs, bytesMax, ageMs: daysMax * dayMs },
    rollupAgesMs: {
      [fiveMinutesMs]: rollups.fiveMinuteDaysMax * dayMs,
      [hourMs]: rollups.hourDaysMax * dayMs,
    },
  }
}
