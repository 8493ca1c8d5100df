// What looks for sensitive data in mirrored bodies and in log lines and judges it, joined to the log and the alerts; and the key under
// which values are compared without being kept.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Registry } from 'prom-client'
import type { Component } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import type { BodyInspector } from '#core/sensitive.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { replaceFileSync } from '#kpi/ledger/replace-file.ts'
import type { Consumer } from '#pipeline/log/consumer.ts'
import { createInspector } from '#security/sensitive/body/inspector.ts'
import type { SensitiveConfig } from '#security/sensitive/config.ts'
import { type Dictionary, readDictionary } from '#security/sensitive/dictionary.ts'
import { createLogData, type LogData } from '#security/sensitive/logs/service.ts'
import { createSightThread } from '#security/sensitive/logs/sight-thread.ts'
import { createValueHash, type ValueHash } from '#security/sensitive/value-hash.ts'
import { type LiveWatchRules, openWatchRules } from '#security/sensitive/watch/live-rules.ts'
import { createSensitiveWatch } from '#security/sensitive/watch/watch.ts'
import type { Database } from '#stores/state/state.ts'
import { findRules } from '../config.ts'
import { createExportLedger, type ExportLedger } from './export-ledger.ts'
import { createSensitiveTrail, type SensitiveTrail } from './sensitive-trail.ts'
import { StatefulConsumer, type StatefulConsumerDeps } from './stateful-consumer.ts'

export interface SensitiveData {
  dictionary: Dictionary
  key: Buffer
  hash: ValueHash
  inspector: BodyInspector
  trail: SensitiveTrail
  exports: ExportLedger
  /** What log lines hold, as counts. */
  logs: LogData
  rules: LiveWatchRules
  /** Whether a column of a download carries the mark. */
  isMarked(format: string, column: string): boolean
  consumers: Consumer[]
  /** Drops what is older than it may be. */
  forget(): Promise<void>
  component: Component
}

export function createSensitiveData(
  config: SensitiveConfig,
  deps: StatefulConsumerDeps & { database: Database; directory: string; keyFile: string; metrics: Registry },
): SensitiveData {
  const rules = findRules(config.rules)
  const dictionary = readDictionary(join(rules, 'kinds.yml'))
  const watchRules = openWatchRules(
    rules,
    dictionary.map(({ kind }) => kind),
  )
  const key = loadOrMakeKey(deps.keyFile)
  const { inspectMsMax, expandedBytesMax } = config
  const inspector = createInspector(
    { dictionary, key, expected: watchRules.current.expected, expandedBytesMax, inspectMsMax },
    deps,
  )
  const path = join(deps.directory, 'sensitive.jsonl')
  const hash = createValueHash(key)
  const { database, clock } = deps
  const watch = createSensitiveWatch(() => watchRules.current, dictionary)
  const logs = createLogData({
    ...{ dictionary, metrics: deps.metrics },
    ...{ rules: () => watchRules.current, nowMs: () => clock.nowMs() },
  })
  const logsFile = join(deps.directory, 'sensitive-logs.jsonl')
  const sightThread = createSightThread({ dictionary, key }, deps)
  const consumers = [new StatefulConsumer({ name: 'sensitive', path, from: 'first' }, watch, deps)]
  if (config.scanLogs)
    consumers.push(
      new StatefulConsumer(
        { name: 'sensitive-logs', path: logsFile, from: 'told', saveEveryMs: logsSavedMs },
        { ...logs, applyRecord: async (payload) => logs.judge(await sightThread.sight(payload)) },
        deps,
      ),
    )
  const trail = createSensitiveTrail({ database, clock, hash, dictionary })
  const exports = createExportLedger({ database, clock, hash, key })
  const [formats, columns] = [new Set<string>(config.markedFormats), new Set(config.markedColumns)]
  return {
    ...{ dictionary, key, hash, inspector, trail, exports, logs, rules: watchRules },
    isMarked: (format, column) => formats.has(format) && columns.has(column),
    forget: async () => {
      const beforeMs = clock.nowMs() - config.traceDays * 86_400_000
      await trail.forgetBefore(beforeMs)
      await exports.forgetBefore(beforeMs)
    },
    consumers,
    component: {
      name: 'sensitive',
      start: async () =>
        watchRules.watch((problems) => {
          for (const problem of problems)
            deps.logger.warn({ problem: formatProblem(problem) }, 'a file is wrong; what it was stays in force')
        }),
      stop: async () => {
        watchRules.close()
        await inspector.close()
        await sightThread.close()
      },
      health: () => ({ state: 'ok', detail: '' }),
    },
  }
}

/** After a crash so much of the log is looked at again at most; what is counted comes out the same. */
const logsSavedMs = 30_000
const keyBytes = 32

/** Made once, readable by its owner alone. Who loses it can no longer trace what was seen before. */
export function loadOrMakeKey(path: string): Buffer {
  if (!existsSync(path)) replaceFileSync(path, `${randomBytes(keyBytes).toString('hex')}\n`, 0o600)
  if ((statSync(path).mode & 0o077) !== 0)
    throw new CodedError('sensitive.key', { path, cause: 'others than its owner can read it' })
  const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'hex')
  if (key.length !== keyBytes) throw new CodedError('sensitive.key', { path, cause: 'it is not 64 hexadecimal digits' })
  return key
}
