import { join } from 'node:path'
import { expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { type FabricationWay, fabricate } from '../demo/fabrications.ts'
import { tuningFamily } from '../demo/family.ts'
import { drawUnit, type HonestYear, honestYear } from '../demo/honest-unit.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { zoneOf } from '../time/zone.ts'
import type { CheckContext } from './observed-case.ts'
import { OutageFinder } from './outages.ts'
import { compareWithPeers } from './peers.ts'
import { discoveryRate, screenUnits } from './screen.ts'
import { readTraceRules } from './traces.ts'
import { UnitSigns } from './unit-signs.ts'

const rules = join(import.meta.dirname, '../../rules/kpi')
const context: CheckContext = {
  zone: zoneOf('Asia/Shanghai'),
  calendar: compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!),
  traces: readTraceRules(join(rules, 'integrity/traces.yml')).rules!,
}
const span = { fromMs: Date.UTC(2025, 0, 1), toMs: Date.UTC(2026, 0, 1) }
const family = { ...tuningFamily, sizeMax: 1500 }

const yearOf = (at: number): HonestYear => {
  const draw = draws(seededRandom(77_000 + at))
  return honestYear(drawUnit(`u${at}`, '4401', family, draw), span, context.calendar, draw)
}
const signsOf = ({ unit, cases, orphans }: HonestYear, around = context): UnitSigns => {
  const signs = new UnitSigns(unit.id)
  for (const one of cases) signs.add(one, around)
  for (const { reference, kind } of orphans) signs.addOrphan(reference, kind)
  signs.finish()
  return signs
}
const honest = Array.from({ length: 60 }, (_, at) => signsOf(yearOf(at)))

const flagged = (units: readonly UnitSigns[]): Map<string, string[]> => {
  const found = new Map<string, string[]>()
  for (const { unit, rule, qValue } of screenUnits(units, { dependent: false }).tests)
    if (qValue <= discoveryRate) found.set(unit, [...(found.get(unit) ?? []), rule])
  return found
}

it('asks hardly any honest unit anything', () => {
  expect(flagged(honest).size).toBeLessThanOrEqual(3)
})

it.each<[FabricationWay, string]>([
  ['back-dating', 'dated-back'],
  ['clock-stops', 'stop-at-the-deadline-untold'],
  ['window-as-online', 'signs-of-a-counter'],
  ['duplicates', 'entered-twice-unseen'],
  ['ghost-cases', 'no-trace-at-all'],
  ['flat-lining', 'same-duration'],
  ['relabelled-channel', 'signs-of-a-counter'],
  ['denominator', 'left-the-population'],
])('sees %s in a tenth of the cases by `%s`, with the cases that are meant', (way, rule) => {
  // One that has tickets and enough cases; each way leaves other traces.
  const at = honest.findIndex(({ facts, unconnected }) => facts.cases > 700 && unconnected.length === 0)
  const { year, treated } = fabricate(yearOf(at), way, 0.1, draws(seededRandom(5)))
  const units = honest.map((one, i) => (i === at ? signsOf(year) : one))
  expect(flagged(units).get(`u${at}`)).toContain(rule)
  const test = screenUnits(units, { dependent: false }).tests.find((one) => one.unit === `u${at}` && one.rule === rule)!
  expect(test.seen!).toBeGreaterThan(3 * test.expected!)
  const meant = test.evidence.filter((id) => treated.some((one) => one === id || one.startsWith(id)))
  expect(meant.length).toBeGreaterThan(test.evidence.length / 2)
})

