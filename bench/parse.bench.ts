// Lines a second through the shipped parsers alone, and through the whole normaliser, on one core.
import { systemClock } from '#core/clock.ts'
import { systemRandom } from '#core/random.ts'
import { Inventory } from '#pipeline/enrich/inventory.ts'
import { createIds } from '#pipeline/normalise/event-id.ts'
import { createNormalise } from '#pipeline/normalise/normalise.ts'
import { ParserSet } from '#pipeline/parse/parser-set.ts'

const lineCount = 200_000
const parsers = new ParserSet('rules/parsers')
const problems = parsers.reload()
if (problems.length > 0) throw new Error(JSON.stringify(problems))

// Synthetic, addresses of RFC 5737: a third each of sshd, nginx and other syslog.
const mix = (i: number): { original: string; fields?: Record<string, unknown> } => {
  const second = String(i % 60).padStart(2, '0')
  switch (i % 6) {
    case 0:
      return {
        original: `Nov 24 08:00:${second} web-1 sshd[${i}]: Failed password for invalid user u${i} from 203.0.113.${i % 255} port ${i % 65536} ssh2`,
      }
    case 1:
      return {
        original: `Nov 24 08:00:${second} web-1 sshd[${i}]: Accepted publickey for deploy from 192.0.2.${i % 255} port ${i % 65536} ssh2: ED25519 SHA256:x`,
      }
    case 2:
    case 3:
      return {
        original: `203.0.113.${i % 255} - - [24/Nov/2026:08:00:${second} +0000] "GET /page/${i}?q=1 HTTP/1.1" 200 ${i} "-" "Mozilla/5.0"`,
        fields: { 'log.file.path': '/var/log/nginx/access.log' },
      }
    case 4:
      return { original: `Nov 24 08:00:${second} web-1 CRON[${i}]: (root) CMD (run-parts /etc/cron.hourly)` }
    default:
      return { original: `Nov 24 08:00:${second} web-1 custom[${i}]: request ${i} took 12 ms` }
  }
}

const lines = Array.from({ length: lineCount }, (_, i) => mix(i))
const nowMs = systemClock.nowMs()

/** Lines per second of processor time: other programs on the machine do not count. Median of five. */
function rate(run: (line: (typeof lines)[number]) => unknown): number {
  for (let i = 0; i < 20_000; i++) run(lines[i]!)
  const rates = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage()
    for (const line of lines) run(line)
    const { user, system } = process.cpuUsage(before)
    return Math.round(lineCount / ((user + system) / 1e6))
  })
  return rates.sort((a, b) => a - b)[2]!
}

const normalise = createNormalise({
  clock: systemClock,
  parsers,
  inventory: new Inventory(),
  nextId: createIds(systemRandom),
  timestampLimits: { pastMsMax: 3650 * 86_400_000, futureMsMax: 86_400_000 },
  adjusted: () => {},
})
const origin = { receiver: 'bench', source: 'bench' }
console.log(
  JSON.stringify({
    parseLinesPerSecond: rate((line) =>
      parsers.parse({ ...line.fields } as never, line.original, undefined, nowMs, () => {}),
    ),
    normaliseLinesPerSecond: rate((line) => normalise(line, origin, nowMs)),
    encodedLinesPerSecond: rate((line) => JSON.stringify(normalise(line, origin, nowMs).event)),
  }),
)
