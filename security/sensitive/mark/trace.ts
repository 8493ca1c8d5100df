// From a file that got out back to the export it came from: by the marks that its cells carry, and by the rows that it
// shares with an export. Each answer says how likely chance alone would give it, over all exports that were looked at.
import { log10Chance } from './likelihood.ts'
import { agrees, type CellDigest, createMarks, readTag, tagChance } from './mark.ts'
import { isTelling, isTellingTime, normalCell, timeOfCell } from './normal.ts'
import { createHash48, sketchHas } from './sketch.ts'

export interface TracedExport {
  id: string
  cells: Buffer
  times: Buffer
  timeDensity: number
  sharedRate: number
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
/** A line of an unrelated file is in an export by accident at least so often, whatever the export says of itself. */
const sharedRateMin = 0.01
/** And a moment, for what arrives together has one. */
const timeRateMin = 0.02
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
  marks: { tag: number; cell: CellDigest }[][]
  rows: Row[]
  lines: number
}

export function createTracer(key: Uint8Array) {
  const marks = createMarks(key)
  const timeHash = createHash48(key, 'time')

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
          const tag = read.size < comparedMax && own.length < marksPerRowMax ? readTag(cell) : undefined
          const ms = timeOfCell(normal)
          const telling = ms === undefined && isTelling(normal)
          if (ms !== undefined && isTellingTime(ms)) row.times.push(timeHash(String(ms)))
          if (tag === undefined && !telling) continue
          const digest = marks.cell(normal)
          if (telling) row.cells.push(digest.hash)
          if (tag === undefined) continue
          own.push({ tag, cell: digest })
          // The same text with another mark is another one of its rows.
          cellsOfMarks += `${digest.hash} ${tag}\n`
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
        if (row.some(({ tag, cell }) => agrees(tag, cell, own))) agree++
      }
      const held = heldRows(fragment.rows, one)
      const markChance = (tagChance * candidates) / Math.max(1, fragment.marks.length)
      const all = Math.log10(Math.max(1, exports))
      const byMark = all + log10Chance(fragment.marks.length, agree, markChance)
      const byCells = log10Chance(held.withCells, held.byCells, Math.max(sharedRateMin, one.sharedRate))
      const byTimes = log10Chance(held.moments, held.byMoments, Math.max(timeRateMin, one.timeDensity))
      const byRows = all + both(byCells, byTimes)
      return {
        id: one.id,
        marks: { read: fragment.marks.length, agree },
        rows: { read: fragment.rows.length, held: held.rows },
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

/** A row counts by a cell that no row before it counted by, a moment once: a hundred rows of one are one coincidence. */
function heldRows(rows: readonly Row[], { cells, times }: TracedExport) {
  const counted = new Set<number>()
  const moments = new Map<number, boolean>()
  const held = { rows: 0, withCells: 0, byCells: 0, moments: 0, byMoments: 0 }
  for (const row of rows) {
    if (row.cells.length > 0) held.withCells++
    const cell = row.cells.find((hash) => !counted.has(hash) && sketchHas(cells, hash))
    if (cell !== undefined) {
      counted.add(cell)
      held.byCells++
    }
    let isNew = false
    for (const time of row.times) {
      if (moments.has(time)) continue
      const isHeld = sketchHas(times, time)
      moments.set(time, isHeld)
      if (isHeld) isNew = true
    }
    if (cell !== undefined || isNew) held.rows++
  }
  held.moments = moments.size
  for (const isHeld of moments.values()) if (isHeld) held.byMoments++
  return held
}

/** Fisher: that the product of two independent chances is at most x has the chance x (1 - ln x). */
function both(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b
  const x = a + b
  return Math.min(0, x + Math.log10(1 - x * Math.LN10))
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
