// Twelve ways of fabrication, done to 1 to 20 % of a unit's cases, before the checks and two baselines: on the families of
// honest units on which the checks were tuned, on another that they had not seen, and on units made of a real permit log.
// Usage: npm run eval:fabrication [-- --units 200 --treated 20 --seed 1 --data ../shared/data/kpi]
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loadEvidence, readMapping } from '#kpi/cases/load.ts'
import type { CaseRecord } from '#kpi/contract.ts'
import { fabricationWays } from '#kpi/demo/fabrications.ts'
import { type Family, scoringFamily, tuningFamily, validationFamily } from '#kpi/demo/family.ts'
import {
  type Background,
  evaluate,
  familyBackground,
  rates,
  type Score,
  type Trial,
  thresholdFor,
} from '#kpi/eval/fabrication.ts'
import { fitCases, permitBackground } from '#kpi/eval/permits.ts'
import type { CheckContext } from '#kpi/integrity/observed-case.ts'
import { discoveryRate } from '#kpi/integrity/screen.ts'
import { readTraceRules } from '#kpi/integrity/traces.ts'
import { calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { zoneOf } from '#kpi/time/zone.ts'

const { values } = parseArgs({
  options: {
    units: { type: 'string', default: '200' },
    treated: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    data: { type: 'string', default: '../shared/data/kpi' },
  },
})
const [units, treated, seed] = [Number(values.units), Number(values.treated), Number(values.seed)]
const root = resolve(import.meta.dirname, '..')
const traces = readTraceRules(join(root, 'rules/kpi/integrity/traces.yml')).rules!
const { calendars } = readCalendars(join(root, 'rules/kpi/calendars'))
const calendar =
  calendarAt(calendars.map(compileCalendar), 'cn', Date.UTC(2026, 0, 1)) ?? compileCalendar(calendars[0]!)
const context: CheckContext = { zone: zoneOf('Asia/Shanghai'), calendar, traces }
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const cpuSeconds = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e6

async function recordsOf(file: string, mapping: string): Promise<CaseRecord[] | undefined> {
  const path = resolve(root, values.data, file)
  if (!existsSync(path)) return undefined
  const spec = readMapping(join(root, 'tests/kpi/mappings', `${mapping}.yml`))
  return (await loadEvidence([{ file: path, knownMs: 0, mapping: spec }])).cases.map(({ record }) => record)
}

const permits = await recordsOf('wabo-receipt-events.csv', 'permits')
console.log('## What real records say of honest behaviour')
for (const [name, records, zone] of [
  ['permits', permits, 'Europe/Amsterdam'],
  ['requests, Boston', await recordsOf('boston311-100.csv', 'requests-boston'), 'America/New_York'],
  ['requests, New York', await recordsOf('nyc311-100.csv', 'requests-nyc'), 'America/New_York'],
] as const) {
  if (!records) {
    console.log(`${name}: not there, the families keep what was fitted before`)
    continue
  }
  const fit = fitCases(records, zoneOf(zone))
  console.log(`${name}: ${fit.closed} closed, sigma of log duration ${fit.durationSigma.toFixed(2)}`)
  for (const [what, share] of Object.entries(fit.shares)) console.log(`  ${what}: ${percent(share)}`)
}

function family(name: string, of: Family, from: number): void {
  report(name, familyBackground(of, from, units, context), context)
}
family('Family A, on which the checks were tuned', tuningFamily, seed)
family('Family B, with which the width of the funnels was set', validationFamily, seed + 1000)
family('Family C, other honest behaviour, looked at only to report', scoringFamily, seed + 2000)
if (permits) {
  const plain = compileCalendar({ ...calendars[0]!, off: {}, work: {} })
  report('Units made of a real permit log', permitBackground(permits, seed, Math.min(units, 120)), {
    ...{ zone: zoneOf('Europe/Amsterdam'), calendar: plain, traces },
  })
}

function report(title: string, background: Background, around: CheckContext): void {
  const before = cpuSeconds()
  const { honest, trials } = evaluate(background, around, { treatedPerTrial: treated, seed, dependent: false })
  console.log(`\n## ${title}`)
  const sizes = Array.from({ length: background.units }, (_, at) => background.year(at).cases.length).sort(
    (a, b) => a - b,
  )
  console.log(
    `${background.units} units of ${sizes[0]} to ${sizes.at(-1)} cases, median ${sizes[sizes.length >> 1]}; ${treated} treated at a time; ${(cpuSeconds() - before).toFixed(0)} s of CPU`,
  )
  const isFound = (one: Score): boolean => one.qValue <= discoveryRate
  const untouched = trials.flatMap((trial) => trial.untouched)
  console.log(
    `false alarms: ${percent(share(honest, isFound))} of ${honest.length} units when all are honest, ${percent(share(untouched, isFound))} of ${untouched.length} untouched beside treated`,
  )
  const found = trials.flatMap((trial) => trial.treated).filter(isFound).length
  const falsely = untouched.filter(isFound).length
  console.log(
    `of the units asked about ${percent(falsely / (falsely + found || 1))} were untouched (false discoveries; Benjamini–Hochberg at ${percent(discoveryRate)})`,
  )
  const benford = thresholdFor(
    untouched.map((one) => one.benford),
    0.05,
  )
  const zScore = thresholdFor(
    untouched.map((one) => one.zScore),
    0.05,
  )
  const methods: [string, (one: Score) => boolean][] = [
    ['checks', isFound],
    ['Benford', (one) => one.benford > benford],
    ['z-score', (one) => one.zScore > zScore],
  ]
  console.log(
    `${'recall of units'.padEnd(20)} ${rates.map((rate) => percent(rate).padStart(7)).join('')}   0.90 from   Benford  z-score (at 5 % false alarms each; all rates)`,
  )
  const inAll: Record<string, number[]> = {}
  for (const way of fabricationWays) {
    const own = trials.filter((trial) => trial.way === way)
    if (own.length === 0) continue
    const recalls = rates.map((rate) => recallOf(own, rate, isFound))
    const from = rates.find((_, i) => recalls.slice(i).every((recall) => recall >= 0.9))
    const beside = methods.slice(1).map(([, is]) => mean(rates.map((rate) => recallOf(own, rate, is))))
    console.log(
      `${way.padEnd(20)} ${recalls.map((recall) => recall.toFixed(2).padStart(7)).join('')}   ${(from === undefined ? 'not reached' : percent(from)).padStart(9)}   ${beside.map((one) => one.toFixed(2).padStart(7)).join('  ')}`,
    )
  }
  for (const [name, is] of methods) {
    inAll[name] = rates.map((rate) =>
      mean(
        fabricationWays.flatMap((way) => {
          const own = trials.filter((trial) => trial.way === way)
          return own.length === 0 ? [] : [recallOf(own, rate, is)]
        }),
      ),
    )
    const recalls = inAll[name]
    console.log(
      `${`all ways, ${name}`.padEnd(20)} ${recalls.map((one) => one.toFixed(2).padStart(7)).join('')}   mean ${mean(recalls).toFixed(3)}`,
    )
  }
  const rules = new Map<string, number>()
  for (const one of untouched.filter(isFound)) rules.set(one.rule, (rules.get(one.rule) ?? 0) + 1)
  console.log(`false alarms by rule: ${[...rules].map(([rule, count]) => `${rule} ${count}`).join(', ') || 'none'}`)
}

function recallOf(trials: readonly Trial[], rate: number, is: (one: Score) => boolean): number {
  return share(trials.find((trial) => trial.rate === rate)!.treated, is)
}
function share<T>(list: readonly T[], is: (one: T) => boolean): number {
  return list.filter(is).length / (list.length || 1)
}
function mean(list: readonly number[]): number {
  return list.reduce((sum, one) => sum + one, 0) / (list.length || 1)
}
