// Downloads traced back: how often what is left of a leaked file names the right download, how often other files name one,
// what it costs. The downloads are made of a generated stream and, where ../shared/data is there, of real log lines
// (loghub), of which the other half are the other files.
// npm run bench:trace [-- trials others]
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import exceljs from 'exceljs'
import { seededRandom } from '#core/random.ts'
import { rowsOfFile } from '#security/sensitive/mark/fragment.ts'
import { symbols } from '#security/sensitive/mark/normal.ts'
import { createExportRecorder } from '#security/sensitive/mark/record.ts'
import { createTracer, ranked, type TracedExport } from '#security/sensitive/mark/trace.ts'
import { createValueHash } from '#security/sensitive/value-hash.ts'

type Row = readonly string[]
interface Exported extends TracedExport {
  lines: Row[]
}

const trials = Number(process.argv[2] ?? 200)
const others = Number(process.argv[3] ?? 10_000)
const key = Buffer.alloc(32, 5)
const hash = createValueHash(key)
const tracer = createTracer(key)
const random = seededRandom(2026)
const below = (limit: number): number => Math.floor(random.next() * limit)
const pick = <T>(items: readonly T[]): T => items[below(items.length)]!
const startMs = Date.UTC(2026, 10, 20)
const messageColumn = 3

const words = ['accepted', 'refused', '已受理', '已退回', 'forwarded', '补正', 'queued', '办结']
/** Time, host, dataset, message; two thirds of the messages come again and again. */
const streamRow = (atMs: number): Row => {
  const n = below(9)
  const message =
    n < 2
      ? `session opened for user ${pick(['root', 'deploy', 'backup'])} by (uid=0)`
      : n < 4
        ? `Started Session ${below(40)} of user root.`
        : n < 6
          ? `GET /api/${pick(['items', 'people', 'permits'])} ${pick(['200', '304', '404'])} in ${below(90)} ms`
          : `application ${below(5_000_000)} ${pick(words)} at window ${below(30)} by clerk-${below(400)}`
  return [new Date(atMs).toISOString(), `web-${below(12)}`, 'app', message]
}
const stream = (count: number, fromMs: number, lengthMs: number): Row[] => {
  const times = Array.from({ length: count }, () => fromMs + below(lengthMs)).sort((a, b) => a - b)
  return times.map(streamRow)
}

let cpuUs = 0
let recorded = 0
const exported = (id: string, rows: readonly Row[]): Exported => {
  const before = process.cpuUsage()
  const recorder = createExportRecorder(key, id, hash)
  const lines = rows.map((row) => recorder.row(row, (column) => column === messageColumn))
  const record = recorder.end()
  const { user, system } = process.cpuUsage(before)
  cpuUs += user + system
  recorded += rows.length
  return { id, lines, ...record }
}

// Thirty hours of a stream; windows of it are downloaded, each third one by three people.
const hourMs = 3_600_000
const source = stream(60_000, startMs, 30 * hourMs)
const generated: Exported[] = []
for (let i = 0; generated.length < 60; i++) {
  const size = 50 + below(4000)
  const from = below(source.length - size)
  for (let copy = 0; copy < (i % 3 === 0 ? 3 : 1); copy++)
    generated.push(exported(`stream-${i}-${copy}`, source.slice(from, from + size)))
}

const loghub = join(import.meta.dirname, '../../shared/data/logs/loghub_2k_corrected')
const systems = ['Apache', 'BGL', 'HDFS', 'Hadoop', 'HealthApp', 'Linux', 'OpenSSH', 'Zookeeper']
const real = existsSync(loghub)
  ? systems.map((system) => {
      const text = gunzipSync(readFileSync(join(loghub, system, `${system}_2k.log.gz`))).toString()
      // Without its head: the time is not what gives it away.
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map(
          (line): Row => [
            `${system}-host`,
            '',
            '',
            line.includes('|') ? line.split('|').at(-1)! : line.split(/\s+/).slice(5).join(' '),
          ],
        )
    })
  : []
const fromReal = real.flatMap((lines, i) =>
  Array.from({ length: 5 }, (_, n) => {
    const size = 100 + below(800)
    const from = below(1000 - size)
    return exported(`${systems[i]}-${n}`, lines.slice(from, from + size))
  }),
)
const exports = [...generated, ...fromReal]

const traced = (lines: Iterable<Row>) => {
  const fragment = tracer.read(lines)
  return ranked(exports.map((one) => tracer.compare(fragment, one, exports.length)))
}
const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => [random.next(), item] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([, item]) => item)
const bare = (cell: string): string => cell.replace(new RegExp(symbols.join('|'), 'g'), '')
const whole = (row: Row): Row => row
const columns: Record<string, (row: Row) => Row> = {
  'all columns': whole,
  'message alone': (row) => [row[messageColumn]!],
  'no marks, all columns': (row) => row.map(bare),
  'no marks, message alone': (row) => [bare(row[messageColumn]!)],
  'no marks, time alone': (row) => [row[0]!],
  'host and dataset alone': (row) => [row[1]!, row[2]!],
}
const left: Record<string, (rows: readonly Row[]) => Row[]> = {
  '100 %': (rows) => [...rows],
  '10 %': (rows) => rows.slice(0, Math.max(1, Math.round(rows.length / 10))),
  '20 rows': (rows) => rows.slice(0, 20),
  '5 rows': (rows) => rows.slice(0, 5),
}

