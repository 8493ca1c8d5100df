// Cases that other systems name in their events and that nobody reported. Each day of events is looked at once, when its cases
// had time to be reported; what is still unknown then is kept, since events are not kept as long as a year of cases.
import { and, eq, gte, lt } from 'drizzle-orm'
import { recordHash } from '#core/canonical.ts'
import type { ForeignTrace } from '#kpi/integrity/scan.ts'
import type { TelemetrySource, TraceKind } from '#kpi/integrity/traces.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import type { EventStore, TimeRange } from '#stores/events/store.ts'
import { kpiForeignDays, kpiForeignTraces } from '#stores/state/schema/kpi-integrity.ts'
import type { Database } from '#stores/state/state.ts'

export interface ForeignTraces {
  /** Looks at the days that are due; the number of cases that were named and are not known. */
  collect(nowMs: number): Promise<number>
  list(fromMs: number, toMs: number): Promise<ForeignTrace[]>
}

const msPerDay = 86_400_000
/** Of one answer of the event store; a stretch of time with more is halved. */
const groupsMax = 1000
const stretchMinMs = 1000
const rowsPerStatement = 1000
const idLengthMax = 300
const idsPerQuestion = 5000

export function createForeignTraces(
  deps: { database: Database; events: Pick<EventStore, 'groupCount' | 'stats'>; cases: Pick<CaseStore, 'known'> },
  sources: readonly TelemetrySource[],
  reportedWithinDays: number,
): ForeignTraces {
  const { database, events, cases } = deps
  // Other sources are asked about the same days anew.
  const asked = recordHash(sources).slice(0, 16)

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

  return {
    collect: async (nowMs) => {
      const { oldestMs } = await events.stats()
      if (sources.length === 0 || oldestMs === null) return 0
      const rows = await database
        .select({ day: kpiForeignDays.day })
        .from(kpiForeignDays)
        .where(eq(kpiForeignDays.sources, asked))
      const done = new Set(rows.map(({ day }) => day))
      let count = 0
      const lastDay = Math.floor(nowMs / msPerDay) - reportedWithinDays - 1
      for (let day = Math.floor(oldestMs / msPerDay); day <= lastDay; day++) {
        if (done.has(day)) continue
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
      return count
    },
    list: async (fromMs, toMs) => {
      const rows = await database
        .select()
        .from(kpiForeignTraces)
        .where(and(gte(kpiForeignTraces.atMs, fromMs), lt(kpiForeignTraces.atMs, toMs)))
      return rows.map(({ caseId, unit, kind }) => ({ caseId, unit, kind: kind as TraceKind }))
    },
  }
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
  for (const { key, firstMs } of groups) {
    const [caseId = '', unit = ''] = key
    if (caseId === '' || caseId.length > idLengthMax || unit.length > idLengthMax) continue
    yield { kind: source.kind, caseId, unit, atMs: firstMs }
  }
}
