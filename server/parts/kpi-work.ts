// The work around the figures: cases fetched from departments, what is missing of them, and who is asked about it.
import { isPublic } from '#alerts/notify/address-guard.ts'
import type { Clock } from '#core/clock.ts'
import type { Component } from '#core/component.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { type Annotations, createAnnotations } from '#kpi/annotations/annotations.ts'
import { adjudicationFact } from '#kpi/catalogue/adjudications.ts'
import type { KpiValue } from '#kpi/contract.ts'
import { type Coverage, createCoverage } from '#kpi/coverage/coverage.ts'
import { createDeclaredCounts, type DeclaredCounts } from '#kpi/coverage/declared.ts'
import { createTally } from '#kpi/coverage/tally.ts'
import { createFlagStore, type FlagStore, resolveFlags } from '#kpi/integrity/flags.ts'
import type { Ledger } from '#kpi/ledger/ledger.ts'
import { createConnect } from '#kpi/pull/address.ts'
import { createPullService, type PullService } from '#kpi/pull/service.ts'
import { loadSources } from '#kpi/pull/source.ts'
import { createPullState } from '#kpi/pull/state.ts'
import { createDisputes, type Disputes } from '#kpi/questions/disputes.ts'
import { createFollowUp } from '#kpi/questions/follow-up.ts'
import { createQuestions, type Questions } from '#kpi/questions/questions.ts'
import { createReleases, isFrozen, type Releases } from '#kpi/questions/releases.ts'
import { createRestatements, type RestatementStore } from '#kpi/restatements.ts'
import { type Calendar, calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { parsePeriod } from '#kpi/time/period.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import type { Database } from '#stores/state/state.ts'
import type { LedgerConfig } from '../ledger-config.ts'
import type { KpiPart } from './kpi.ts'
import { createWitnesses, type Witnesses } from './witnesses.ts'

export interface KpiWork {
  pull: PullService
  coverage: Coverage
  declared: DeclaredCounts
  disputes: Disputes
  questions: Questions
  releases: Releases
  restatements: RestatementStore
  annotations: Annotations
  flags: FlagStore
  witnesses: Witnesses
  /** Of working days, as it is known now. */
  calendar(): Calendar
  /** Every version of every calendar. */
  calendars: readonly Calendar[]
  /** Every cell that a release publishes: the whole, cities, departments, and departments in cities. */
  figuresOf(period: string): Promise<KpiValue[]>
  components: Component[]
  /** Told apart, so that one that fails does not keep the others waiting. */
  turns: { everyMs: number; what: string; work(): Promise<void> }[]
}

export interface KpiWorkDeps {
  database: Database
  kpi: KpiPart
  ledger: Ledger
  clock: Clock
  random: Random
  logger: Logger
  onFinding(finding: Finding): void
}

const statutory = 'cn'
/** Figures of a period are looked at again when what was late has come in. */
const settledAfterMs = 3 * 86_400_000

export async function createKpiWork(
  config: { pull: string; calendars: string; ledger: LedgerConfig; data: string },
  deps: KpiWorkDeps,
): Promise<KpiWork> {
  const { database, kpi, ledger, clock, random, logger, onFinding } = deps
  const nowMs = (): number => clock.nowMs()
  const calendars = readCalendars(config.calendars).calendars.map(compileCalendar)
  const calendar = (): Calendar => calendarAt(calendars, statutory, nowMs()) ?? calendars[0]!

  const { sources, problems } = loadSources(config.pull)
  for (const problem of problems) logger.error({ problem: formatProblem(problem) }, 'a source of cases was not taken')
  const pull = createPullService(sources, {
    ...{ cases: kpi.cases, clock, logger, onFinding, state: createPullState(database) },
    ...{ connect: createConnect(isPublic), environment: process.env },
  })

  const declared = createDeclaredCounts(database, nowMs)
  await declared.load()
  const coverage = createCoverage({
    ...{ tally: createTally(kpi.cases), declared, calendar, clock, onFinding },
    facts: () => kpi.catalogue.facts(),
    catalogueVersion: () => kpi.catalogue.version(),
  })

  const disputes = createDisputes()
  const questions = createQuestions({
    ...{ database, disputes, calendar, nowMs, resolveFlags, isFrozen, newId: () => random.hex(8) },
  })
  await questions.load()
  const releases = createReleases({
    ...{ database, calendar, nowMs, openAppeals: (period) => questions.openAppeals(period) },
    openRestatements: (period) => restatements.waiting(period),
    append: async (leaf) => (await ledger.append([leaf]))[0]!,
    onChange: () => kpi.published.load(),
  })
  const restatements = createRestatements({
    ...{ database, nowMs, newId: () => `r-${random.hex(8)}`, append: (leaf) => ledger.append([leaf]) },
    exempt: async (tx, { id, appeal, exempt, cell, proposedBy, approvedBy, knownMs }) => {
      const { region, city, department = '' } = cell.dimensions
      const about = { kpi: cell.kpi, appeal, restatement: id, region: region ?? city ?? '', department }
      const facts = exempt.map((caseId) => adjudicationFact({ ...about, caseId }, knownMs))
      const by = { proposedBy, proposedMs: knownMs, decidedBy: approvedBy.at(-1)!, decidedMs: knownMs }
      await kpi.catalogue.enact(tx, { ...by, note: `${appeal} ${id}` }, facts)
    },
    onDecided: async ({ state, exempt }) => {
      await questions.load()
      await kpi.published.load()
      if (state !== 'in-force' || exempt.length === 0) return
      await kpi.catalogue.load()
      await kpi.refresh()
    },
  })
  const annotations = createAnnotations(database, nowMs, () => random.hex(8))
  await annotations.load()
  const followUp = createFollowUp({
    ...{ questions, calendar, nowMs, onFinding },
    value: async ({ kpi: id, period, dimensions }) =>
      (await kpi.board.values({ kpi: id, period, by: [], only: dimensions, switches: {} }))[0],
    isOver: (period) => parsePeriod(period, zoneOf('Asia/Shanghai')).toMs + settledAfterMs < nowMs(),
  })

  const witnesses = createWitnesses(config.ledger, { ledger, data: config.data, clock, onFinding })

  return {
    ...{
      witnesses,
      pull,
      coverage,
      declared,
      disputes,
      questions,
      releases,
      restatements,
      annotations,
      calendars,
      calendar,
      flags: createFlagStore(database),
    },
    figuresOf: async (period) => {
      const figures: KpiValue[] = []
      for (const { definition } of kpi.board.plans()) {
        const label = definition.fact === 'case' ? period : 'all'
        for (const by of [[], ['city'], ['department'], ['city', 'department']]) {
          if (!by.every((name) => name === 'city' || definition.dimensions.includes(name))) continue
          figures.push(...(await kpi.board.values({ kpi: definition.id, period: label, by, only: {}, switches: {} })))
        }
      }
      return figures
    },
    components: [pull, witnesses.component],
    turns: [
      { everyMs: 1000, what: 'sources of cases could not be read', work: () => pull.tick() },
      { everyMs: 5000, what: 'what has come in could not be counted', work: () => coverage.refresh() },
      { everyMs: 5000, what: 'witnesses could not be asked', work: () => witnesses.tick() },
      { everyMs: 60_000, what: 'feeds could not be watched', work: async () => coverage.tick() },
      { everyMs: 60_000, what: 'questions could not be followed up', work: () => followUp() },
    ],
  }
}
