// npm run bench:kpi [cases-per-day] [months]: a generated province of 250,000 items in 5,900 units. How long one night's cases
// take in every definition; then, with further months of up to 60,000 cases each counted into online completion, how long a
// drill and a what-if take over all of them.
import { join, resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import { emptyCase } from '#kpi/cases/case-record.ts'
import type { CaseRecord, StoredCase } from '#kpi/contract.ts'
import { loadDefinitions } from '#kpi/definitions/load.ts'
import { formulaOf } from '#kpi/definitions/plan.ts'
import { within } from '#kpi/engine/compute.ts'
import { createCube } from '#kpi/engine/cube.ts'
import { evaluateCells } from '#kpi/engine/evaluate.ts'
import { compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { zoneOf } from '#kpi/time/zone.ts'

const perDay = Number(process.argv[2] ?? 366_667)
const months = Number(process.argv[3] ?? 36)
const [items, units] = [250_000, 5900]
const rules = resolve(import.meta.dirname, '../rules/kpi')
const random = seededRandom(7)
const calendar = compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!)
const zone = zoneOf('Asia/Shanghai')
const validMs = Date.UTC(2026, 10, 1)
const plans = [...loadDefinitions(rules).byId.values()]
  .map(({ plan }) => plan)
  .filter(({ definition }) => definition.fact === 'case')
const catalogue = {
  'legal.amount': '20',
  'legal.unit': 'working-day',
  'legal.days': '20',
  'promised.amount': '5',
  'promised.unit': 'working-day',
  'promised.days': '5',
}
const context = { validMs, zone, calendar, item: () => catalogue }

function made(sequence: number, month: number): StoredCase {
  const item = Math.floor(random.next() * items)
  const unit = item % units
  const openedMs = Date.UTC(2026, 9 - month, 1 + Math.floor(random.next() * 20), 2)
  const channel = random.next() < 0.7 ? 'web' : 'window'
  const record: CaseRecord = {
    ...emptyCase(),
    ...{
      id: `c${sequence}`,
      item: `i${item}`,
      department: `u${unit}`,
      region: `44${String(1 + (unit % 21)).padStart(2, '0')}${String(unit % 7).padStart(2, '0')}`,
    },
    ...{
      category: `k${item % 9}`,
      channel,
      openedMs,
      acceptedMs: openedMs,
      closedMs: openedMs + Math.floor(random.next() * 8) * 86_400_000,
    },
    ...{ dueMs: openedMs + 6 * 86_400_000, outcome: 'granted' },
    steps: [{ name: 's', channel, channelRaw: '', atMs: openedMs, actor: '' }],
  }
  return { record, knownMs: 0, sequence, hash: '' }
}

const timed = <T>(work: () => T): { result: T; wallMs: number; cpuMs: number } => {
  const cpu = process.cpuUsage()
  const from = systemClock.monotonicMs()
  const result = work()
  const { user, system } = process.cpuUsage(cpu)
  return { result, wallMs: systemClock.monotonicMs() - from, cpuMs: (user + system) / 1000 }
}

const rows: Record<string, string>[] = []
const say = (what: string, figure: string, mark: string): void => void rows.push({ what, figure, mark })
const night = Array.from({ length: perDay }, (_, i) => made(i + 1, 0))
// Upper levels: month × city × department; the item level is one month at a time, as the pages ask for it.
const cubes = plans.map((plan) => createCube(plan, ['city', 'department', 'category'], context))
const increment = timed(() => {
  for (const cube of cubes) cube.apply(night, new Map())
})
say(
  `one night: ${perDay} cases × ${plans.length} definitions`,
  `${(increment.wallMs / 1000).toFixed(1)} s wall, ${(increment.cpuMs / 1000).toFixed(1)} s CPU`,
  '< 300 s',
)
const at = plans.findIndex(({ definition }) => definition.id === 'online-completion')
const [plan, cube] = [plans[at]!, cubes[at]!]
for (let month = 1; month < months; month++) {
  const some = Array.from({ length: Math.min(perDay, 60_000) }, (_, i) => made(i + 1, month))
  cube.apply(some, new Map())
}
say('cells of one definition', String(cube.size), '')
const drills: number[] = []
const byWay: [string[], Record<string, string>][] = [
  [['city'], {}],
  [['department'], { city: '4401' }],
  [['category'], { department: 'u7' }],
  [['period'], {}],
]
for (let turn = 0; turn < 40; turn++) {
  const [by, only] = byWay[turn % byWay.length]!
  const { wallMs } = timed(() => {
    const formula = formulaOf(plan, {})
    const cells = cube.cells({
      cohort: formula.cohort,
      by,
      only,
      matches: within,
      ...(by[0] === 'period' ? {} : { months: new Set(['2026-10']) }),
    })
    return evaluateCells(plan, formula, cells, 0)
  })
  drills.push(wallMs)
}
drills.sort((a, b) => a - b)
say('drill p95', `${drills[Math.floor(drills.length * 0.95)]!.toFixed(0)} ms`, '< 200 ms')
const whatIf = timed(() => {
  const { cohort } = formulaOf(plan, {})
  const cells = cube.cells({ cohort, by: [], only: {}, matches: within })
  for (const [name, { options }] of Object.entries(plan.definition.switches))
    for (const option of Object.keys(options)) evaluateCells(plan, formulaOf(plan, { [name]: option }), cells, 0)
})
say('what-if, every option of every switch, all months', `${whatIf.wallMs.toFixed(0)} ms`, '< 1 s')
say('memory', `${(process.memoryUsage().rss / 2 ** 30).toFixed(2)} GiB`, '< 4 GiB')
console.table(rows)
