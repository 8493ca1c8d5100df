// Sigma joined to the log, the alerts and what people decided about rules.
import { mkdirSync } from 'node:fs'
import { eq } from 'drizzle-orm'
import type { Registry } from 'prom-client'
import type { Alerting } from '#alerts/alerting.ts'
import type { Clock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import type { Consumer } from '#pipeline/log/consumer.ts'
import type { Log } from '#pipeline/log/log.ts'
import type { SigmaConfig } from '#security/sigma/config.ts'
import { createSigma, type Sigma } from '#security/sigma/service.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { ruleSettings } from '#stores/state/schema/index.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import { findRules } from '../config.ts'
import type { SharedEvents } from './decoded.ts'
import { StatefulConsumer } from './stateful-consumer.ts'

const consumerName = 'sigma'
/** After a crash so much of the log is counted again at most. */
const windowsEveryMs = 15_000

export interface SigmaPart {
  sigma: Sigma
  consumers: Consumer[]
  /** Switches a rule on or off, with the reason, in the audit trail. */
  decide(actor: Actor, rule: string, enabled: boolean, note: string): Promise<void>
}

export function createSigmaPart(
  config: SigmaConfig,
  deps: {
    clock: Clock
    logger: Logger
    metrics: Registry
    log: Log
    shared: SharedEvents
    alerting: Alerting
    database: Database
    /** Below the data directory; made when it is not there. */
    imports: string
    /** Where it keeps what correlations hold in their windows. */
    windows: string
  },
): SigmaPart {
  const { clock, logger, metrics, log, shared, alerting, database, imports, windows } = deps
  // So that an import is seen while we run.
  mkdirSync(imports, { recursive: true, mode: 0o700 })
  const sigma = createSigma(
    { ...config, directories: config.directories.map(findRules), taxonomy: findRules(config.taxonomy) },
    {
      ...{ clock, logger, metrics, imports },
      disabled: async () => {
        const rows = await database.select().from(ruleSettings).where(eq(ruleSettings.enabled, false))
        return new Set(rows.map(({ rule }) => rule))
      },
    },
  )
  const consumer = new StatefulConsumer(
    { name: consumerName, path: windows, from: 'told', saveEveryMs: windowsEveryMs },
    sigma,
    { log, logger, clock, shared, alerting },
  )
  return {
    sigma,
    consumers: config.enabled ? [consumer] : [],
    decide: async (actor, rule, enabled, note) => {
      await database.transaction(async (tx) => {
        const row = { rule, enabled, note, by: actor.name, changedMs: clock.nowMs() }
        await tx.insert(ruleSettings).values(row).onConflictDoUpdate({ target: ruleSettings.rule, set: row })
        await writeAudit(tx, actor, enabled ? 'rule.enable' : 'rule.disable', rule, { note })
      })
      await sigma.settingsChanged()
    },
  }
}
