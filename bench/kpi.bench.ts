// npm run bench:kpi [cases a month] [months] [cases in the store]: a generated province of 250,000 items in 5,900 units.
// Cubes of one definition over all months with their items, in files; one night's cases in every definition; drills,
// what-ifs and the case store. What was run and what is extrapolated stands in the table.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import { openCubeFiles } from '#kpi/board/cube-files.ts'
import { emptyCase } from '#kpi/cases/case-record.ts'
import type { CaseRecord, StoredCase } from '#kpi/contract.ts'
import { loadDefinitions } from '#kpi/definitions/load.ts'
import { formulaOf, type Plan } from '#kpi/definitions/plan.ts'
import { within } from '#kpi/engine/compute.ts'
import { type Cube, createCube } from '#kpi/engine/cube.ts'
import { evaluate } from '#kpi/engine/evaluate.ts'
import { compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'

const perMonth = Number(process.argv[2] ?? 1_000_000)
const months = Number(process.argv[3] ?? 36)
const inStore = Number(process.argv[4] ?? 1_000_000)
const wanted = { perMonth: 11_000_000, night: 366_667, open: 1_100_000 }
const [items, units] = [250_000, 5900]
const rules = resolve(import.meta.dirname, '../rules/kpi')
const random = seededRandom(7)
const calendar = compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!)
const zone = zoneOf('Asia/Shanghai')
const validMs = Date.UTC(2026, 10, 1)
const plans = [...loadDefinitions(rules).byId.values()]
  .map(({ plan }) => plan)
  .filter(({ definition }) => definition.fact === 'case')
const limits = { amount: '20', unit: 'working-day', days: '20' }
const promised = { amount: '5', unit: 'working-day', days: '5' }
const catalogue = Object.fromEntries(
  Object.entries({ legal: limits, promised }).flatMap(([kind, of]) =>
    Object.entries(of).map(([name, value]) => [`${kind}.${name}`, value]),
  ),
)
const context = { validMs, zone, calendar, item: () => catalogue }
const dimensions = ['region', 'city', 'department', 'category', 'item']
const directory = mkdtempSync(join(tmpdir(), 'guanlan-bench-kpi-'))
const files = openCubeFiles(join(directory, 'cubes'), 'bench')
const cubeOf = (plan: Plan): Cube =>
  createCube(plan, dimensions, context, { namesOf: files.namesOf, files: files.sealedOf(plan.definition.id) })

let serial = 0
function made(month: number, id = ++serial): CaseRecord {
  const item = Math.floor(random.next() * items)
  const unit = item % units
  const openedMs = Date.UTC(2026, 9 - month, 1 + Math.floor(random.next() * 20), 2)
  const channel = random.next() < 0.7 ? 'web' : 'window'
  const region = `44${String(1 + (unit % 21)).padStart(2, '0')}${String(unit % 7).padStart(2, '0')}`
  return {
    ...emptyCase(),
    ...{ id: `c${id}`, item: `i${item}`, department: `u${unit}`, region, category: `k${item % 9}`, channel },
    ...{ openedMs, acceptedMs: openedMs, closedMs: openedMs + Math.floor(random.next() * 8) * 86_400_000 },
    ...{ dueMs: openedMs + 6 * 86_400_000, outcome: 'granted' },
    steps: [{ name: 's', channel, channelRaw: '', atMs: openedMs, actor: '' }],
  }
}
const storedOf = (record: CaseRecord): StoredCase => ({ record, knownMs: 0, sequence: serial, hash: '' })

