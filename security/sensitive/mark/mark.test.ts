import { createHmac, randomBytes } from 'node:crypto'
import exceljs from 'exceljs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { createKeyedHash } from '../keyed-hash.ts'
import { createValueHash } from '../value-hash.ts'
import { rowsOfFile } from './fragment.ts'
import { log10Chance } from './likelihood.ts'
import { readTag } from './mark.ts'
import { normalCell, timeOfCell } from './normal.ts'
import { createExportRecorder, type ExportRecord } from './record.ts'
import { createHash48, SketchBuilder, sketchHas, sketchSize } from './sketch.ts'
import { createTracer, log10ChanceMax, ranked, type TracedExport } from './trace.ts'

const key = Buffer.alloc(32, 3)
const hash = createValueHash(key)
const tracer = createTracer(key)
const random = seededRandom(4)
const below = (limit: number): number => Math.floor(random.next() * limit)
const startMs = Date.UTC(2026, 10, 25)

/** Time, host, dataset, message: as a download has them. */
const rowsOf = (count: number): string[][] =>
  Array.from({ length: count }, () => [
    new Date(startMs + below(86_400_000)).toISOString(),
    `web-${below(4)}`,
    'sshd',
    `Failed password for user${below(1_000_000)} from 203.0.113.${below(256)} port ${below(60_000)} ssh2`,
  ])

interface Exported extends TracedExport {
  lines: string[][]
  record: ExportRecord
}
const exported = (id: string, rows: readonly string[][]): Exported => {
  const recorder = createExportRecorder(key, id, hash)
  const lines = rows.map((row) => recorder.row(row, (column) => column === 3))
  const record = recorder.end()
  return { id, lines, record, ...record }
}
const traced = (lines: Iterable<readonly string[]>, exports: readonly TracedExport[]) => {
  const fragment = tracer.read(lines)
  return ranked(exports.map((one) => tracer.compare(fragment, one, exports.length)))
}
const shuffled = <T>(items: readonly T[]): T[] => {
  const copy = [...items]
  for (let i = copy.length - 1; i > 0; i--) {
    const other = below(i + 1)
    ;[copy[i], copy[other]] = [copy[other]!, copy[i]!]
  }
  return copy
}

describe('the mark of an export', () => {
  const rows = rowsOf(2000)
  // The same rows, taken by four people.
  const copies = ['A', 'B', 'C', 'D'].map((id) => exported(id, rows))

  it('names the one of four copies of the same rows, of few rows and in any order', () => {
    for (const count of [2000, 200, 20, 5])
      for (const copy of copies) {
        const [first] = traced(shuffled(copy.lines).slice(0, count), copies)
        expect([count, first?.id, first?.by]).toEqual([count, copy.id, 'mark'])
      }
  })

  it('is not seen: without it the cell is what it was, and numbers, ids and times carry none', () => {
    const mark = (cell: string): string => createExportRecorder(key, 'A', hash).row([cell], () => true)[0]!
    for (const cell of [
      '10.0.0.1',
      '1795000000000',
      'a3f1c2d4-0000-4000-8000-000000000000',
      '/var/log/auth.log',
      '2026-11-25T08:00:00Z',
      '',
    ])
      expect(mark(cell)).toBe(cell)
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (cell) => {
        const marked = mark(cell)
        expect(normalCell(marked)).toBe(normalCell(cell))
        expect(marked.startsWith(cell)).toBe(true)
        if (marked !== cell) expect(readTag(marked)).toBeDefined()
      }),
    )
  })

  it('stays when columns are dropped and cells are trimmed, quoted or given a line end', () => {
    const [copy] = copies
    const lines = copy!.lines.slice(0, 12).map((row) => [`  '${row[3]!}\r\n`])
    expect(traced(lines, copies)[0]).toMatchObject({ id: 'A', by: 'mark', marks: { agree: 12 } })
  })

  it('tells rows apart that all say the same', () => {
    const same = Array.from({ length: 12 }, (_, i) => [`t${i}`, 'x', 'y', 'session opened for user root'])
    const two = [exported('F', same), exported('G', same)]
    const [first] = traced(
      shuffled(two[1]!.lines)
        .slice(0, 5)
        .map((row) => [row[3]!]),
      two,
    )
    expect(first).toMatchObject({ id: 'G', by: 'mark', marks: { read: 5, agree: 5 } })
  })

  it('of two exports mixed names both', () => {
    const other = exported('E', rowsOf(500))
    const mixed = shuffled([...copies[1]!.lines.slice(0, 30), ...other.lines.slice(0, 30)])
    const found = traced(mixed, [...copies, other]).filter(({ by }) => by === 'mark')
    expect(found.map(({ id }) => id).sort()).toEqual(['B', 'E'])
  })

  it('means nothing under another key, or when it was made up', () => {
    const foreign = createExportRecorder(randomBytes(32), 'A', hash)
    const lines = rows.slice(0, 500).map((row) => foreign.row([row[3]!], () => true))
    const found = traced(lines, copies)
    // The rows are those of all four, and nobody's marks.
    expect(found.every(({ by }) => by === 'rows')).toBe(true)
    expect(found).toHaveLength(4)
  })
})

