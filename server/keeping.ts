// What parts know between two starts: read when they begin, written every few seconds and at the end. And what may go.
import { readFile } from 'node:fs/promises'
import type { Logger } from '#core/logger.ts'
import { replaceFile } from './parts/file-positions.ts'
import { metricRetention } from './parts/metric-store.ts'
import { storeConsumerNames } from './parts/store-consumers.ts'
import type { Parts } from './parts.ts'

type InData = (name: string) => string

/** A file that cannot be read is told, and the part begins anew: the log still holds what matters. */
export async function restore(path: string, apply: (text: string) => unknown, logger: Logger): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return
  try {
    await apply(text)
  } catch (error) {
    logger.warn({ err: error, path }, 'a snapshot cannot be read; beginning anew')
  }
}

export async function snapshot(parts: Parts, inData: InData): Promise<void> {
  const { rules, metricRules, sigma, pipeline, log, metrics } = parts
  const position = rules.position
  await replaceFile(inData('event-rules.json'), rules.snapshot())
  await replaceFile(inData('metric-rules.json'), metricRules.snapshot())
  await replaceFile(inData('sources.json'), pipeline.sources.snapshot())
  await replaceFile(inData('sigma.json'), sigma.sigma.memory())
  // Only what is on disk elsewhere may leave the log.
  log.savePosition(storeConsumerNames.rules, 'events', position)
  log.savePosition(storeConsumerNames.metrics, 'samples', await metrics.durablePosition())
}

export async function retain({ log, events, metrics, config, clock }: Parts): Promise<void> {
  const nowMs = clock.nowMs()
  log.savePosition(storeConsumerNames.events, 'events', await events.durablePosition())
  await log.retain()
  await events.retain({ ageDaysMax: config.events.daysMax, bytesMax: config.events.bytesMax, nowMs })
  await metrics.retain(metricRetention(config.metrics, nowMs))
}
