// The engine that the configuration names.
import type { Clock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import { RemoteMetrics, remoteDefaults } from '#stores/metrics/remote/store.ts'
import type { MetricStore } from '#stores/metrics/store.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'
import type { Config } from '../config.ts'

export function createMetricStore(
  { engine, remote, headMinutesMax, headSamplesMax }: Config['metrics'],
  { clock, logger, inData }: { clock: Clock; logger: Logger; inData: (...names: string[]) => string },
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
        { clock, logger },
      )
}