describe('rows without any mark', () => {
  const own = exported('A', rowsOf(3000))
  const others = Array.from({ length: 30 }, (_, i) => exported(`other-${i}`, rowsOf(300)))
  const all = [own, ...others]
  const bare = (lines: readonly string[][], columns: readonly number[]) =>
    lines.map((row) => columns.map((column) => normalCell(row[column]!)))

  it('are known by their texts, and by their moments', () => {
    for (const columns of [[0, 1, 2, 3], [3], [0], [0, 1]])
      for (const count of [3000, 300, 20, 5]) {
        const [first, ...rest] = traced(bare(shuffled(own.lines).slice(0, count), columns), all)
        expect([columns, count, first?.id, first?.by, rest.length]).toEqual([columns, count, 'A', 'rows', 0])
      }
  })

  it('say nothing when only names are left, or too few', () => {
    expect(traced(bare(own.lines, [1, 2]), all)).toEqual([])
    expect(traced(bare(own.lines.slice(0, 1), [3]), all)).toEqual([])
  })

  it('of one moment are one coincidence, and whole seconds none', () => {
    const moment = own.lines.find(([time]) => !time!.endsWith('000Z'))![0]!
    const burst = Array.from({ length: 40 }, (_, i) => [moment, `a line of another system, number ${i} of it`])
    expect(traced(burst, all)).toEqual([])
    const seconds = exported(
      'S',
      Array.from({ length: 500 }, (_, i) => [new Date(startMs + i * 1000).toISOString(), `x${i}`]),
    )
    expect(traced(seconds.lines, [...all, seconds])).toEqual([])
  })

  it('of other files are attributed to nobody', () => {
    for (let i = 0; i < 300; i++) expect(traced(rowsOf(5 + below(60)), all)).toEqual([])
  })
})

describe('the chance that is told', () => {
  it('bounds the true one, and grows with the exports that were looked at', () => {
    // Of 10 fair coins, 9 or more: 11 in 1,024.
    expect(10 ** log10Chance(10, 9, 0.5)).toBeGreaterThanOrEqual(11 / 1024)
    expect(log10Chance(10, 9, 0.5)).toBeLessThan(-1.6)
    expect(log10Chance(5, 0, 0.1)).toBe(0)
    expect(log10Chance(2000, 2000, 2 ** -16)).toBeLessThan(-9000)
    const one = exported('A', rowsOf(50))
    const fragment = tracer.read(one.lines.slice(0, 3))
    const few = tracer.compare(fragment, one, 1)
    expect(tracer.compare(fragment, one, 1000).log10Chance - few.log10Chance).toBeCloseTo(3)
    expect(few.log10Chance).toBeLessThan(log10ChanceMax)
  })
})