console.log(`${exports.length} downloads of 50 to 4,050 rows; ${trials} trials each; rows shuffled`)
const recovery: Record<string, Record<string, string>> = {}
for (const [what, cut] of Object.entries(columns)) {
  const row: Record<string, string> = {}
  for (const [how, take] of Object.entries(left)) {
    let named = 0
    let first = 0
    let wrong = 0
    for (let i = 0; i < trials; i++) {
      // The stream's downloads have a time column; the real lines have not.
      const one = pick(what.includes('time') ? generated : exports)
      const found = traced(take(shuffled(one.lines)).map(cut))
      if (found[0]?.id === one.id) first++
      if (found.some(({ id }) => id === one.id)) named++
      // Named by its marks, and not the one.
      wrong += found.filter(({ id, by }) => by === 'mark' && id !== one.id).length
    }
    const share = (n: number): string => `${((100 * n) / trials).toFixed(1)} %`
    row[how] = what.startsWith('no marks')
      ? `named ${share(named)}`
      : `first ${share(first)}${wrong > 0 ? `, ${wrong} wrong` : ''}`
  }
  recovery[what] = row
}
console.table(recovery)

const resaved = async (rows: readonly Row[]): Promise<Row[]> => {
  const book = new exceljs.Workbook()
  const sheet = book.addWorksheet('Sheet1')
  for (const row of rows) sheet.addRow([...row])
  const read: Row[] = []
  for await (const row of rowsOfFile(Buffer.from(await book.xlsx.writeBuffer()))) read.push(row)
  return read
}
let saved = 0
for (let i = 0; i < 50; i++) {
  const one = pick(exports)
  if (traced(await resaved(shuffled(one.lines).slice(0, 20)))[0]?.id === one.id) saved++
}
console.log(`20 rows written to a workbook and read again: ${saved} of 50 named first`)

// Files that have nothing to do with any download.
const forged = (row: Row): Row =>
  row.map((cell, i) => (i === messageColumn ? cell + Array.from({ length: 8 }, () => pick(symbols)).join('') : cell))
const size = (): number => 5 + below(36)
const kinds: Record<string, () => Row[]> = {
  'the same systems, another day': () => stream(size(), startMs + (3 + below(20)) * 24 * hourMs, hourMs),
  'the same hours, other systems': () =>
    stream(size(), startMs + below(29) * hourMs, hourMs).map(([time]) => [
      time!,
      'x',
      '',
      `entry ${below(1e9)} of another program`,
    ]),
  'made-up marks': () => stream(size(), startMs + 40 * 24 * hourMs, hourMs).map(forged),
  'marks of another key': () => {
    const other = createExportRecorder(Buffer.alloc(32, below(250) + 6), 'x', hash)
    return stream(size(), startMs + 40 * 24 * hourMs, hourMs).map((row) => other.row(row, (i) => i === messageColumn))
  },
  ...(real.length > 0
    ? {
        'real lines of the same systems, their other half': () => {
          const lines = pick(real)
          const count = size()
          const from = 1000 + below(Math.max(1, lines.length - 1000 - count))
          return lines.slice(from, from + count)
        },
      }
    : {}),
}
const perKind = Math.floor(others / Object.keys(kinds).length)
const falsely: Record<string, object> = {}
const before = process.cpuUsage()
for (const [what, make] of Object.entries(kinds)) {
  let byMark = 0
  let byRows = 0
  for (let i = 0; i < perKind; i++) {
    const found = traced(make())
    if (found.some(({ by }) => by === 'mark')) byMark++
    else if (found.length > 0) byRows++
  }
  falsely[what] = { files: perKind, 'named by mark': byMark, 'named by rows': byRows }
}
const { user, system } = process.cpuUsage(before)
console.table(falsely)
const bytes = exports.reduce((sum, { cells, times }) => sum + cells.length + times.length, 0)
const rows = exports.reduce((sum, { lines }) => sum + lines.length, 0)
console.table({
  'recording and marking': { value: `${(cpuUs / recorded).toFixed(1)} µs of CPU a row` },
  'kept in the ledger': { value: `${(bytes / rows).toFixed(1)} bytes a row` },
  'comparing a fragment of 5 to 40 rows': {
    value: `${((user + system) / (perKind * Object.keys(kinds).length * exports.length)).toFixed(1)} µs of CPU a download`,
  },
})
