// From a file that got out back to the export it came from: by the marks that its cells carry, and by the rows that it
// shares with an export. Each answer says how likely chance alone would give it, over all exports that were looked at.
import { log10Chance } from './likelihood.ts'
import { createMarks, type Half, tagChance, tagOf } from './mark.ts'
import { isTelling, normalCell, timeOfCell } from './normal.ts'
import { createHash48, sketchHas, sketchSize } from './sketch.ts'

export interface TracedExport {
  id: string
  cells: Buffer
  times: Buffer
  fromMs: number | null
  toMs: number | null
}

export interface Attribution {
  id: string
  /** Different cells that carry a mark, and those whose mark is this export's. */
  marks: { read: number; agree: number }
  /** Different rows that say something, and those that this export held. */
  rows: { read: number; held: number }
  /** log10 of the chance that a file which has nothing to do with any export looks so. */
  log10Chance: number
  /** What it rests on, the stronger of both. */
  by: 'mark' | 'rows'
  /** Its marks are another's: who took the rows from there is not who exported them here. */
  isOutmarked: boolean
}

/** Shown from here on: one in a thousand files would be named wrongly at most. */
export const log10ChanceMax = -3
/**
 * Assumed, and on the safe side of what was measured (docs/benchmarks.md): one line in a hundred of a file that has
 * nothing to do with an export is also in it, word for word.
 */
const sharedLine = 0.01
/** Enough to be sure of, few enough to compare with every export. */
const comparedMax = 2000
const readMax = 50_000
const rowCellsMax = 200

interface Row {
  cells: number[]
  times: number[]
}

export interface Fragment {
  marks: { tag: number; cell: Half }[]
  rows: Row[]
  /** Lines that were read, and cells without anything in them to go by. */
  lines: number
}

export function createTracer(key: Uint8Array) {
  const marks = createMarks(key)
  const [cellHash, timeHash] = [createHash48(key, 'cell'), createHash48(key, 'time')]

  return {
    /** The same cell or row twice is one. */
    read: (lines: Iterable<readonly string[]>): Fragment => {
      const read = new Map<string, Fragment['marks'][number]>()
      const rows = new Map<string, Row>()
      let count = 0
      for (const line of lines) {
        count++
        const row: Row = { cells: [], times: [] }
        for (const cell of line.slice(0, rowCellsMax)) {
          const normal = normalCell(cell)
          if (normal === '') continue
          const mark = read.size < comparedMax && !read.has(normal) ? marks.read(cell) : undefined
          if (mark) read.set(normal, mark)
          const ms = timeOfCell(normal)
          if (ms !== undefined) row.times.push(timeHash(String(ms)))
          else if (isTelling(normal)) row.cells.push(cellHash(normal))
        }
        if (rows.size < readMax && row.cells.length + row.times.length > 0)
          rows.set([...row.cells, ...row.times].join(), row)
      }
      return { marks: [...read.values()], rows: sampled([...rows.values()]), lines: count }
    },
    /** Of one export; the caller goes through all of them and says how many there are. */
    compare: (fragment: Fragment, one: TracedExport, exports: number): Omit<Attribution, 'isOutmarked'> => {
      const own = marks.exportHalf(one.id)
      let agree = 0
      for (const { tag, cell } of fragment.marks) if (tagOf(cell, own) === tag) agree++
      let held = 0
      for (const row of fragment.rows)
        if (
          row.cells.some((hash) => sketchHas(one.cells, hash)) ||
          row.times.some((hash) => sketchHas(one.times, hash))
        )
          held++
      const all = Math.log10(Math.max(1, exports))
      const byMark = all + log10Chance(fragment.marks.length, agree, tagChance)
      const byRows = all + log10Chance(fragment.rows.length, held, sharedLine + timeDensity(one))
      return {
        id: one.id,
        marks: { read: fragment.marks.length, agree },
        rows: { read: fragment.rows.length, held },
        log10Chance: Math.min(0, byMark, byRows),
        by: byMark <= log10ChanceMax ? 'mark' : 'rows',
      }
    },
  }
}
export type Tracer = ReturnType<typeof createTracer>

/** From all over the file, and the same each time: the hashes are as good as random. */
function sampled(rows: Row[]): Row[] {
  if (rows.length <= comparedMax) return rows
  const first = (row: Row): number => row.cells[0] ?? row.times[0]!
  return rows.sort((a, b) => first(a) - first(b)).slice(0, comparedMax)
}

/** Of all milliseconds between its first and its last, so many are in it: an unrelated file of that time hits as often. */
function timeDensity({ times, fromMs, toMs }: TracedExport): number {
  return fromMs === null || toMs === null ? 0 : Math.min(1, sketchSize(times) / (toMs - fromMs + 1000))
}

/** Those that fit, the most telling first: marks name the one copy, rows all exports that held them. */
export function ranked(found: readonly Omit<Attribution, 'isOutmarked'>[]): Attribution[] {
  const fitting = found.filter((one) => one.log10Chance <= log10ChanceMax)
  const hasMarks = fitting.some(({ by }) => by === 'mark')
  return fitting
    .map((one) => ({ ...one, isOutmarked: hasMarks && one.by === 'rows' }))
    .sort(
      (a, b) =>
        (a.by === b.by ? 0 : a.by === 'mark' ? -1 : 1) ||
        b.marks.agree - a.marks.agree ||
        b.rows.held - a.rows.held ||
        a.log10Chance - b.log10Chance,
    )
}
