// Notes beside figures, in memory as they stand: written by who answers for the place, taken back with a reason by who wrote
// them or who judges figures, never changed.
import { asc } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { covers, type Jurisdiction, regionCovers } from '#core/jurisdiction.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { personOf } from '#stores/state/person.ts'
import { type AnnotationBody, kpiAnnotations } from '#stores/state/schema/kpi-annotations.ts'
import type { Actor, Database } from '#stores/state/state.ts'

export interface Annotation extends AnnotationBody {
  id: string
  /** Days since 1970-01-01, both included. */
  fromDay: number
  toDay: number
  writtenBy: string
  writtenMs: number
}

/** As it is kept: what was taken back was there until then. */
interface Kept extends Annotation {
  takenBackMs: number | null
}

/** Of a figure, as far as it is named; an empty indicator is any. */
export interface NotedCell {
  kpi: string
  region: string
  department: string
  fromDay: number
  toDay: number
}

/** The note is about all of the figure, or about a part of what it counts. */
export interface NoteOfCell extends Annotation {
  covers: 'whole' | 'part'
}

export interface Annotations {
  load(): Promise<void>
  /** The newest first. @param bounds notes about others alone are not shown @param atMs those that stood then; now */
  of(cell: NotedCell, bounds: Jurisdiction, atMs?: number): NoteOfCell[]
  /** @throws CodedError `auth.outside` for a place that is not theirs */
  write(actor: Actor, bounds: Jurisdiction, given: Omit<Annotation, 'id' | 'writtenBy' | 'writtenMs'>): Promise<string>
  /** @throws CodedError `not-found`, or `kpi.not-yours` when it is somebody else's */
  takeBack(actor: Actor, bounds: Jurisdiction, id: string, reason: string, mayOthers: boolean): Promise<void>
}

/** A note of more is no note. */
export const notedDaysMax = 366
const keptMax = 20_000

export function createAnnotations(database: Database, nowMs: () => number, newId: () => string): Annotations {
  const kept = new Map<string, Kept>()
  const standing = (id: string): Kept | undefined => {
    const note = kept.get(id)
    return note && note.takenBackMs === null ? note : undefined
  }
  const enter = async (
    actor: Actor,
    verb: 'written' | 'taken-back',
    { id, fromDay, toDay, kind, kpi, region, department, text }: Annotation,
    reason: string,
  ): Promise<void> => {
    const body = { kind, kpi, region, department, text }
    const row = { annotation: id, verb, fromDay, toDay, body, reason, actor: personOf(actor), atMs: nowMs() }
    await database.transaction(async (tx) => {
      await tx.insert(kpiAnnotations).values(row)
      await writeAudit(tx, actor, `kpi-annotation.${verb}`, id, { ...body, fromDay, toDay, reason })
    })
  }
  return {
    load: async () => {
      kept.clear()
      const rows = await database.select().from(kpiAnnotations).orderBy(asc(kpiAnnotations.serial))
      for (const { annotation: id, verb, fromDay, toDay, body, actor, atMs } of rows)
        if (verb === 'written')
          kept.set(id, { id, fromDay, toDay, ...body, writtenBy: actor, writtenMs: atMs, takenBackMs: null })
        else kept.set(id, { ...kept.get(id)!, takenBackMs: atMs })
    },
    of: (cell, bounds, atMs = Number.POSITIVE_INFINITY) =>
      [...kept.values()]
        .filter(({ writtenMs, takenBackMs }) => writtenMs <= atMs && (takenBackMs === null || takenBackMs > atMs))
        .filter((one) => isSeen(one, bounds))
        .flatMap(({ takenBackMs: _, ...one }): NoteOfCell[] => {
          const of = reachOf(one, cell)
          return of ? [{ ...one, covers: of }] : []
        })
        .sort((a, b) => b.fromDay - a.fromDay || b.writtenMs - a.writtenMs),
    write: async (actor, bounds, given) => {
      if (!covers(bounds, placeOf(given))) throw new CodedError('auth.outside')
      if (kept.size >= keptMax) throw new CodedError('body.too-many', { limit: keptMax })
      const id = `n-${newId()}`
      const note = { ...given, id, writtenBy: personOf(actor), writtenMs: nowMs() }
      await enter(actor, 'written', note, '')
      kept.set(id, { ...note, takenBackMs: null })
      return id
    },
    takeBack: async (actor, bounds, id, reason, mayOthers) => {
      const note = standing(id)
      if (!note || !isSeen(note, bounds)) throw new CodedError('not-found', { what: `The note ${id.slice(0, 64)}` })
      if (!covers(bounds, placeOf(note))) throw new CodedError('auth.outside')
      if (note.writtenBy !== personOf(actor) && !mayOthers) throw new CodedError('kpi.not-yours')
      await enter(actor, 'taken-back', note, reason)
      kept.set(id, { ...note, takenBackMs: nowMs() })
    },
  }
}

function placeOf({ region, department }: Pick<Annotation, 'region' | 'department'>) {
  return { region: region.padEnd(6, '0'), department }
}

/** About all of theirs, or about something of theirs. */
function isSeen(note: Annotation, { regions, departments }: Jurisdiction): boolean {
  const { region, department } = placeOf(note)
  return (
    (note.region === '' ||
      regions.length === 0 ||
      regions.some((own) => regionCovers(own, region) || regionCovers(region, own))) &&
    (department === '' || departments.length === 0 || departments.includes(department))
  )
}

/** @returns undefined when the note is about something else or another time */
export function reachOf(note: Omit<Annotation, 'id' | 'writtenBy' | 'writtenMs'>, cell: NotedCell) {
  if (note.toDay < cell.fromDay || note.fromDay > cell.toDay) return undefined
  if (note.kpi !== '' && cell.kpi !== '' && note.kpi !== cell.kpi) return undefined
  const [wide, narrow] = [cell.region.startsWith(note.region), note.region.startsWith(cell.region)]
  if (!wide && !narrow) return undefined
  if (note.department !== '' && cell.department !== '' && note.department !== cell.department) return undefined
  return wide && (note.department === '' || note.department === cell.department) ? 'whole' : 'part'
}
