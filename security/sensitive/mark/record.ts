// Takes note of an export while it leaves: puts the marks on, and remembers what was in it as keyed hashes.
import type { ValueHash } from '../value-hash.ts'
import { createMarks } from './mark.ts'
import { isTelling, normalCell, timeOfCell } from './normal.ts'
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
  /** Of the moments; null when there is none. */
  fromMs: number | null
  toMs: number | null
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
  let fromMs: number | null = null
  let toMs: number | null = null
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
          times.add(timeHash(String(ms)))
          fromMs = Math.min(fromMs ?? ms, ms)
          toMs = Math.max(toMs ?? ms, ms)
        } else if (isTelling(normal)) cells.add(cellHash(normal), true)
        if (!isMarked(i)) return cell
        const marked = mark(cell)
        if (marked !== cell) markedCells++
        return marked
      }),
    end: () => ({
      ...{ cells: cells.build(), times: times.build(), values: values.build() },
      ...{ kinds, fromMs, toMs, markedCells },
    }),
  }
}

/** The first 48 of its 64 bits. */
export function valueHash48(hash: string): number {
  return Buffer.from(hash, 'base64url').readUIntBE(0, 6)
}
