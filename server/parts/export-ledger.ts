// Every download, written down before its first byte leaves: who, what, when; and, once it ended, what was in it,
// as keyed hashes. From these a file that got out is traced back.
import { createHash, randomBytes } from 'node:crypto'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { desc, eq, inArray, lt } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import { readFragment } from '#security/sensitive/mark/read-file.ts'
import { createExportRecorder, type ExportRecorder, valueHash48 } from '#security/sensitive/mark/record.ts'
import { sketchHas } from '#security/sensitive/mark/sketch.ts'
import { type Attribution, createTracer, ranked } from '#security/sensitive/mark/trace.ts'
import type { ValueHash } from '#security/sensitive/value-hash.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { exportLedger } from '#stores/state/schema/index.ts'
import type { Actor, Database } from '#stores/state/state.ts'

export interface ExportStart {
  subject: string
  format: string
  query: string
  fromMs: number
  toMs: number
  columns: readonly string[]
  jurisdiction: Jurisdiction
  isMarked: boolean
  isMasked: boolean
}

/** A file or feed that leaves as it is. */
export type FileStart = Pick<ExportStart, 'subject' | 'format' | 'query' | 'jurisdiction'>

export interface FileEnd {
  bytes: number
  rows: number
  sha256: string
  complete: boolean
}

export interface ExportEnd extends Record<string, unknown> {
  rows: number
  complete: boolean
}

export interface ExportEntry extends Omit<ExportStart, 'jurisdiction' | 'columns'> {
  id: string
  atMs: number
  actor: string
  role: string
  address: string
  columns: string[]
  regions: string[]
  departments: string[]
  endedMs: number | null
  isComplete: boolean
  rows: number
  markedCells: number
  kinds: Record<string, number>
  sha256: string | null
  bytes: number
}

export interface Traced {
  lines: number
  markedRows: number
  tellingRows: number
  exportsCompared: number
  found: (Omit<Attribution, 'by'> & { by: Attribution['by'] | 'hash'; entry: ExportEntry })[]
}

export interface ExportLedger {
  begin(actor: Actor, start: ExportStart): Promise<{ id: string; recorder: ExportRecorder }>
  /** With a row in the audit trail, in one transaction. */
  end(actor: Actor, id: string, recorder: ExportRecorder, detail: ExportEnd): Promise<void>
  /** Before its first byte leaves. */
  beginFile(actor: Actor, start: FileStart): Promise<string>
  endFile(actor: Actor, id: string, subject: string, end: FileEnd): Promise<void>
  list(limit: number, beforeMs?: number): Promise<ExportEntry[]>
  /** @throws CodedError `body.invalid` when the file cannot be read */
  trace(file: Uint8Array): Promise<Traced>
  /** Exports in which a value was. */
  holding(hash: string): Promise<ExportEntry[]>
  forgetBefore(ms: number): Promise<void>
}

