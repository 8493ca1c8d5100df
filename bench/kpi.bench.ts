// npm run bench:kpi [-- --quick] [cases a month] [months] [cases in the store]: a generated province of 250,000 items in 5,900
// units. The night as the product has it, with store, ledger and every definition; then cubes of one definition over all
// months with their items, in files. What was run and what is extrapolated stands in the table; --quick is six minutes, 0
// months or 0 cases leave out one half.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { openCubeFiles } from '#kpi/board/cube-files.ts'
import { loadDefinitions } from '#kpi/definitions/load.ts'
import { formulaOf, type Plan } from '#kpi/definitions/plan.ts'
import { within } from '#kpi/engine/compute.ts'
import { type Cube, createCube } from '#kpi/engine/cube.ts'
import { evaluate } from '#kpi/engine/evaluate.ts'
import { compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import { measureProduct } from './kpi/product.ts'
import { items, makeProvince, units, wanted } from './kpi/province.ts'
import { milliseconds, quantile, seconds, Table, timed, took } from './kpi/table.ts'

const { values: options, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const perMonth = Number(positionals[0] ?? (options.quick ? 200_000 : 1_000_000))
const months = Number(positionals[1] ?? wanted.months)
const inStore = Number(positionals[2] ?? (options.quick ? 300_000 : 3_000_000))
const rules = resolve(import.meta.dirname, '../rules/kpi')
const directory = mkdtempSync(join(tmpdir(), 'guanlan-bench-kpi-'))
const table = new Table()

const bytesOf = (path: string): number =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

async function measureCubes(): Promise<void> {
  const made = makeProvince(7)
  const calendar = compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!)
  const validMs = Date.UTC(2026, 10, 1)
  const limits = { amount: '20', unit: 'working-day', days: '20' }
  const promised = { amount: '5', unit: 'working-day', days: '5' }
  const catalogue = Object.fromEntries(
    Object.entries({ legal: limits, promised }).flatMap(([kind, of]) =>
      Object.entries(of).map(([name, value]) => [`${kind}.${name}`, value]),
    ),
  )
  const context = { validMs, zone: zoneOf('Asia/Shanghai'), calendar, item: () => catalogue }
  const dimensions = ['region', 'city', 'department', 'category', 'item']
  const files = openCubeFiles(join(directory, 'cubes'), 'bench')
  const all = [...loadDefinitions(rules).byId.values()].filter(({ plan }) => plan.definition.fact === 'case')
  const plan: Plan = all.find(({ plan: { definition } }) => definition.id === 'online-completion')!.plan
  const cube: Cube = createCube(plan, dimensions, context, {
    namesOf: files.namesOf,
    files: files.sealedOf(plan.definition.id),
  })
  const save = (): Promise<void> =>
    files.save(new Map([[plan.definition.id, cube]]), {
      ...{ basis: 'bench', sequence: made.count, validMs, publications: {} },
    })
  const filled = await timed(async () => {
    for (let month = months - 1; month >= 0; month--) {
      for (let i = 0; i < perMonth; i++) cube.add(made.case(month), 1)
      await save()
    }
  })
  const scale = wanted.perMonth / perMonth
  table.say(
    `${months} months of ${perMonth} cases, one definition, once`,
    took(filled),
    `${wanted.perMonth} a month: ${seconds(filled.cpuMs * scale)} of processor`,
  )
  const onDisk = bytesOf(join(directory, 'cubes')) / 2 ** 20
  table.say(
    '… its files',
    `${onDisk.toFixed(0)} MiB`,
    `${all.length} definitions: ${(onDisk * all.length).toFixed(0)} MiB`,
  )
  const ask = async (by: string[], only: Record<string, string>, labels?: string[]): Promise<number> =>
    (
      await timed(async () => {
        const formula = formulaOf(plan, {})
        const asked = labels ? { months: new Set(labels) } : {}
        const cells = await cube.cells({ cohort: formula.cohort, by, only, matches: within, ...asked })
        evaluate(plan, formula, cells, by.length)
      })
    ).wallMs
  const upper: number[] = []
  const lower: number[] = []
  for (let turn = 0; turn < 30; turn++) {
    const unit = `u${Math.floor(made.random() * units)}`
    upper.push(await ask(['city'], {}, ['2026-10']), await ask(['department'], { city: '4401' }, ['2026-10']))
    upper.push(await ask(['category'], { department: unit }), await ask(['period'], {}))
    lower.push(await ask(['item'], { department: unit }, ['2026-10']), await ask(['item'], { department: unit }))
  }
  table.say('drill by place, department, category, period: p95', milliseconds(quantile(upper, 0.95)), '', '< 200 ms')
  table.say(
    'drill to the items of a department, a month or all: p95',
    milliseconds(quantile(lower, 0.95)),
    '',
    '< 200 ms',
  )
  const whatIf = (labels?: string[]) =>
    timed(async () => {
      const { cohort } = formulaOf(plan, {})
      const asked = labels ? { months: new Set(labels) } : {}
      const coarse = await cube.cells({ cohort, by: [], only: {}, matches: within, ...asked })
      for (const [name, { options: choices }] of Object.entries(plan.definition.switches))
        for (const option of Object.keys(choices)) {
          const formula = formulaOf(plan, { [name]: option })
          const isSame = formula.aggregation !== 'mean' && formula.cohort === cohort
          const by = formula.aggregation === 'mean' ? [formula.over] : []
          evaluate(
            plan,
            formula,
            isSame ? coarse : await cube.cells({ cohort: formula.cohort, only: {}, matches: within, ...asked, by }),
            0,
          )
        }
    })
  const year = Array.from({ length: 12 }, (_, i) => `2026-${String(i + 1).padStart(2, '0')}`)
  const [ofMonth, ofYear, ofAll] = [await whatIf(['2026-10']), await whatIf(year), await whatIf()]
  table.say(
    'what-if, every option of every switch: a month, a year, all months',
    [ofMonth, ofYear, ofAll].map(({ wallMs }) => milliseconds(wallMs)).join(', '),
    '',
    '< 1 s',
  )
  const formula = formulaOf(plan, {})
  const mean = await timed(() => cube.cells({ cohort: formula.cohort, by: ['item'], only: {}, matches: within }))
  table.say(
    `rows of all ${items} items, all months`,
    `${milliseconds(mean.wallMs)}, ${mean.result.size} rows`,
    '',
    '< 1 s',
  )
  table.say(
    'memory, with all months in files',
    `${(process.memoryUsage.rss() / 2 ** 30).toFixed(2)} GiB`,
    '',
    '< 4 GiB',
  )
}

try {
  if (inStore > 0) await measureProduct(table, directory, rules, inStore)
  if (months > 0) await measureCubes()
} finally {
  table.print()
  rmSync(directory, { recursive: true, force: true })
}
