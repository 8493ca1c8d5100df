// Looking into mirrored bodies: bodies and megabytes a second of one core, by format and size, with and without anything
// sensitive in them. Synthetic bodies. npm run bench:mirror
import { gzipSync } from 'node:zlib'
import { createInspection } from '#security/sensitive/body/inspect.ts'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { synthetic } from '#security/sensitive/testing.ts'

const make = synthetic(9)
const inspect = createInspection({
  ...{ dictionary: readDictionary('rules/dlp/kinds.yml'), key: Buffer.alloc(32, 1), expected: [] },
  expandedBytesMax: 8 * 1024 * 1024,
})
const item = (i: number): object => ({
  id: i,
  title: '关于办理事项的说明',
  state: 'accepted',
  at: 1_795_000_000_000 + i,
  tags: ['a', 'b'],
})
const person = (i: number): object => ({ id: i, idCard: make.residentId(), contact: { phone: make.mobile() } })
const list = (count: number, one: (i: number) => object): string =>
  JSON.stringify({ total: count, list: Array.from({ length: count }, (_, i) => one(i)) })
const table = Array.from({ length: 500 }, (_, i) => `${i},张三,${make.residentId()},${make.mobile()}`).join('\r\n')
const html = `<html><body>${'<tr><td>办理结果</td><td>2026-11-25</td><td>已受理</td></tr>\n'.repeat(800)}</body></html>`

const bodies: Record<string, { type: string; text: string; gzip?: boolean }> = {
  'JSON, 2 KB, nothing sensitive': { type: 'application/json', text: list(14, item) },
  'JSON, 200 KB, nothing sensitive': { type: 'application/json', text: list(1500, item) },
  'JSON, 2 KB, 20 persons': { type: 'application/json', text: list(20, person) },
  'JSON, 200 KB, 2,000 persons': { type: 'application/json', text: list(2000, person) },
  'JSON, 200 KB, gzip': { type: 'application/json', text: list(1500, item), gzip: true },
  'CSV, 500 persons': { type: 'text/csv', text: `编号,姓名,证件号,手机\r\n${table}` },
  'HTML, 65 KB': { type: 'text/html', text: html },
}
const rows: Record<string, object> = {}
for (const [name, { type, text, gzip }] of Object.entries(bodies)) {
  const plain = Buffer.from(text)
  const bytes = gzip ? gzipSync(plain) : plain
  const part = {
    direction: 'response' as const,
    bytes,
    contentType: type,
    contentEncoding: gzip ? 'gzip' : '',
    url: '/api/x',
    isPartial: false,
  }
  const count = Math.max(20, Math.round(8_000_000 / plain.length))
  for (let i = 0; i < count / 4; i++) await inspect(part)
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) await inspect(part)
  const { user, system } = process.cpuUsage(before)
  const us = (user + system) / count
  rows[name] = {
    bytes: plain.length,
    'µs of CPU a body': Math.round(us),
    'bodies a second': Math.round(1e6 / us),
    'MB/s': Math.round(plain.length / us),
  }
}
console.table(rows)