/** Crockford's base32: no letter is taken for another. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const idChars = 10
const foundMax = 50
const pageSize = 20

export function createExportLedger(deps: {
  database: Database
  clock: Clock
  key: Uint8Array
  hash: ValueHash
}): ExportLedger {
  const { database, clock, key, hash } = deps
  const tracer = createTracer(key)

  const entries = async (ids: readonly string[]): Promise<Map<string, ExportEntry>> => {
    if (ids.length === 0) return new Map()
    const rows = await database
      .select(shown)
      .from(exportLedger)
      .where(inArray(exportLedger.id, [...ids]))
    return new Map(rows.map((row) => [row.id, row]))
  }
  /** A few at a time: sketches are large. */
  const eachSketched = async (visit: (row: typeof exportLedger.$inferSelect) => void): Promise<number> => {
    const ids = await database.select({ id: exportLedger.id }).from(exportLedger).orderBy(desc(exportLedger.atMs))
    for (let from = 0; from < ids.length; from += pageSize) {
      const page = ids.slice(from, from + pageSize).map(({ id }) => id)
      for (const row of await database.select().from(exportLedger).where(inArray(exportLedger.id, page))) {
        visit(row)
        await yieldToOthers()
      }
    }
    return ids.length
  }

  return {
    begin: async (actor, { jurisdiction, columns, ...start }) => {
      const id = newId()
      await database.insert(exportLedger).values({
        ...{ id, atMs: clock.nowMs(), ...start, columns: [...columns] },
        ...{ regions: jurisdiction.regions, departments: jurisdiction.departments },
        ...{ actorKind: actor.kind, actorId: actor.id, actor: actor.name, role: actor.role, address: actor.address },
      })
      return { id, recorder: createExportRecorder(key, id, hash) }
    },
    end: async (actor, id, recorder, detail) => {
      const record = recorder.end()
      const { rows, complete: isComplete } = detail
      await database.transaction(async (tx) => {
        await tx
          .update(exportLedger)
          .set({ ...record, rows, isComplete, endedMs: clock.nowMs() })
          .where(eq(exportLedger.id, id))
        await writeAudit(tx, actor, 'events.export', 'events', { export: id, ...detail, kinds: record.kinds })
      })
    },
    beginFile: async (actor, { jurisdiction, ...start }) => {
      const id = newId()
      const atMs = clock.nowMs()
      await database.insert(exportLedger).values({
        ...{ id, atMs, ...start, fromMs: 0, toMs: atMs, columns: [], isMarked: false, isMasked: true },
        ...{ regions: jurisdiction.regions, departments: jurisdiction.departments },
        ...{ actorKind: actor.kind, actorId: actor.id, actor: actor.name, role: actor.role, address: actor.address },
      })
      return id
    },
    endFile: async (actor, id, subject, { bytes, rows, sha256, complete: isComplete }) => {
      await database.transaction(async (tx) => {
        await tx
          .update(exportLedger)
          .set({ bytes, rows, sha256, isComplete, endedMs: clock.nowMs() })
          .where(eq(exportLedger.id, id))
        await writeAudit(tx, actor, 'file.export', subject, { export: id, bytes, rows, sha256, complete: isComplete })
      })
    },
    list: (limit, beforeMs) =>
      database
        .select(shown)
        .from(exportLedger)
        .where(beforeMs === undefined ? undefined : lt(exportLedger.atMs, beforeMs))
        .orderBy(desc(exportLedger.atMs))
        .limit(limit),
    trace: async (file) => {
      const fragment = await readFragment(file, key)
      const total = await database.$count(exportLedger)
      const compared: Omit<Attribution, 'isOutmarked'>[] = []
      const none = Buffer.alloc(0)
      await eachSketched(({ id, cells, times, timeDensity, sharedRate }) => {
        const one = { id, cells: cells ?? none, times: times ?? none, timeDensity, sharedRate }
        compared.push(tracer.compare(fragment, one, total))
      })
      const found = ranked(compared).slice(0, foundMax)
      // The same bytes: no chance is left. Briefs, reports and feeds carry no mark and are found by this alone.
      const sha256 = createHash('sha256').update(file).digest('hex')
      const same = await database
        .select({ id: exportLedger.id })
        .from(exportLedger)
        .where(eq(exportLedger.sha256, sha256))
        .orderBy(desc(exportLedger.atMs))
        .limit(foundMax)
      const known = await entries([...same, ...found].map(({ id }) => id))
      const byHash = same.map(({ id }) => ({ id, by: 'hash' as const, ...sameBytes, entry: known.get(id)! }))
      return {
        ...{ lines: fragment.lines, markedRows: fragment.marks.length, tellingRows: fragment.rows.length },
        exportsCompared: compared.length,
        found: [...byHash, ...found.map((one) => ({ ...one, entry: known.get(one.id)! }))],
      }
    },
    holding: async (value) => {
      const wanted = valueHash48(value)
      const ids: string[] = []
      await eachSketched(({ id, values }) => {
        if (values && sketchHas(values, wanted)) ids.push(id)
      })
      const known = await entries(ids)
      return ids.map((id) => known.get(id)!)
    },
    forgetBefore: async (ms) => {
      await database.delete(exportLedger).where(lt(exportLedger.atMs, ms))
    },
  }
}

const sameBytes = {
  ...{ marks: { read: 0, agree: 0 }, rows: { read: 0, held: 0 }, log10Chance: -77, isOutmarked: false },
}

/** All but the sketches. */
const shown = {
  ...{ id: exportLedger.id, atMs: exportLedger.atMs, endedMs: exportLedger.endedMs },
  ...{ actor: exportLedger.actor, role: exportLedger.role, address: exportLedger.address },
  ...{ subject: exportLedger.subject, format: exportLedger.format, query: exportLedger.query },
  ...{ fromMs: exportLedger.fromMs, toMs: exportLedger.toMs, columns: exportLedger.columns },
  ...{ regions: exportLedger.regions, departments: exportLedger.departments, kinds: exportLedger.kinds },
  ...{ isMarked: exportLedger.isMarked, isMasked: exportLedger.isMasked, isComplete: exportLedger.isComplete },
  ...{ rows: exportLedger.rows, markedCells: exportLedger.markedCells },
  ...{ sha256: exportLedger.sha256, bytes: exportLedger.bytes },
}

function newId(): string {
  return Array.from(randomBytes(idChars), (byte) => alphabet[byte & 31]).join('')
}
