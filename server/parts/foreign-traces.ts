// Cases that other systems name in their events. What they saw is kept by the number of the case and stands beside what comes
// with the case itself; days are looked at as they pass, the last two again. A day whose cases had time to be reported is
// looked at once more for those that nobody did: these are kept apart. Events are not kept as long as a year of cases.
import { and, eq, gte, lt } from 'drizzle-orm'
import { recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import type { ForeignTrace, SeenByOthers } from '#kpi/integrity/scan.ts'
import { caseNumber, type TelemetrySource, type TraceKind, type TraceRules } from '#kpi/integrity/traces.ts'
import type { CaseTrace } from '#stores/cases/case.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import type { EventStore, TimeRange } from '#stores/events/store.ts'
import { kpiForeignDays, kpiForeignTraces, kpiTraceDays } from '#stores/state/schema/kpi-integrity.ts'
import type { Database } from '#stores/state/state.ts'
import { openTraceFiles, type SeenTrace, type TraceFiles, traceFilesDefaults } from '#stores/traces/trace-files.ts'

export interface ForeignTraces {
  /**
   * Takes in what was seen, and looks at the days that are due: how many cases were named then and are not known. Each day is
   * kept when it is done; aborted between two, the next call goes on from there.
   */
  collect(nowMs: number, signal?: AbortSignal): Promise<number>
  list(fromMs: number, toMs: number): Promise<ForeignTrace[]>
  /** What was seen of these cases, and of the same cases in other versions. */
  seen: SeenByOthers
  close(): Promise<void>
}

const msPerDay = 86_400_000
/** Of one answer of the event store; a stretch of time with more is halved. */
const groupsMax = 1000
const stretchMinMs = 1000
const rowsPerStatement = 1000
const idLengthMax = 300
const idsPerQuestion = 5000
/** A sender may be so late; older days are not looked at again. */
const openDays = 2
/** As long as figures of the year before are asked about. */
const keptDays = 800

/** Cases whose traces are found at once, in their order of arrival. */
const stretchCases = 200_000

export function createForeignTraces(
  deps: {
    database: Database
    events: Pick<EventStore, 'groupCount' | 'histogram' | 'stats'>
    cases: Pick<CaseStore, 'known' | 'keys' | 'lastSequence'>
    /** Of the files. */
    directory: string
  },
  sources: readonly TelemetrySource[],
  { reportedWithinDays, withinMsMax }: Pick<TraceRules, 'reportedWithinDays' | 'withinMsMax'>,
): ForeignTraces {
  const { database, events, cases, directory } = deps
  // Other sources are asked about the same days anew.
  const asked = recordHash(sources).slice(0, 16)
  /** Joined by it: how far rules look may change as well. */
  const basis = recordHash([asked, withinMsMax]).slice(0, 16)
  let opened: Promise<TraceFiles> | undefined
  let isClosed = false
  const files = async (): Promise<TraceFiles> => {
    if (isClosed) throw new CodedError('store.unavailable', { store: 'trace', cause: 'it is closed' })
    opened ??= openTraceFiles({ ...traceFilesDefaults, directory })
    return opened
  }
  /** Days before it are in their files to the end. */
  let settledMs = Number.NEGATIVE_INFINITY

  /** Days of which any source may tell: a machine's logs reach back years, and most days have nothing of cases. */
  const daysToAsk = async (from: number, to: number, signal?: AbortSignal): Promise<Set<number>> => {
    const days = new Set<number>()
    if (to < from) return days
    const range = { fromMs: from * msPerDay, toMs: (to + 1) * msPerDay }
    for (const { query } of sources)
      for (const { fromMs, count } of await events.histogram(query, range, msPerDay, signal))
        if (count > 0) days.add(Math.floor(fromMs / msPerDay))
    return days
  }

  /** @returns how many cases were named, and those that are not known */
  const lookAt = async (day: number): Promise<{ named: number; unknown: Found[] }> => {
    const found = new Map<string, Found>()
    for (const source of sources) {
      const range = { fromMs: day * msPerDay, toMs: (day + 1) * msPerDay }
      for await (const one of namedIn(events, source, range)) found.set(`${one.kind} ${one.caseId}`, one)
    }
    const all = [...found.values()]
    const ids = [...new Set(all.map(({ caseId }) => caseId))]
    const known = new Set<string>()
    for (let from = 0; from < ids.length; from += idsPerQuestion)
      for (const id of await cases.known(ids.slice(from, from + idsPerQuestion))) known.add(id)
    return { named: ids.length, unknown: all.filter(({ caseId }) => !known.has(caseId)) }
  }

  const takeIn = async (oldestDay: number, nowMs: number, signal?: AbortSignal): Promise<void> => {
    const rows = await database.select().from(kpiTraceDays).where(eq(kpiTraceDays.sources, asked))
    const done = new Set(rows.map(({ day }) => day))
    const today = Math.floor(nowMs / msPerDay)
    const toAsk = await daysToAsk(oldestDay, today, signal)
    const quiet: { sources: string; day: number }[] = []
    for (let day = oldestDay; day <= today; day++) {
      if (done.has(day)) continue
      signal?.throwIfAborted()
      if (!toAsk.has(day)) {
        if (day <= today - openDays) quiet.push({ sources: asked, day })
        continue
      }
      const found = new Map<string, Found>()
      for (const source of sources)
        for await (const one of namedIn(events, source, { fromMs: day * msPerDay, toMs: (day + 1) * msPerDay }))
          found.set(`${one.kind} ${one.atMs} ${one.caseId}`, one)
      if (found.size > 0) await (await files()).putDay(day, asked, found.values())
      if (day <= today - openDays)
        await database.insert(kpiTraceDays).values({ sources: asked, day }).onConflictDoNothing()
    }
    if (quiet.length > 0) await database.insert(kpiTraceDays).values(quiet).onConflictDoNothing()
    settledMs = (today - openDays + 1) * msPerDay
    await (await files()).forget(today - keptDays)
  }

  return {
    collect: async (nowMs, signal) => {
      const { oldestMs } = await events.stats()
      if (sources.length === 0 || oldestMs === null) return 0
      const oldestDay = Math.max(Math.floor(oldestMs / msPerDay), Math.floor(nowMs / msPerDay) - keptDays)
      await takeIn(oldestDay, nowMs, signal)
      const rows = await database
        .select({ day: kpiForeignDays.day })
        .from(kpiForeignDays)
        .where(eq(kpiForeignDays.sources, asked))
      const done = new Set(rows.map(({ day }) => day))
      let count = 0
      const lastDay = Math.floor(nowMs / msPerDay) - reportedWithinDays - 1
      const toAsk = await daysToAsk(oldestDay, lastDay, signal)
      const quiet: (typeof kpiForeignDays.$inferInsert)[] = []
      for (let day = oldestDay; day <= lastDay; day++) {
        if (done.has(day)) continue
        signal?.throwIfAborted()
        if (!toAsk.has(day)) {
          quiet.push({ sources: asked, day, named: 0, unreported: 0 })
          continue
        }
        const { named, unknown } = await lookAt(day)
        await database.transaction(async (tx) => {
          for (let from = 0; from < unknown.length; from += rowsPerStatement)
            await tx
              .insert(kpiForeignTraces)
              .values(unknown.slice(from, from + rowsPerStatement))
              .onConflictDoNothing()
          await tx
            .insert(kpiForeignDays)
            .values({ sources: asked, day, named, unreported: unknown.length })
            .onConflictDoNothing()
        })
        count += unknown.length
      }
      if (quiet.length > 0) await database.insert(kpiForeignDays).values(quiet).onConflictDoNothing()
      return count
    },
    list: async (fromMs, toMs) => {
      const rows = await database
        .select()
        .from(kpiForeignTraces)
        .where(and(gte(kpiForeignTraces.atMs, fromMs), lt(kpiForeignTraces.atMs, toMs)))
      return rows.map(({ caseId, unit, kind }) => ({ caseId, unit, kind: kind as TraceKind }))
    },
    seen: async (arrived) => {
      const [first, last] = [arrived[0]?.sequence, arrived.at(-1)?.sequence]
      if (first === undefined || last === undefined) return new Map()
      const found: SeenTrace[] = []
      const end = await cases.lastSequence()
      for (let from = first - ((first - 1) % stretchCases); from <= last; from += stretchCases) {
        const to = Math.min(end, from + stretchCases - 1)
        const stretch = {
          ...{ from, to, aroundMs: withinMsMax, settledMs, isWhole: to - from + 1 === stretchCases, basis },
          cases: () => cases.keys(from, to),
        }
        const part = await (await files()).inOrder(stretch, Math.max(first, from), Math.min(last, to))
        for (const { sequence, kind, atMs } of part)
          found.push({ caseId: arrived[sequence - first]!.record.id, kind, atMs })
      }
      return grouped(found)
    },
    close: async () => {
      isClosed = true
      await (await opened?.catch(() => undefined))?.close()
    },
  }
}

function grouped(found: readonly SeenTrace[]): Map<string, CaseTrace[]> {
  const byCase = new Map<string, CaseTrace[]>()
  for (const { caseId, kind, atMs } of found) {
    const one = { kind, atMs, reference: caseId }
    const traces = byCase.get(caseId)
    if (traces) traces.push(one)
    else byCase.set(caseId, [one])
  }
  return byCase
}

type Found = ForeignTrace & { atMs: number }

async function* namedIn(
  events: Pick<EventStore, 'groupCount'>,
  source: TelemetrySource,
  range: TimeRange,
): AsyncGenerator<Found> {
  const fields = source.unit === undefined ? [source.case] : [source.case, source.unit]
  const groups = await events.groupCount(source.query, range, fields, groupsMax)
  if (groups.length >= groupsMax && range.toMs - range.fromMs > stretchMinMs) {
    const middle = Math.floor((range.fromMs + range.toMs) / 2)
    yield* namedIn(events, source, { ...range, toMs: middle })
    yield* namedIn(events, source, { ...range, fromMs: middle })
    return
  }
  const numberIn = caseNumber(source)
  for (const { key, firstMs } of groups) {
    const [text = '', unit = ''] = key
    const caseId = numberIn(text) ?? ''
    if (caseId === '' || caseId.length > idLengthMax || unit.length > idLengthMax) continue
    yield { kind: source.kind, caseId, unit, atMs: firstMs }
  }
}
