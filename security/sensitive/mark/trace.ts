// From a file that got out back to the export it came from: by the marks that its cells carry, and by the rows that it
// shares with an export. Each answer says how likely chance alone would give it, over all exports that were looked at.
import { log10Chance } from './likelihood.ts'
import { createMarks, type Half, tagChance, tagOf } from './mark.ts'
import { isTelling, isTellingTime, normalCell, timeOfCell } from './normal.ts'
import { createHash48, sketchHas } from './sketch.ts'

export interface TracedExport {
  id: string
  cells: Buffer
  times: Buffer
  timeDensity: number
}

export interface Attribution {
  id: string
  /** Different rows that carry a mark, and those whose mark is this export's. */
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
const marksPerRowMax = 4

interface Row {
  cells: number[]
  times: number[]
}

export interface Fragment {
  /** By row: a line of text may be read in two ways, as cells and as a whole. */
  marks: { tag: number; cell: Half }[][]
  rows: Row[]
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
        const own: Fragment['marks'][number] = []
        let cellsOfMarks = ''
        for (const cell of line.slice(0, rowCellsMax)) {
          const normal = normalCell(cell)
          if (normal === '') continue
          const mark = read.size < comparedMax && own.length < marksPerRowMax ? marks.read(cell) : undefined
          if (mark) {
            own.push(mark)
            cellsOfMarks += `${normal}\n`
          }
          const ms = timeOfCell(normal)
          if (ms !== undefined) {
            if (isTellingTime(ms)) row.times.push(timeHash(String(ms)))
          } else if (isTelling(normal)) row.cells.push(cellHash(normal))
        }
        if (own.length > 0) read.set(cellsOfMarks, own)
        if (rows.size < readMax && row.cells.length + row.times.length > 0)
          rows.set([...row.cells, ...row.times].join(), row)
      }
      return { marks: [...read.values()], rows: sampled([...rows.values()]), lines: count }
    },
    /** Of one export; the caller goes through all of them and says how many there are. */
    compare: (fragment: Fragment, one: TracedExport, exports: number): Omit<Attribution, 'isOutmarked'> => {
      const own = marks.exportHalf(one.id)
      let agree = 0
      let candidates = 0
      for (const row of fragment.marks) {
        candidates += row.length
        if (row.some(({ tag, cell }) => tagOf(cell, own) === tag)) agree++
      }
      const held = heldRows(fragment.rows, one)
      const markChance = (tagChance * candidates) / Math.max(1, fragment.marks.length)
      const all = Math.log10(Math.max(1, exports))
      const byMark = all + log10Chance(fragment.marks.length, agree, markChance)
      const byRows = all + log10Chance(fragment.rows.length, held, sharedLine + one.timeDensity)
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

/** A row counts by something that no row before it counted by: a hundred rows of one moment are one coincidence. */
function heldRows(rows: readonly Row[], { cells, times }: TracedExport): number {
  const counted = new Set<number>()
  let held = 0
  for (const row of rows) {
    const telling =
      row.cells.find((hash) => !counted.has(hash) && sketchHas(cells, hash)) ??
      row.times.find((hash) => !counted.has(hash) && sketchHas(times, hash))
    if (telling === undefined) continue
    counted.add(telling)
    held++
  }
  return held
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
