// Twelve ways of fabrication, done to 1 to 20 % of a unit's cases, before the checks and two baselines: on the family of honest
// units on which the method was fixed, on two others that only judge it, and on units made of a real permit log; with and
// without the telemetry of others, by way, by rate and by size of the unit; and on families that are drawn from the seed.
// Usage: npm run eval:fabrication [-- --units 200 --treated 20 --seed 1 --family A,B,C,D1,D2,D3,permits --data ../shared/data/kpi]
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { loadEvidence, readMapping } from '#kpi/cases/load.ts'
import type { CaseRecord } from '#kpi/contract.ts'
import { type FabricationWay, fabricationWays } from '#kpi/demo/fabrications.ts'
import { drawnFamily, type Family, scoringFamily, tuningFamily, validationFamily } from '#kpi/demo/family.ts'
import {
  type Background,
  type Evaluated,
  evaluate,
  familyBackground,
  rates,
  type Score,
  thresholdFor,
} from '#kpi/eval/fabrication.ts'
import { fitCases, permitBackground } from '#kpi/eval/permits.ts'
import type { CheckContext } from '#kpi/integrity/observed-case.ts'
import { discoveryRate, spotCheckRate } from '#kpi/integrity/screen.ts'
import { readTraceRules } from '#kpi/integrity/traces.ts'
import { calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { zoneOf } from '#kpi/time/zone.ts'

const { values } = parseArgs({
  options: {
    units: { type: 'string', default: '200' },
    treated: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    family: { type: 'string', default: 'A,B,C,D1,D2,D3,permits' },
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
const sizeBands = [
  ['under 400 cases', 0, 400],
  ['400 to 1,000', 400, 1000],
  ['1,000 to 3,000', 1000, 3000],
  ['3,000 and more', 3000, Number.POSITIVE_INFINITY],
] as const
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

const isFound = (one: Score): boolean => one.isAsked || one.isSpotCheck
const wanted = values.family.split(',')
const families: [name: string, title: string, of: Family, seed: number][] = [
  ['A', 'Family A, on which the method was fixed', tuningFamily, seed],
  ['B', 'Family B, which judges only', validationFamily, seed + 1000],
  ['C', 'Family C, which judges only', scoringFamily, seed + 2000],
  ...[1, 2, 3].map((n): [string, string, Family, number] => [
    `D${n}`,
    `Family D${n}, drawn from the seed`,
    drawnFamily(draws(seededRandom(seed * 7919 + n))),
    seed + 3000 + n,
  ]),
]
for (const [name, title, of, from] of families)
  if (wanted.includes(name)) report(title, familyBackground(of, from, units, context), context)
if (permits && wanted.includes('permits')) {
  const plain = compileCalendar({ ...calendars[0]!, off: {}, work: {} })
  report('Units made of a real permit log', permitBackground(permits, seed, Math.min(units, 120)), {
    ...{ zone: zoneOf('Europe/Amsterdam'), calendar: plain, traces },
  })
}

function report(title: string, background: Background, around: CheckContext): void {
  const before = cpuSeconds()
  const run = (telemetry: boolean) =>
    evaluate(background, around, { treatedPerTrial: treated, seed, dependent: false, telemetry })
  const told = run(true)
  const hasTelemetry = told.trials.length > 0 && background.hasTelemetry
  console.log(`\n## ${title}`)
  const sizes = told.honest.map(({ cases }) => cases).sort((a, b) => a - b)
  console.log(
    `${background.units} units of ${sizes[0]} to ${sizes.at(-1)} cases, median ${sizes[sizes.length >> 1]}; ${treated} treated at a time`,
  )
  tell(hasTelemetry ? 'with telemetry' : 'no telemetry recorded', told)
  if (hasTelemetry) tell('without telemetry', run(false))
  console.log(`${(cpuSeconds() - before).toFixed(0)} s of CPU`)
}

function tell(title: string, { honest, trials }: Evaluated): void {
  const untouched = trials.flatMap((trial) => trial.untouched)
  const asked = trials.flatMap((trial) => trial.treated).filter(({ isAsked }) => isAsked).length
  const falselyAsked = untouched.filter(({ isAsked }) => isAsked).length
  console.log(`\n### ${title}`)
  console.log(
    `false alarms, of ${honest.length} units when all are honest: ${percent(share(honest, isFound))} (asked ${percent(share(honest, (one) => one.isAsked))}); of ${untouched.length} untouched beside treated: ${percent(share(untouched, isFound))} (asked ${percent(share(untouched, (one) => one.isAsked))})`,
  )
  console.log(
    `of the units asked ${percent(falselyAsked / (falselyAsked + asked || 1))} were untouched (false discoveries, bound ${percent(discoveryRate)})`,
  )
  const threshold = (of: (one: Score) => number): number => thresholdFor(untouched.map(of), spotCheckRate)
  const [benford, zScore] = [threshold((one) => one.benford), threshold((one) => one.zScore)]
  const methods: [string, (one: Score) => boolean][] = [
    ['found', isFound],
    ['of these asked', (one) => one.isAsked],
    ['Benford', (one) => one.benford > benford],
    ['z-score', (one) => one.zScore > zScore],
  ]
  const row = (name: string, recalls: readonly number[], rest: string): void =>
    console.log(`${name.padEnd(24)}${recalls.map((one) => one.toFixed(2).padStart(8)).join('')}   ${rest}`)
  console.log(
    `${'recall of units'.padEnd(24)}${rates.map((rate) => percent(rate).padStart(8)).join('')}    mean   0.90 from   asked  Benford  z-score (each at ${percent(spotCheckRate)} false alarms, all rates)`,
  )
  const ways = fabricationWays.filter((way) => trials.some((trial) => trial.way === way))
  const recallsOf = (way: FabricationWay, is: (one: Score) => boolean): number[] =>
    rates.map((rate) => share(trials.find((trial) => trial.way === way && trial.rate === rate)!.treated, is))
  for (const way of ways) {
    const recalls = recallsOf(way, isFound)
    const from = rates.find((_, i) => recalls.slice(i).every((recall) => recall >= 0.9))
    const beside = methods.slice(1).map(([, is]) => mean(recallsOf(way, is)).toFixed(2).padStart(9))
    row(
      way,
      recalls,
      `${mean(recalls).toFixed(3)} ${(from === undefined ? 'not reached' : percent(from)).padStart(11)}${beside.join('')}`,
    )
  }
  for (const [name, is] of methods) {
    const recalls = rates.map((_, i) => mean(ways.map((way) => recallsOf(way, is)[i]!)))
    row(`all ways, ${name}`, recalls, mean(recalls).toFixed(3))
  }
  for (const [name, from, to] of sizeBands) {
    const within = rates.map((rate) =>
      trials
        .filter((trial) => trial.rate === rate)
        .flatMap((trial) => trial.treated.filter(({ cases }) => cases >= from && cases < to)),
    )
    row(
      `all ways, ${name}`,
      within.map((list) => share(list, isFound)),
      `of ${within.map((list) => list.length).join(', ')}`,
    )
  }
  const rules = new Map<string, number>()
  for (const one of untouched.filter(isFound)) rules.set(one.rule, (rules.get(one.rule) ?? 0) + 1)
  const loudest = [...rules].sort((a, b) => b[1] - a[1]).slice(0, 12)
  console.log(`false alarms by rule: ${loudest.map(([rule, count]) => `${rule} ${count}`).join(', ') || 'none'}`)
}

function share<T>(list: readonly T[], is: (one: T) => boolean): number {
  return list.filter(is).length / (list.length || 1)
}
function mean(list: readonly number[]): number {
  return list.reduce((sum, one) => sum + one, 0) / (list.length || 1)
}
