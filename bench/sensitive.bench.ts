// Bytes a second of the sensitive-data scan on one core, its false positives on random tokens, its recall on generated
// valid numbers. All data is synthetic and seeded.
import { createHash } from 'node:crypto'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { createScanner } from '#security/sensitive/scan.ts'
import { synthetic } from '#security/sensitive/testing.ts'

const scan = createScanner(readDictionary('rules/dlp/kinds.yml'))
const make = synthetic(20_261_125)
const lineCount = 200_000

function measure(text: string): { mbPerSecond: number; found: number } {
  const bytes = Buffer.from(text)
  scan(bytes)
  const rates: number[] = []
  let found = 0
  for (let turn = 0; turn < 5; turn++) {
    const before = process.cpuUsage()
    const result = scan(bytes)
    const { user, system } = process.cpuUsage(before)
    found = result.found.length + result.more
    rates.push(bytes.length / (user + system))
  }
  return { mbPerSecond: Math.round(rates.sort((a, b) => a - b)[2]!), found }
}

const log = Array.from(
  { length: lineCount },
  (_, i) =>
    `203.0.113.${i % 255} - - [24/Nov/2026:08:00:${i % 60} +0000] "GET /page/${i}?q=1 HTTP/1.1" 200 ${i} "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
).join('\n')
const json = Array.from({ length: lineCount }, (_, i) =>
  JSON.stringify({
    time: 1_795_000_000_000 + i,
    level: 'info',
    trace: createHash('md5').update(String(i)).digest('hex'),
    message: `request ${i} took 12 ms`,
  }),
).join('\n')
const prose = '各部门应当依法履行数据安全保护义务，建立健全全流程数据安全管理制度。'.repeat(200_000)
const rows = Array.from(
  { length: 50_000 },
  (_, i) => `${i},张三,${make.residentId()},手机:${make.mobile()},${make.bankCard()}`,
).join('\n')
/** Nothing but numbers that nearly are something: no word, a wrong check digit, a right one of no known issuer. */
const near = (next: () => string): string => Array.from({ length: lineCount }, next).join('\n')
const wrongId = (): string => {
  const id = make.residentId()
  return `${id.slice(0, 17)}${id[17] === '1' ? '2' : '1'}`
}
console.table({
  'access log': measure(log),
  'JSON log': measure(json),
  'Chinese prose': measure(prose),
  'rows of personal data': measure(rows),
  'near misses: IDs with a wrong check digit': measure(near(wrongId)),
  'near misses: 18 random digits': measure(near(make.noise()['digits, 18']!)),
  'near misses: 11 random digits': measure(near(make.noise()['digits, 11']!)),
  'near misses: mobiles without a word': measure(near(make.mobile)),
  'near misses: cards without a word': measure(near(() => make.bankCard('4111', 16))),
  'near misses: dates': measure(near(() => make.noise()['date and counter']!().slice(0, 8))),
})

const kinds = make.noise()
const table = Object.fromEntries(
  Object.entries(kinds).map(([name, next]) => {
    const tokens = Array.from({ length: 200_000 }, next)
    const { found, more } = scan(Buffer.from(tokens.join('\n')))
    return [
      name,
      {
        tokens: tokens.length,
        flagged: found.length + more,
        'clean %': (100 * (1 - (found.length + more) / tokens.length)).toFixed(4),
      },
    ]
  }),
)
console.table(table)
const slowest = Math.min(
  ...Object.values(kinds).map((next) => measure(Array.from({ length: 50_000 }, next).join('\n')).mbPerSecond),
)
console.log(`slowest of these kinds alone: ${slowest} MB/s`)
console.table(
  Object.fromEntries(
    Object.entries(make.valid()).map(([name, { kind, next }]) => {
      let seen = 0
      for (let i = 0; i < 5000; i++) if (scan(Buffer.from(next())).found.some((one) => one.kind === kind)) seen++
      return [name, { 'recall %': (seen / 50).toFixed(2) }]
    }),
  ),
)
