// What looks for sensitive data in mirrored bodies and judges it, joined to the log and the alerts; and the key under
// which values are compared without being kept.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Component } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import type { BodyInspector } from '#core/sensitive.ts'
import { replaceFile } from '#kpi/ledger/replace-file.ts'
import type { Consumer } from '#pipeline/log/consumer.ts'
import { createInspector } from '#security/sensitive/body/inspector.ts'
import type { SensitiveConfig } from '#security/sensitive/config.ts'
import { type Dictionary, readDictionary } from '#security/sensitive/dictionary.ts'
import { createValueHash, type ValueHash } from '#security/sensitive/value-hash.ts'
import { readWatchRules } from '#security/sensitive/watch/rules.ts'
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
  /** Whether a column of a download carries the mark. */
  isMarked(format: string, column: string): boolean
  consumers: Consumer[]
  /** Drops what is older than it may be. */
  forget(): Promise<void>
  component: Component
}

export function createSensitiveData(
  config: SensitiveConfig,
  deps: StatefulConsumerDeps & { database: Database; directory: string; keyFile: string },
): SensitiveData {
  const rules = findRules(config.rules)
  const dictionary = readDictionary(join(rules, 'kinds.yml'))
  const watchRules = readWatchRules(
    join(rules, 'watch.yml'),
    dictionary.map(({ kind }) => kind),
  )
  const key = loadOrMakeKey(deps.keyFile)
  const { inspectMsMax, expandedBytesMax } = config
  const inspector = createInspector(
    { dictionary, key, expected: watchRules.expected, expandedBytesMax, inspectMsMax },
    deps,
  )
  const path = join(deps.directory, 'sensitive.jsonl')
  const watch = createSensitiveWatch(watchRules, dictionary)
  const hash = createValueHash(key)
  const { database, clock } = deps
  const trail = createSensitiveTrail({ database, clock, hash, dictionary })
  const exports = createExportLedger({ database, clock, hash, key })
  const [formats, columns] = [new Set<string>(config.markedFormats), new Set(config.markedColumns)]
  return {
    ...{ dictionary, key, hash, inspector, trail, exports },
    isMarked: (format, column) => formats.has(format) && columns.has(column),
    forget: async () => {
      const beforeMs = clock.nowMs() - config.traceDays * 86_400_000
      await trail.forgetBefore(beforeMs)
      await exports.forgetBefore(beforeMs)
    },
    consumers: [new StatefulConsumer({ name: 'sensitive', path, from: 'first' }, watch, deps)],
    component: {
      name: 'sensitive',
      start: async () => {},
      stop: () => inspector.close(),
      health: () => ({ state: 'ok', detail: '' }),
    },
  }
}

const keyBytes = 32

/** Made once, readable by its owner alone. Who loses it can no longer trace what was seen before. */
export function loadOrMakeKey(path: string): Buffer {
  if (!existsSync(path)) replaceFile(path, `${randomBytes(keyBytes).toString('hex')}\n`, 0o600)
  if ((statSync(path).mode & 0o077) !== 0)
    throw new CodedError('sensitive.key', { path, cause: 'others than its owner can read it' })
  const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'hex')
  if (key.length !== keyBytes) throw new CodedError('sensitive.key', { path, cause: 'it is not 64 hexadecimal digits' })
  return key
}
