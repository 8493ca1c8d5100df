// Cells as bytes: sorted, in blocks that can be read alone, columns one after the other, compressed. A reader that looks
// for one department opens the blocks that may hold it.
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { promisify } from 'node:util'
import { zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { crc32c } from '#core/crc32c.ts'
import { Cells, type Names } from './cells.ts'

const compress = promisify(zstdCompress)
const blockRows = 32_768
const magic = 'GLCELLS1'

export interface CellsBlock {
  offset: number
  bytes: number
  rows: number
  crc: number
  /** Lowest and highest code of each dimension. */
  min: number[]
  max: number[]
  /** Sums that are no whole parts: row, measure, numerator, denominator. */
  wide: [number, number, string, string][]
}

export interface CellsHeader {
  dimensions: number
  measures: number
  scales: number[]
  rows: number
  blocks: CellsBlock[]
  /** Of the whole file. */
  bytes: number
}

/** Lets others run in between. @param first the dimension to sort by before the others */
export async function encodeCells(cells: Cells, first: number): Promise<Buffer> {
  const width = cells.names.length
  const order = await sortedRows(cells, [
    first,
    ...Array.from({ length: width }, (_, i) => i).filter((i) => i !== first),
  ])
  const header: CellsHeader = {
    ...{ dimensions: width, measures: cells.measures, scales: cells.scales, rows: order.length },
    ...{ blocks: [], bytes: 0 },
  }
  const parts: Buffer[] = []
  let offset = 0
  for (let from = 0; from < order.length; from += blockRows) {
    const rows = order.subarray(from, from + blockRows)
    const { bytes, min, max, wide } = await encodeBlock(cells, rows)
    parts.push(bytes)
    header.blocks.push({ offset, bytes: bytes.length, rows: rows.length, crc: crc32c(bytes), min, max, wide })
    offset += bytes.length
  }
  header.bytes = offset
  const text = zstdCompressSync(Buffer.from(JSON.stringify(header)))
  const front = Buffer.alloc(magic.length + 8)
  front.write(magic, 'latin1')
  front.writeUInt32LE(text.length, magic.length)
  front.writeUInt32LE(crc32c(text), magic.length + 4)
  return Buffer.concat([front, text, ...parts])
}

/** @throws Error when the bytes are not what was written */
export function readCellsHeader(read: (offset: number, bytes: number) => Buffer): {
  header: CellsHeader
  start: number
} {
  const front = read(0, magic.length + 8)
  if (front.length < magic.length + 8 || front.toString('latin1', 0, magic.length) !== magic)
    throw new Error('it is no file of cells')
  const length = front.readUInt32LE(magic.length)
  const text = read(front.length, length)
  if (text.length !== length || crc32c(text) !== front.readUInt32LE(magic.length + 4))
    throw new Error('its header is damaged')
  return { header: JSON.parse(zstdDecompressSync(text).toString()) as CellsHeader, start: front.length + length }
}

/** @throws Error when the block is damaged */
export function decodeBlock(bytes: Buffer, block: CellsBlock, header: CellsHeader, names: readonly Names[]): Cells {
  if (bytes.length !== block.bytes || crc32c(bytes) !== block.crc) throw new Error('a block of it is damaged')
  const raw = zstdDecompressSync(bytes)
  const { rows } = block
  const stride = header.dimensions + 1
  const cells = new Cells(names, header.measures, 0)
  for (let i = 0; i < header.measures; i++) cells.scales[i] = header.scales[i]!
  // The buffer may start anywhere; typed arrays may not.
  const whole = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)
  const floats = new Float64Array(whole, 0, rows * header.measures)
  const ints = new Int32Array(whole, floats.byteLength, rows * stride)
  cells.keys = ints
  cells.rowStep = 1
  cells.columnStep = rows
  cells.counts = floats.subarray(0, rows)
  cells.sums = floats.subarray(rows)
  cells.sumStep = 1
  cells.sumColumnStep = rows
  for (const [row, measure, n, d] of block.wide)
    cells.wide.set(row * header.measures + measure, { n: BigInt(n), d: BigInt(d) })
  cells.size = rows
  return cells
}

async function encodeBlock(
  cells: Cells,
  rows: Uint32Array,
): Promise<Pick<CellsBlock, 'min' | 'max' | 'wide'> & { bytes: Buffer }> {
  const { stride, measures } = cells
  const width = stride - 1
  const ints = new Int32Array(rows.length * stride)
  const floats = new Float64Array(rows.length * measures)
  const wide: CellsBlock['wide'] = []
  const [min, max] = [new Array<number>(width).fill(Number.MAX_SAFE_INTEGER), new Array<number>(width).fill(-1)]
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    for (let column = 0; column < stride; column++) {
      const code = cells.code(row, column)
      ints[column * rows.length + i] = code
      // The last column is the signature.
      if (column === width) continue
      if (code < min[column]!) min[column] = code
      if (code > max[column]!) max[column] = code
    }
    floats[i] = cells.counts[row]!
    for (let measure = 1; measure < measures; measure++) {
      floats[measure * rows.length + i] = cells.parts(row, measure)
      const other = cells.wide.get(row * measures + measure)
      if (other) wide.push([i, measure, String(other.n), String(other.d)])
    }
  }
  const raw = Buffer.concat([Buffer.from(floats.buffer), Buffer.from(ints.buffer)])
  return { bytes: await compress(raw), min, max, wide }
}

/** Rows that still hold something, by the codes of the dimensions in that order, then by signature. */
async function sortedRows(cells: Cells, dimensions: readonly number[]): Promise<Uint32Array> {
  const rows = new Uint32Array(cells.size)
  let count = 0
  for (let row = 0; row < cells.size; row++) if (!cells.isEmpty(row)) rows[count++] = row
  let order = rows.subarray(0, count)
  // The least significant first, each pass keeping the order of the one before; codes are small and dense.
  const signatures = new Map<number, number>()
  for (const row of order) if (!signatures.has(cells.bits(row))) signatures.set(cells.bits(row), signatures.size)
  order = bySmallNumber(order, signatures.size, (row) => signatures.get(cells.bits(row))!)
  for (const dimension of [...dimensions].reverse()) {
    order = bySmallNumber(order, cells.names[dimension]!.texts.length, (row) => cells.code(row, dimension))
    await yieldToOthers()
  }
  return order
}

/** Counting sort. */
function bySmallNumber(rows: Uint32Array, numbers: number, of: (row: number) => number): Uint32Array<ArrayBuffer> {
  const starts = new Uint32Array(numbers + 1)
  for (const row of rows) starts[of(row) + 1]!++
  for (let i = 1; i <= numbers; i++) starts[i]! += starts[i - 1]!
  const sorted = new Uint32Array(rows.length)
  for (const row of rows) sorted[starts[of(row)]!++] = row
  return sorted
}
