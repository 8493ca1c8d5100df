// Sensitive data in log lines: what is found in real logs that hold hardly any, by kind; and what the stage costs at
// 15,000 events a second. By processor time of one core.
// node bench/sensitive-logs.bench.ts [--list]
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { systemClock } from '#core/clock.ts'
import type { Event, RawEvent } from '#core/event.ts'
import { systemRandom } from '#core/random.ts'
import { Inventory } from '#pipeline/enrich/inventory.ts'
import { createIds } from '#pipeline/normalise/event-id.ts'
import { createNormalise } from '#pipeline/normalise/normalise.ts'
import { ParserSet } from '#pipeline/parse/parser-set.ts'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { createLogLook } from '#security/sensitive/logs/look.ts'
import { maskOne } from '#security/sensitive/mask.ts'

const shared = resolve(import.meta.dirname, '../../shared/data')
const isListing = process.argv.includes('--list')
const dictionary = readDictionary('rules/dlp/kinds.yml')
const parsers = new ParserSet('rules/parsers')
const problems = parsers.reload()
if (problems.length > 0) throw new Error(JSON.stringify(problems))
const normalise = createNormalise({
  ...{ clock: systemClock, parsers, inventory: new Inventory(), nextId: createIds(systemRandom) },
  timestampLimits: { pastMsMax: 36_500 * 86_400_000, futureMsMax: 86_400_000 },
  adjusted: () => {},
})
const eventOf = (raw: RawEvent): Event =>
  normalise(raw, { receiver: 'bench', source: 'bench' }, systemClock.nowMs()).event

/** As lines of a file, or, where they are JSON, with their fields. */
function eventsOf(path: string): Event[] {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (!path.includes('.jsonl')) return lines.map((original) => eventOf({ original }))
  return lines.map((line) => {
    const fields = JSON.parse(line) as Record<string, unknown>
    return eventOf({ fields, ...(typeof fields['message'] === 'string' ? {} : { original: line }) })
  })
}
const filesIn = (directory: string, wanted: RegExp): string[] => {
  const path = join(shared, directory)
  return existsSync(path)
    ? (readdirSync(path, { recursive: true }) as string[])
        .filter((name) => wanted.test(name))
        .map((name) => join(path, name))
    : []
}

const sources = [
  ...filesIn('logs/loghub_2k_corrected', /_2k\.log\.gz$/),
  ...filesIn('attacks/logs', /\.ini$/),
  ...filesIn('attacks/otrf', /\.jsonl\.gz$/),
  ...filesIn('logs/sequences', /gz$|csv$/),
  ...filesIn('attacks/http', /\.(csv|yaml)$/),
  ...filesIn('flows', /csv|json/),
  ...filesIn('attacks/alerts', /\.csv\.gz$/),
  ...filesIn('attacks/dga', /\.csv$/),
]
const found: Record<string, Record<string, number>> = {}
const byKind: Record<string, number> = {}
let lines = 0
for (const path of sources) {
  const { look, totals } = createLogLook(dictionary)
  const kinds: Record<string, number> = {}
  look(eventsOf(path), ({ event, seen }) => {
    for (const { kind, field, values, misses } of seen) {
      if (values.size > 0) kinds[kind] = (kinds[kind] ?? 0) + 1
      if (isListing && values.size > 0)
        console.log(
          path.split('/').at(-1),
          field,
          kind,
          [...values].slice(0, 3).map((one) => (kind === 'email' ? one : maskOne({ kind }, one))),
          event.message.slice(0, 160),
        )
      if (isListing && misses > 0) console.log(path.split('/').at(-1), field, kind, 'missed', misses)
    }
  })
  lines += totals.events
  for (const [kind, n] of Object.entries(kinds)) byKind[kind] = (byKind[kind] ?? 0) + n
  found[path.slice(shared.length + 1)] = { lines: totals.events, ...kinds }
}
console.table(found)
console.log(`${lines} lines of real logs and recordings; lines with a kind in them:`)
console.table(
  Object.fromEntries(
    dictionary.map(({ kind }) => [
      kind,
      { lines: byKind[kind] ?? 0, 'of 10,000': (((byKind[kind] ?? 0) / lines) * 10_000).toFixed(2) },
    ]),
  ),
)