describe('the keyed hash', () => {
  it('is HMAC-SHA-256', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.string({ unit: 'binary', maxLength: 3000 }),
        (secret, text) => {
          const digest = createKeyedHash(secret)
          const expected = createHmac('sha256', secret).update(text).digest('hex')
          expect([digest(text).toString('hex'), digest(text).toString('hex')]).toEqual([expected, expected])
        },
      ),
    )
  })
})

describe('the sketch of an export', () => {
  it('has what was put in and forgets what came twice, when once is asked for', () => {
    const of = createHash48(key, 'test')
    const builder = new SketchBuilder(5000)
    for (let i = 0; i < 3000; i++) builder.add(of(`${i}`))
    expect([builder.add(of('7')), builder.countOf(2)]).toEqual([1, 1])
    const sketch = builder.build(true)
    expect(sketchSize(sketch)).toBe(2999)
    for (let i = 0; i < 3000; i++) expect(sketchHas(sketch, of(`${i}`))).toBe(i !== 7)
    for (let i = 3000; i < 6000; i++) expect(sketchHas(sketch, of(`${i}`))).toBe(false)
    const full = new SketchBuilder(2)
    for (const text of ['a', 'b', 'c']) full.add(of(text))
    expect([sketchSize(full.build()), full.more]).toEqual([2, 1])
  })

  it('knows a moment however it is written', () => {
    const ms = Date.UTC(2026, 10, 25, 8, 0, 0, 123)
    for (const text of ['2026-11-25T08:00:00.123Z', '2026-11-25 08:00:00.123', '2026-11-25T16:00:00.123+08:00'])
      expect(timeOfCell(normalCell(text))).toBe(ms)
    expect(timeOfCell(normalCell('2026-11-25T08:00:00Z failed'))).toBeUndefined()
  })
})

describe('a file that was found', () => {
  const rows = rowsOf(30)
  const { lines } = exported('A', rows)
  const csv = lines.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\r\n')
  const all = [exported('A', rows), exported('B', rows)]
  const of = async (bytes: Buffer) => {
    const read: (readonly string[])[] = []
    for await (const row of rowsOfFile(bytes)) read.push(row)
    return traced(read, all)[0]
  }

  it('is read as CSV, with semicolons, as UTF-16, as JSON lines, as plain text and as a workbook saved again', async () => {
    const book = new exceljs.Workbook()
    const sheet = book.addWorksheet('x')
    for (const row of lines) sheet.addRow(row)
    const once = Buffer.from(await book.xlsx.writeBuffer())
    const again = new exceljs.Workbook()
    await again.xlsx.load(once as unknown as ArrayBuffer)
    const files: Record<string, Buffer> = {
      csv: Buffer.from(`\uFEFF${csv}`),
      semicolons: Buffer.from(lines.map((row) => row.join(';')).join('\n')),
      wide: Buffer.from(`\uFEFF${lines.map((row) => row.join('\t')).join('\r\n')}`, 'utf16le'),
      json: Buffer.from(lines.map((row) => JSON.stringify({ message: row[3] })).join('\n')),
      text: Buffer.from(lines.map((row) => row[3]).join('\n')),
      workbook: Buffer.from(await again.xlsx.writeBuffer()),
    }
    for (const [name, bytes] of Object.entries(files))
      expect([name, await of(bytes)]).toMatchObject([name, { id: 'A', by: 'mark' }])
  })

  it('may be anything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        if (bytes[0] === 0x50 && bytes[1] === 0x4b) return
        for await (const row of rowsOfFile(Buffer.from(bytes))) expect(Array.isArray(row)).toBe(true)
      }),
    )
    await expect(of(Buffer.from([0x50, 0x4b, 3, 4, 1, 2, 3]))).rejects.toThrow()
  })
})
