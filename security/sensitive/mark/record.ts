// Takes note of an export while it leaves: puts the marks on, and remembers what was in it as keyed hashes.
import type { ValueHash } from '../value-hash.ts'
import { createMarks } from './mark.ts'
import { isTelling, isTellingTime, normalCell, timeOfCell } from './normal.ts'
import { createHash48, SketchBuilder } from './sketch.ts'

export interface ExportRecord {
  /** Cells that say enough to be told from others, once each. */
  cells: Buffer
  /** Moments, in milliseconds. */
  times: Buffer
  /** Sensitive values that were in it, masked or not. */
  values: Buffer
  /** Times they occurred, by kind. */
  kinds: Record<string, number>
  /** Of all milliseconds of the ten seconds that hold most of them, so many are moments of it. */
  timeDensity: number
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
  const mark = createMarks(key).marker(exportId)
  const [cellHash, timeHash] = [createHash48(key, 'cell'), createHash48(key, 'time')]
  const cells = new SketchBuilder(hashesMax)
  const times = new SketchBuilder(hashesMax)
  const values = new SketchBuilder(hashesMax)
  const kinds: Record<string, number> = {}
  const moments = new Map<number, Set<number>>()
  let markedCells = 0
  return {
    sensitive: (kind, value) => {
      kinds[kind] = (kinds[kind] ?? 0) + 1
      values.add(valueHash48(hash(value)))
    },
    row: (row, isMarked) =>
      row.map((cell, i) => {
        const normal = normalCell(cell)
        const ms = timeOfCell(normal)
        if (ms !== undefined) {
          if (isTellingTime(ms)) {
            times.add(timeHash(String(ms)))
            noteMoment(moments, ms)
          }
        } else if (isTelling(normal)) cells.add(cellHash(normal), true)
        if (!isMarked(i)) return cell
        const marked = mark(cell)
        if (marked !== cell) markedCells++
        return marked
      }),
    end: () => ({
      ...{ cells: cells.build(), times: times.build(), values: values.build() },
      ...{ kinds, markedCells, timeDensity: densityOf(moments) },
    }),
  }
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