async function timed<T>(work: () => T | Promise<T>): Promise<{ result: T; wallMs: number; cpuMs: number }> {
  const cpu = process.cpuUsage()
  const from = systemClock.monotonicMs()
  const result = await work()
  const { user, system } = process.cpuUsage(cpu)
  return { result, wallMs: systemClock.monotonicMs() - from, cpuMs: (user + system) / 1000 }
}
const rows: Record<string, string>[] = []
const say = (what: string, measured: string, extrapolated = '', mark = ''): void => {
  rows.push({ what, measured, extrapolated, mark })
  console.log(`${what}: ${measured} ${extrapolated}`)
}
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const quantile = (values: number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!
const bytesOf = (path: string): number =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

const plan = plans.find(({ definition }) => definition.id === 'online-completion')!
const cube = cubeOf(plan)
const filled = await timed(async () => {
  for (let month = months - 1; month >= 0; month--) {
    for (let i = 0; i < perMonth; i++) cube.add(made(month), 1)
    await files.save(new Map([[plan.definition.id, cube]]), {
      basis: 'bench',
      sequence: serial,
      validMs,
      publications: {},
    })
  }
})
say(`${months} months of ${perMonth} cases, one definition`, `${seconds(filled.cpuMs)} CPU`)
say('rows in memory after it', String(cube.size), `${plans.length} definitions: ${cube.size * plans.length}`)
const onDisk = bytesOf(join(directory, 'cubes')) / 2 ** 20
say('its files', `${onDisk.toFixed(0)} MiB`, `${plans.length} definitions: ${(onDisk * plans.length).toFixed(0)} MiB`)

const all = plans.map((one) => (one === plan ? cube : cubeOf(one)))
const night = Array.from({ length: wanted.night }, () => storedOf(made(0)))
const counted = await timed(() => {
  for (const one of all) one.apply(night, new Map())
})
const openSample = night.slice(0, 50_000).map(({ record }) => ({ ...record, closedMs: null }))
for (const one of all) for (const record of openSample) one.add(record, 1)
const moved = await timed(() => {
  for (const one of all) {
    const move = one.advance({ ...context, validMs: validMs + 86_400_000 })
    for (const record of openSample) move(record)
  }
})
const sealing = await timed(() =>
  files.save(new Map(plans.map((one, i) => [one.definition.id, all[i]!])), {
    basis: 'bench',
    sequence: serial,
    validMs,
    publications: {},
  }),
)
const movedAll = (moved.wallMs * wanted.open) / openSample.length
say(`one night: ${wanted.night} cases × ${plans.length} definitions`, seconds(counted.wallMs))
say(`… ${openSample.length} open cases a day older`, seconds(moved.wallMs), `${wanted.open}: ${seconds(movedAll)}`)
say('… written to files', seconds(sealing.wallMs))
say('… together', '', seconds(counted.wallMs + movedAll + sealing.wallMs), '< 300 s')

const ask = async (by: string[], only: Record<string, string>, labels?: string[]): Promise<number> => {
  const { wallMs } = await timed(async () => {
    const formula = formulaOf(plan, {})
    const asked = labels ? { months: new Set(labels) } : {}
    evaluate(
      plan,
      formula,
      await cube.cells({ cohort: formula.cohort, by, only, matches: within, ...asked }),
      by.length,
    )
  })
  return wallMs
}
const upper: number[] = []
const lower: number[] = []
for (let turn = 0; turn < 30; turn++) {
  const unit = `u${Math.floor(random.next() * units)}`
  upper.push(await ask(['city'], {}, ['2026-10']), await ask(['department'], { city: '4401' }, ['2026-10']))
  upper.push(await ask(['category'], { department: unit }), await ask(['period'], {}))
  lower.push(await ask(['item'], { department: unit }, ['2026-10']), await ask(['item'], { department: unit }))
}
say('drill by place, department, category, period: p95', `${quantile(upper, 0.95).toFixed(0)} ms`, '', '< 200 ms')
say('drill to the items of a department, a month or all: p95', `${quantile(lower, 0.95).toFixed(0)} ms`, '', '< 200 ms')

const whatIf = async (labels?: string[]): Promise<number> =>
  (
    await timed(async () => {
      const { cohort } = formulaOf(plan, {})
      const asked = labels ? { months: new Set(labels) } : {}
      const coarse = await cube.cells({ cohort, by: [], only: {}, matches: within, ...asked })
      for (const [name, { options }] of Object.entries(plan.definition.switches))
        for (const option of Object.keys(options)) {
          const formula = formulaOf(plan, { [name]: option })
          const cells =
            formula.aggregation === 'mean' || formula.cohort !== cohort
              ? await cube.cells({
                  ...{ cohort: formula.cohort, only: {}, matches: within, ...asked },
                  by: formula.aggregation === 'mean' ? [formula.over] : [],
                })
              : coarse
          evaluate(plan, formula, cells, 0)
        }
    })
  ).wallMs
const year = Array.from({ length: 12 }, (_, i) => `2026-${String(i + 1).padStart(2, '0')}`)
say('what-if, every option of every switch, one month', `${(await whatIf(['2026-10'])).toFixed(0)} ms`, '', '< 1 s')
say('… one year', `${(await whatIf(year)).toFixed(0)} ms`, '', '< 1 s')
say('… all months', `${(await whatIf()).toFixed(0)} ms`, '', '< 1 s')
const meanCells = await timed(() =>
  cube.cells({ cohort: formulaOf(plan, {}).cohort, by: ['item'], only: {}, matches: within }),
)
say(
  'a mean over all items, all months',
  `${meanCells.wallMs.toFixed(0)} ms, ${meanCells.result.size} rows`,
  '',
  '< 1 s',
)
say('memory', `${(process.memoryUsage().rss / 2 ** 30).toFixed(2)} GiB`, '', '< 4 GiB')

if (inStore > 0) {
  const store = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
  await (await import('node:fs/promises')).mkdir(join(directory, 'cases'), { recursive: true })
  await store.open()
  const first = serial
  const appended = await timed(async () => {
    for (let from = 0; from < inStore; from += 10_000)
      await store.append(
        Array.from({ length: Math.min(10_000, inStore - from) }, () => made(0)),
        1,
      )
  })
  say(`case store: ${inStore} cases in`, `${Math.round(inStore / (appended.wallMs / 1000))}/s`)
  const again = Array.from({ length: 10_000 }, () => ({
    ...made(0, first + 1 + Math.floor(random.next() * inStore)),
    version: 2,
  }))
  const corrected = await timed(() => store.append(again, 2))
  say('… 10,000 corrections of any of them', seconds(corrected.wallMs))
  const page = await timed(() =>
    store.page({ department: 'u77', fromMs: validMs - 31 * 86_400_000, toMs: validMs, limit: 50, offset: 0 }),
  )
  say('… a page of the cases of a department in a month', `${page.wallMs.toFixed(0)} ms`, '', '< 200 ms')
  const open = await timed(async () => {
    let count = 0
    for await (const part of store.scan({ openAtMs: validMs - 5 * 86_400_000 })) count += part.length
    return count
  })
  say(`… all open ones (${open.result})`, seconds(open.wallMs))
  say('… bytes a case on disk', (bytesOf(join(directory, 'cases')) / inStore).toFixed(0))
  await store.close()
}
console.table(rows)
rmSync(directory, { recursive: true, force: true })
