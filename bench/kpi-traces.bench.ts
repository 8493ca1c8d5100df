// npm run bench:kpi:traces [traces]: what other systems saw of a province's cases, three traces a case over thirty days: taken
// in day by day, found for cases in their order of arrival (once, and again), and for a few of them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import type { CaseKey } from '#stores/cases/store.ts'
import { openTraceFiles, type SeenTrace, traceFilesDefaults } from '#stores/traces/trace-files.ts'
import { watchTicks } from './kpi/ticks.ts'

const count = Number(process.argv[2] ?? 6_000_000)
const [days, perCase, stretchCases] = [30, 3, 200_000]
const casesPerDay = Math.round(count / days / perCase)
const wanted = { monthly: 11_000_000, nightly: 366_667, keptDays: 800 }
const directory = mkdtempSync(join(tmpdir(), 'guanlan-bench-traces-'))
const [sources, basis] = ['0123456789abcdef', '00112233aabbccdd']
const msPerDay = 86_400_000
const firstDay = Math.floor(Date.UTC(2026, 9, 1) / msPerDay)
const random = seededRandom(5)
const kinds = ['login', 'gateway-call', 'payment'] as const
const rows: Record<string, string>[] = []
const say = (what: string, measured: string, extrapolated = ''): void => {
  rows.push({ what, measured, extrapolated })
  console.log(`${what}: ${measured} ${extrapolated}`)
}
async function timed<T>(work: () => Promise<T>) {
  const ticks = watchTicks()
  const cpu = process.cpuUsage()
  const from = systemClock.monotonicMs()
  const result = await work()
  const { user, system } = process.cpuUsage(cpu)
  return { result, wallMs: systemClock.monotonicMs() - from, cpuMs: (user + system) / 1000, longest: ticks.stop() }
}
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const idOf = (n: number): string => `44${String(n % 5900).padStart(4, '0')}-2026-${String(n).padStart(9, '0')}`
const files = await openTraceFiles({ ...traceFilesDefaults, directory })
function* ofDay(day: number): Generator<SeenTrace> {
  for (let i = 0; i < casesPerDay; i++)
    for (const kind of kinds)
      yield {
        caseId: idOf(day * casesPerDay + i),
        kind,
        atMs: (firstDay + day) * msPerDay + Math.floor(random.next() * msPerDay),
      }
}
let [wallMs, cpuMs, longestMs] = [0, 0, 0]
for (let day = 0; day < days; day++) {
  const taken = await timed(() => files.putDay(firstDay + day, sources, ofDay(day)))
  wallMs += taken.wallMs
  cpuMs += taken.cpuMs
  longestMs = Math.max(longestMs, taken.longest.cpuMs)
}
const nightTraces = wanted.nightly * perCase
const loaded = days * casesPerDay * perCase
say(
  `${loaded} traces taken in`,
  `${Math.round(loaded / (wallMs / 1000))}/s; ${seconds(wallMs)}, ${seconds(cpuMs)} of processor`,
  `a night of ${nightTraces}: ${seconds((wallMs * nightTraces) / loaded)}`,
)
say('… the longest turn of the event loop', `${longestMs.toFixed(0)} ms of processor`)
const { bytes } = await files.stats()
const bytesEach = bytes / loaded
say(
  '… on disk',
  `${bytesEach.toFixed(1)} bytes a trace`,
  `${wanted.keptDays} days: ${((bytesEach * nightTraces * wanted.keptDays) / 2 ** 30).toFixed(0)} GiB`,
)
const cases = casesPerDay * days
const keys = (from: number, to: number): CaseKey[] =>
  Array.from({ length: to - from + 1 }, (_, i) => {
    const n = from + i - 1
    const atMs = (firstDay + Math.floor(n / casesPerDay)) * msPerDay
    return { sequence: from + i, id: idOf(n), fromMs: atMs, toMs: atMs + 3 * msPerDay }
  })
const through = async (settledMs: number): Promise<number> => {
  let found = 0
  for (let from = 1; from <= cases; from += stretchCases) {
    const to = Math.min(cases, from + stretchCases - 1)
    const stretch = {
      from,
      to,
      cases: async () => keys(from, to),
      aroundMs: 30 * msPerDay,
      settledMs,
      isWhole: true,
      basis,
    }
    for (let first = from; first <= to; first += 20_000)
      found += (await files.inOrder(stretch, first, Math.min(to, first + 19_999))).length
  }
  return found
}
const open = await timed(() => through(0))
const each = open.wallMs / cases
say(
  `${cases} cases looked at that can still change, ${open.result} traces`,
  `${seconds(open.wallMs)}, ${seconds(open.cpuMs)} of processor`,
  `a month of ${wanted.monthly}: ${seconds(each * wanted.monthly)}`,
)
const settle = await timed(() => through(Number.MAX_SAFE_INTEGER))
say('… kept as settled', seconds(settle.wallMs))
const again = await timed(() => through(Number.MAX_SAFE_INTEGER))
say(
  '… and looked at again',
  `${seconds(again.wallMs)}, ${seconds(again.cpuMs)} of processor`,
  `a year of ${wanted.monthly * 12}: ${seconds((again.wallMs / cases) * wanted.monthly * 12)}`,
)
say('memory', `${(process.memoryUsage.rss() / 2 ** 30).toFixed(2)} GiB`)
console.table(rows)
await files.close()
rmSync(directory, { recursive: true, force: true })
