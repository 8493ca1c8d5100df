// What the observatory is made of, for those who answer questions about it.
import type { Registry } from 'prom-client'
import type { Alerting } from '#alerts/alerting.ts'
import type { Incidents } from '#alerts/incidents/incidents.ts'
import type { LiveRulebook } from '#alerts/incidents/rulebook/live-rulebook.ts'
import type { EventRules } from '#analytics/event-rules/index.ts'
import type { MetricRules } from '#analytics/metric-rules/index.ts'
import type { Clock } from '#core/clock.ts'
import type { Collector } from '#core/collector.ts'
import type { Health } from '#core/component.ts'
import type { Logger } from '#core/logger.ts'
import type { Ledger } from '#kpi/ledger/ledger.ts'
import type { Consumer } from '#pipeline/log/consumer.ts'
import type { Journal } from '#pipeline/log/journal/journal.ts'
import type { ParserSet } from '#pipeline/parse/parser-set.ts'
import type { Pipeline } from '#pipeline/pipeline.ts'
import type { Intel } from '#security/intel/service.ts'
import type { ThreadedEvents } from '#stores/events/duckdb/thread.ts'
import type { MetricStore } from '#stores/metrics/store.ts'
import type { PostgresState } from '#stores/state/postgres.ts'
import type { People } from './auth/people.ts'
import type { Config } from './config.ts'
import type { BehaviourPart } from './parts/behaviour.ts'
import type { CorrelationPart } from './parts/correlation.ts'
import type { InventoryStore } from './parts/inventory-store.ts'
import type { KpiPart } from './parts/kpi.ts'
import type { BriefsPart } from './parts/kpi-briefs.ts'
import type { KpiWork } from './parts/kpi-work.ts'
import type { Posture } from './parts/posture.ts'
import type { Rate } from './parts/rates.ts'
import type { ReceiverMeters } from './parts/receiver-counters.ts'
import type { Reload } from './parts/reload.ts'
import type { RoutingPart } from './parts/routing.ts'
import type { SecurityRules } from './parts/security-rules.ts'
import type { SensitiveData } from './parts/sensitive-data.ts'
import type { SigmaPart } from './parts/sigma.ts'

/** What routes and commands work with. */
export interface Parts {
  config: Config
  clock: Clock
  logger: Logger
  version: string
  startedMs: number
  /** Where people find the ops centre, for links that leave the house. */
  publicUrl: string
  registry: Registry
  log: Journal
  state: PostgresState
  events: ThreadedEvents
  metrics: MetricStore
  pipeline: Pipeline
  parsers: ParserSet
  rules: EventRules
  metricRules: MetricRules
  alerting: Alerting
  routing: RoutingPart
  /** Reads again what lies in files of its own. */
  reload: Reload
  behaviour: BehaviourPart
  correlation: CorrelationPart
  incidents: Incidents
  rulebook: LiveRulebook
  people: People
  inventory: InventoryStore
  ledger: Ledger
  intel: Intel
  kpi: KpiPart
  kpiWork: KpiWork
  briefs: BriefsPart
  posture: Posture
  sensitive: SensitiveData
  securityRules: SecurityRules
  sigma: SigmaPart
  collectors: Collector[]
  consumers: Consumer[]
  meters: ReceiverMeters
  rates: { events: Rate; samples: Rate }
  health(): { name: string; health: Health }[]
  disk(): Promise<{ bytesUsed: number; bytesFree: number }>
}