it('does not accuse a unit of what a sensor of all did not see in those days', () => {
  const fromMs = Date.UTC(2025, 5, 1)
  const toMs = Date.UTC(2025, 7, 1)
  const blinded = (year: HonestYear): HonestYear => ({
    ...year,
    cases: year.cases.map((one) => ({
      ...one,
      record: {
        ...one.record,
        traces: one.record.traces.filter(
          ({ kind, atMs }) => (kind !== 'login' && kind !== 'gateway-call') || atMs < fromMs || atMs > toMs,
        ),
      },
    })),
  })
  const years = Array.from({ length: 60 }, (_, at) => (at < 10 ? blinded(yearOf(at)) : yearOf(at)))
  const standingOut = (around: CheckContext) =>
    screenUnits(
      years.map((year) => signsOf(year, around)),
      { dependent: false },
    ).tests.filter(
      ({ unit, rule, seen, expected }) =>
        rule === 'online-without-sign-in' && Number(unit.slice(1)) < 10 && seen! > 10 && seen! > 2.5 * expected!,
    )
  const unseen = standingOut(context)
  expect(new Set(unseen.map(({ unit }) => unit)).size).toBeGreaterThan(5)
  // A poor sensor is a habit of the place: even so nobody is asked because of it alone.
  expect(unseen.filter(({ qValue }) => qValue <= discoveryRate)).toEqual([])
  const outage = (kind: 'login' | 'gateway-call') => ({
    kind,
    region: '',
    fromMs: fromMs - 3 * 86_400_000,
    toMs: toMs + 3 * 86_400_000,
    source: 'test',
  })
  const told = { ...context, traces: context.traces.withOutages([outage('login'), outage('gateway-call')]) }
  expect(standingOut(told).length).toBeLessThan(3)
  expect(signsOf(years[0]!, told).facts.blind).toBeGreaterThan(0)
})

it('finds by itself the days on which a sensor saw nobody, and still sees who invents cases', () => {
  const fromMs = Date.UTC(2025, 5, 1) - 8 * 3_600_000
  const toMs = Date.UTC(2025, 5, 15) - 8 * 3_600_000
  const at = honest.findIndex(({ facts, unconnected }) => facts.cases > 700 && unconnected.length === 0)
  const finder = new OutageFinder()
  const units = Array.from({ length: 60 }, (_, i) => {
    const year = i === at ? fabricate(yearOf(i), 'ghost-cases', 0.1, draws(seededRandom(5))).year : yearOf(i)
    const signs = new UnitSigns(year.unit.id)
    for (const one of year.cases) {
      const traces = one.record.traces.filter(({ kind, atMs }) => kind !== 'login' || atMs < fromMs || atMs >= toMs)
      signs.add({ ...one, record: { ...one.record, traces } }, context)
    }
    signs.tellDays(finder)
    return signs
  })
  const outages = finder.find()
  expect(outages.map(({ kind, region }) => [kind, region])).toEqual([['login', '4401']])
  expect(outages[0]).toMatchObject({ fromMs: fromMs + 8 * 3_600_000, toMs: toMs + 8 * 3_600_000 })
  for (const one of units) one.finish(outages)
  const found = flagged(units)
  expect(found.get(`u${at}`)).toContain('no-trace-at-all')
  const unsigned = [...found].filter(([, list]) => list.includes('online-without-sign-in')).map(([unit]) => unit)
  expect(unsigned.filter((unit) => unit !== `u${at}`)).toEqual([])
  expect(found.size).toBeLessThanOrEqual(4)
})

it('a funnel is as wide as honest units lie apart, and those far outside do not widen it', () => {
  const draw = draws(seededRandom(9))
  const unit = (at: number, share: number) => {
    let suspects = 0
    for (let i = 0; i < 800; i++) if (draw.is(share)) suspects++
    return { unit: `n${at}`, strata: new Map([['all', { judged: 800, suspects }]]) }
  }
  const alike = Array.from({ length: 90 }, (_, at) => unit(at, draw.share(0.05, 0.3)))
  const clean = compareWithPeers(alike)
  const outside = compareWithPeers([...alike, ...Array.from({ length: 10 }, (_, at) => unit(90 + at, 0.35))])
  expect(Math.sqrt(clean.spread)).toBeGreaterThan(0.2)
  expect(outside.spread).toBeLessThan(clean.spread * 2)
  expect(outside.units.filter(({ pValue }) => pValue < 1e-4).map(({ unit: name }) => name)).toEqual(
    Array.from({ length: 10 }, (_, at) => `n${90 + at}`),
  )
  expect(clean.units.filter(({ pValue }) => pValue < 0.01).length).toBeLessThanOrEqual(3)
})

it('is not asked: a unit with too few cases, and what no peers have', () => {
  const few = (unit: string, name: string, judged: number, suspects: number) => ({
    unit,
    strata: new Map([[name, { judged, suspects }]]),
  })
  const peers = Array.from({ length: 20 }, (_, at) => few(`n${at}`, 'a', 200, 4))
  const { units } = compareWithPeers([...peers, few('small', 'a', 20, 20), few('alone', 'b', 500, 500)])
  expect(units.map(({ unit }) => unit)).not.toContain('small')
  expect(units.map(({ unit }) => unit)).not.toContain('alone')
})
