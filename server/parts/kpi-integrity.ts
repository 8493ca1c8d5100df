// The checks joined to the board: every figure of now carries its grade, and every night all units are looked at again.
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'
import { answering, type Board } from '#kpi/board/board.ts'
import type { Raised } from '#kpi/integrity/flags.ts'
import { readGradeRules } from '#kpi/integrity/grade.ts'
import { createIntegrity, type IntegrityService } from '#kpi/integrity/service.ts'
import { readTraceRules } from '#kpi/integrity/traces.ts'
import { type Calendar, calendarAt } from '#kpi/time/calendar.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import type { EventStore } from '#stores/events/store.ts'
import type { Database } from '#stores/state/state.ts'
import { createForeignTraces } from './foreign-traces.ts'

export interface IntegrityPart extends IntegrityService {
  /** Runs when the night's run is due. */
  tick(): Promise<void>
  /** The observatory stops: a run that reads years of events ends at the next day, and is made anew after the start. */
  end(): void
  close(): Promise<void>
}

const zoneName = 'Asia/Shanghai'
const nightHour = 2
/** So long into a year what was closed in the last one is still reported and corrected. */
const lastYearUntilMonth = 3
const msPerHour = 3_600_000

export function createIntegrityPart(
  rules: string,
  deps: {
    database: Database
    cases: CaseStore
    /** Where other systems name cases; a command that only reads figures does without. */
    events?: Pick<EventStore, 'groupCount' | 'histogram' | 'stats'>
    /** Where it is kept what they saw. */
    seen?: string
    calendars: readonly Calendar[]
    clock: Clock
    logger: Logger
    /** What visits of a year contradict. */
    visited(period: string): Promise<Raised[]>
  },
): IntegrityPart | undefined {
  const { database, cases, events, calendars, clock, logger } = deps
  const traces = readTraceRules(join(rules, 'integrity/traces.yml'))
  const grades = readGradeRules(join(rules, 'integrity/grades.yml'))
  for (const problem of [...traces.problems, ...grades.problems] as SourceProblem[])
    logger.error({ problem: formatProblem(problem) }, 'rules of the integrity checks were not taken: nothing is graded')
  if (!traces.rules || !grades.rules) return undefined
  const zone = zoneOf(zoneName)
  const { telemetry } = traces.rules
  const foreign =
    events && deps.seen !== undefined
      ? createForeignTraces({ database, events, cases, directory: deps.seen }, telemetry, traces.rules)
      : undefined
  const ending = new AbortController()
  const service = createIntegrity({
    ...{ database, cases, zone, traces: traces.rules, grades: grades.rules, nowMs: () => clock.nowMs() },
    visited: deps.visited,
    calendar: () => calendarAt(calendars, 'cn', clock.nowMs()) ?? calendars[0]!,
    foreign: async (fromMs, toMs) => {
      await foreign?.collect(clock.nowMs(), ending.signal)
      return (await foreign?.list(fromMs, toMs)) ?? []
    },
    ...(foreign && telemetry.length > 0 ? { seen: foreign.seen } : {}),
  })
  return {
    ...service,
    end: () => ending.abort(),
    close: async () => foreign?.close(),
    tick: async () => {
      if (ending.signal.aborted) return
      // Adjudications may have changed what is still in question.
      await service.refresh()
      const nowMs = clock.nowMs()
      if ((await cases.lastSequence()) === 0) return
      const day = zone.dayOf(nowMs)
      const year = Number(new Date(day * 24 * msPerHour).getUTCFullYear())
      const month = new Date(day * 24 * msPerHour).getUTCMonth() + 1
      const years = month <= lastYearUntilMonth ? [year - 1, year] : [year]
      for (const period of years.map(String)) {
        const last = await service.lastRun(period)
        const isDue =
          !last || (zone.dayOf(last.startedMs) < day && zone.sinceMidnightMs(nowMs) >= nightHour * msPerHour)
        if (isDue) {
          const ran = await service.run(period).catch((error: unknown) => {
            if (!ending.signal.aborted) throw error
          })
          if (!ran) return
          const { endedMs, startedMs, units, flags } = ran
          logger.info({ period, units, flags, ms: endedMs - startedMs }, 'the integrity checks ran')
        }
      }
    },
  }
}

/** A figure is told with its grade; of what was known before the last run nobody knows what the checks would have said. */
export function withGrades(board: Board, integrity: IntegrityService | undefined): Board {
  if (!integrity) return board
  return answering(board, async (question) => {
    const values = await board.values(question)
    const isBefore = question.knownMs !== undefined && question.knownMs < integrity.ranAtMs()
    if (isBefore && question.gradedSince !== true) return values
    const isOfCases = board.plan(question.kpi)?.definition.fact === 'case'
    return values.map((value) => {
      const period = value.dimensions['period']
      const asked = period === undefined ? value : { ...value, period: { ...value.period, label: period } }
      return { ...value, grade: integrity.grade(asked, question.only, isOfCases)?.grade ?? null }
    })
  })
}
