// The work around the figures: cases fetched from departments, and who is asked when something is missing or wrong.
import { isPublic } from '#alerts/notify/address-guard.ts'
import type { Clock } from '#core/clock.ts'
import type { Component } from '#core/component.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { createConnect } from '#kpi/pull/address.ts'
import { createPullService, type PullService } from '#kpi/pull/service.ts'
import { loadSources } from '#kpi/pull/source.ts'
import { createPullState } from '#kpi/pull/state.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import type { Database } from '#stores/state/state.ts'

export interface KpiWork {
  pull: PullService
  components: Component[]
  /** Told apart, so that one that fails does not keep the others waiting. */
  turns: { everyMs: number; what: string; work(): Promise<void> }[]
}

export interface KpiWorkDeps {
  database: Database
  cases: CaseStore
  clock: Clock
  logger: Logger
  onFinding(finding: Finding): void
}

export function createKpiWork(config: { pull: string }, deps: KpiWorkDeps): KpiWork {
  const { database, cases, clock, logger, onFinding } = deps
  const { sources, problems } = loadSources(config.pull)
  for (const problem of problems) logger.error({ problem: formatProblem(problem) }, 'a source of cases was not taken')
  const pull = createPullService(sources, {
    ...{ cases, clock, logger, onFinding, state: createPullState(database) },
    ...{ connect: createConnect(isPublic), environment: process.env },
  })
  return {
    pull,
    components: [pull],
    turns: [{ everyMs: 1000, what: 'sources of cases could not be read', work: () => pull.tick() }],
  }
}
