// Takes note of an export while it leaves: puts the marks on, and remembers what was in it as keyed hashes.
import type { ValueHash } from '../value-hash.ts'
import { createMarks, isFreeText, marked } from './mark.ts'
import { isTelling, isTellingTime, normalCell, timeOfCell } from './normal.ts'
import { createHash48, SketchBuilder } from './sketch.ts'

export interface ExportRecord {
  /** Cells that say enough to be told from others, once each. */
  cells: Buffer
  /** Moments, in milliseconds, of one row each. */
  times: Buffer
  /** Sensitive values that were in it, masked or not. */
  values: Buffer
  /** Times they occurred, by kind. */
  kinds: Record<string, number>
  /** Of all milliseconds of the ten seconds that hold most of them, so many are moments of it. */
  timeDensity: number
  /** A row of the same systems at another time shares a kept cell with this export so often, estimated from above. */
  sharedRate: number
  markedCells: number
}

export interface ExportRecorder {
  /** Seen before it was masked. */
  sensitive(kind: string, value: string): void
  /** A row as it leaves; the marks are put on where `isMarked` says so. */
  row(cells: readonly string[], isMarked: (column: number) => boolean): string[]
  end(): ExportRecord
}

const hashesMax = 300_000

export function createExportRecorder(key: Uint8Array, exportId: string, hash: ValueHash): ExportRecorder {
  const marks = createMarks(key)
  const own = marks.exportHalf(exportId)
  const timeHash = createHash48(key, 'time')
  const cells = new SketchBuilder(hashesMax)
  const times = new SketchBuilder(hashesMax)
  const values = new SketchBuilder(hashesMax)
  const kinds: Record<string, number> = {}
  const moments = new Map<number, Set<number>>()
  let markedCells = 0
  let rows = 0
  const cellOf = (cell: string, mayMark: boolean): string => {
    const normal = normalCell(cell)
    const ms = timeOfCell(normal)
    if (ms !== undefined) {
      if (isTellingTime(ms)) {
        times.add(timeHash(String(ms)))
        noteMoment(moments, ms)
      }
      return cell
    }
    const isMarked = mayMark && isFreeText(cell)
    const telling = isTelling(normal)
    if (!isMarked && !telling) return cell
    const digest = marks.cell(normal)
    const turn = cells.add(digest.hash)
    if (!isMarked) return cell
    markedCells++
    return marked(cell, digest, own, turn)
  }
  return {
    sensitive: (kind, value) => {
      kinds[kind] = (kinds[kind] ?? 0) + 1
      values.add(valueHash48(hash(value)))
    },
    row: (row, isMarked) => {
      rows++
      return row.map((cell, i) => cellOf(cell, isMarked(i)))
    },
    end: () => ({
      ...{ cells: cells.build(true), times: times.build(true), values: values.build() },
      ...{ kinds, markedCells, timeDensity: densityOf(moments), sharedRate: sharedRateOf(cells.countOf(2), rows) },
    }),
  }
}

/**
 * Good and Turing (1953): what came once comes again with the next row as often as 2 N₂ of n, where N₂ are those that
 * came twice. Three standard deviations and a few are added: of a small export little is known.
 */
function sharedRateOf(twice: number, rows: number): number {
  return rows === 0 ? 1 : Math.min(1, (2 * (twice + 3 * Math.sqrt(twice) + 3)) / rows)
}

const stretchMs = 10_000
const momentsMax = 500_000

function noteMoment(moments: Map<number, Set<number>>, ms: number): void {
  const stretch = Math.floor(ms / stretchMs)
  let own = moments.get(stretch)
  if (!own) {
    if (moments.size >= momentsMax) return
    own = new Set()
    moments.set(stretch, own)
  }
  own.add(ms % stretchMs)
}

const densityOf = (moments: ReadonlyMap<number, ReadonlySet<number>>): number =>
  [...moments.values()].reduce((most, { size }) => Math.max(most, size / stretchMs), 0)

/** The first 48 of its 64 bits. */
export function valueHash48(hash: string): number {
  return Buffer.from(hash, 'base64url').readUIntBE(0, 6)
}
