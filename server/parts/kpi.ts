// The performance platform joined to the stores: catalogue, cases, definitions, and the figures of now.
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import type { Component } from '#core/component.ts'
import type { Logger } from '#core/logger.ts'
import type { MetricMetadata, Sample } from '#core/sample.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { type Board, createBoard } from '#kpi/board/board.ts'
import { type CatalogueStore, createCatalogueStore } from '#kpi/catalogue/store.ts'
import { type LoadedDefinitions, loadDefinitions } from '#kpi/definitions/load.ts'
import { createPublished, type Published, withPublished } from '#kpi/questions/published.ts'
import { fromText, toNumber } from '#kpi/rational.ts'
import { compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { findContradicted } from '#kpi/visits/contradicted.ts'
import { createVisits, type Visits } from '#kpi/visits/visits.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import type { EventStore } from '#stores/events/store.ts'
import type { Database } from '#stores/state/state.ts'
import { createIntegrityPart, type IntegrityPart, withGrades } from './kpi-integrity.ts'

export interface KpiPart {
  cases: CaseStore
  catalogue: CatalogueStore
  definitions: LoadedDefinitions
  board: Board
  /** undefined when its rules are wrong: then nothing is graded. */
  integrity: IntegrityPart | undefined
  /** Figures of periods that are frozen. */
  published: Published
  visits: Visits
  component: Component
  /** Takes in what arrived. */
  refresh(): Promise<void>
  /** Figures of the running month and of the one before, by city and department, as series. */
  series(): Promise<{ samples: Sample[]; metadata: MetricMetadata[] }>
}

const seriesMax = 20_000

export function createKpiPart(
  rules: string,
  deps: {
    directory: string
    cubes: string
    /** Of what other systems saw of cases; beside the cases unless it is said. */
    traces?: string
    database: Database
    events?: EventStore
    clock: Clock
    logger: Logger
  },
): KpiPart {
  const { directory, cubes, database, events, clock, logger } = deps
  const nowMs = (): number => clock.nowMs()
  const cases = createDuckCases({ ...duckCasesDefaults, directory })
  const catalogue = createCatalogueStore(database, nowMs)
  const definitions = loadDefinitions(rules)
  const { calendars, problems } = readCalendars(join(rules, 'calendars'))
  for (const problem of [...definitions.problems, ...problems])
    logger.error({ problem: formatProblem(problem) }, 'a KPI definition was not taken')
  const compiled = calendars.map(compileCalendar)
  const visits = createVisits(database, nowMs)
  const integrity = createIntegrityPart(rules, {
    ...{ database, cases, calendars: compiled, clock, logger },
    ...(events ? { events } : {}),
    seen: deps.traces ?? `${directory}-seen`,
    visited: (period) => findContradicted(plain, visits, period),
  })
  const plain: Board = createBoard({
    ...{ definitions, calendars: compiled, cases, nowMs, directory: cubes },
    facts: () => catalogue.facts(),
    catalogueVersion: () => catalogue.version(),
  })
  const published = createPublished(database)
  const board = withPublished(withGrades(plain, integrity), published)
  let failure = ''
  let opened = false
  const refresh = async (): Promise<void> => {
    if (!opened) return
    try {
      await board.refresh()
      failure = ''
    } catch (error) {
      failure = `Figures are not up to date: ${(error as Error).message}`
      throw error
    }
  }
  return {
    ...{ cases, catalogue, definitions, board, integrity, visits, published, refresh },
    component: {
      name: 'kpi',
      start: async () => {
        await cases.open()
        opened = true
        await catalogue.load()
        await visits.load()
        await published.load()
        await integrity?.load()
      },
      stop: async () => {
        opened = false
        await board
          .save()
          .catch((error: unknown) => logger.warn({ err: error }, 'figures are counted anew at the start'))
        await integrity?.close()
        await cases.close()
      },
      health: () => (failure === '' ? { state: 'ok', detail: '' } : { state: 'degraded', detail: failure }),
    },
    series: async () => {
      const timestampMs = nowMs()
      const month = new Date(timestampMs + 8 * 3_600_000).toISOString().slice(0, 7)
      const samples: Sample[] = []
      for (const { definition } of board.plans()) {
        const period = definition.fact === 'case' ? month : 'all'
        for (const by of [[], ['city'], ['city', 'department']]) {
          if (!by.every((name) => name === 'city' || definition.dimensions.includes(name))) continue
          for (const value of await board.values({ kpi: definition.id, switches: {}, period, by, only: {} })) {
            if (!value.ratio || samples.length >= seriesMax) continue
            const labels = Object.fromEntries(Object.entries(value.dimensions).filter(([, text]) => text !== ''))
            samples.push({
              labels: { __name__: 'guanlan_kpi_ratio', kpi: definition.id, level: by.at(-1) ?? 'all', ...labels },
              ...{ timestampMs, value: toNumber(fromText(value.ratio)) },
            })
          }
        }
      }
      const help = 'Value of a KPI in the running month, by the default choices of its definition'
      return { samples, metadata: [{ family: 'guanlan_kpi_ratio', type: 'gauge', help, unit: '' }] }
    },
  }
}
