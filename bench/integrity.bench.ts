// The night's run over a year of many units, from the case store to flags: how long, and how much memory.
// Usage: npm run bench:integrity [-- --units 2000 --cases 300]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import type { CaseRecord } from '#kpi/contract.ts'
import { tuningFamily } from '#kpi/demo/family.ts'
import { drawUnit, honestYear } from '#kpi/demo/honest-unit.ts'
import { scanCases } from '#kpi/integrity/scan.ts'
import { screenUnits } from '#kpi/integrity/screen.ts'
import { readTraceRules } from '#kpi/integrity/traces.ts'
import { compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'

const { values } = parseArgs({
  options: { units: { type: 'string', default: '2000' }, cases: { type: 'string', default: '300' } },
})
const [unitCount, perUnit] = [Number(values.units), Number(values.cases)]
const rules = resolve(import.meta.dirname, '../rules/kpi')
const calendar = compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!)
const context = {
  ...{ zone: zoneOf('Asia/Shanghai'), calendar },
  traces: readTraceRules(join(rules, 'integrity/traces.yml')).rules!,
}
const span = { fromMs: Date.UTC(2025, 0, 1), toMs: Date.UTC(2026, 0, 1) }
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-integrity-'))
const store = createDuckCases({ ...duckCasesDefaults, directory })
const timed = async <T>(what: string, cases: number, work: () => Promise<T> | T): Promise<T> => {
  const [cpu, started] = [process.cpuUsage(), performance.now()]
  const answer = await work()
  const used = process.cpuUsage(cpu)
  const seconds = (used.user + used.system) / 1e6
  console.log(
    `${what.padEnd(34)} ${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s wall ${seconds.toFixed(1).padStart(7)} s CPU ${((1e6 * seconds) / cases).toFixed(1).padStart(7)} µs/case   ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
  )
  return answer
}
try {
  await store.open()
  const family = { ...tuningFamily, size: [perUnit, 0.5] as const, sizeMin: 40 }
  let written = 0
  await timed('cases made and kept', unitCount * perUnit, async () => {
    let part: CaseRecord[] = []
    for (let at = 0; at < unitCount; at++) {
      const draw = draws(seededRandom(at + 1))
      const unit = drawUnit(`u${at}`, `44${String(1 + (at % 21)).padStart(2, '0')}`, family, draw)
      for (const { record, before } of honestYear(unit, span, calendar, draw).cases) {
        if (before) part.push(before)
        part.push(record)
      }
      if (part.length < 20_000 && at < unitCount - 1) continue
      written += (await store.append(part, span.toMs)).stored
      part = []
    }
  })
  const { versions, cases, bytesOnDisk } = await store.stats()
  console.log(
    `${unitCount} units, ${cases} cases, ${versions} versions (${written} kept), ${(bytesOnDisk / 2 ** 20).toFixed(0)} MiB`,
  )
  const scanned = await timed('scan: every case, every rule', cases, () => scanCases(store, span, context))
  const { tests } = await timed('screen: funnels and discoveries', cases, () =>
    screenUnits(scanned.units, { dependent: false }),
  )
  console.log(`${scanned.units.length} units × rules: ${tests.length} tests`)
} finally {
  await store.close()
  await rm(directory, { recursive: true, force: true })
}
