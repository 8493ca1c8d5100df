// Figures that were counted by others on real data, reproduced to the digit, and by two implementations.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadEvidence, readMapping } from './cases/load.ts'
import type { KpiValue } from './contract.ts'
import type { Definition } from './definitions/definition.ts'
import { findDefinition } from './definitions/load.ts'
import { computeKpi } from './engine/compute.ts'
import { consultOracle } from './oracle/oracle.ts'
import { calendarAt, compileCalendar, readCalendars } from './time/calendar.ts'
import { parsePeriod } from './time/period.ts'
import { zoneOf } from './time/zone.ts'

const root = resolve(import.meta.dirname, '..')
const data = resolve(root, '../shared/data/kpi')
const present = existsSync(data)
const rules = join(root, 'rules/kpi')
const spec = (name: string) => join(root, 'tests/kpi/mappings', `${name}.yml`)
const own = (name: string) => join(root, 'tests/kpi/definitions', `${name}.yml`)

const sets = {
  permits: { mapping: 'permits', files: [['wabo-receipt-events.csv', 0]], at: '2012-01-01' },
  boston: { mapping: 'requests-boston', files: [['boston311-100.csv', 0]], at: '2026-01-01' },
  nyc: { mapping: 'requests-nyc', files: [['nyc311-100.csv', 0]], at: '2026-01-01' },
  older: {
    mapping: 'services',
    files: [['uk-services-vintages/2016-11-30_1082c417.csv', Date.UTC(2016, 10, 30)]],
    at: '2026-01-01',
  },
  both: {
    mapping: 'services',
    files: [
      ['uk-services-vintages/2016-11-30_1082c417.csv', Date.UTC(2016, 10, 30)],
      ['uk-services-vintages/2017-02-02_43e92973.csv', Date.UTC(2017, 1, 2)],
    ],
    at: '2026-01-01',
  },
  monthly: { mapping: 'monthly', files: [['guangdong-official-monthly.json', 0]], at: '2026-01-01' },
  items: { mapping: 'items', files: [['guangan-catalogue.json', 0]], at: '2026-01-01' },
  interfaces: { mapping: 'interfaces', files: [['uk-api-catalogue.csv', 0]], at: '2026-01-01' },
} as const satisfies Record<string, { mapping: string; files: readonly (readonly [string, number])[]; at: string }>

interface Question {
  set: keyof typeof sets
  definition: string
  switches?: Record<string, string>
  by?: string[]
  only?: Record<string, string>
  period?: string
  knownAt?: string
}

const { calendars } = readCalendars(join(rules, 'calendars'))
const compiled = calendars.map(compileCalendar)
const evidence = new Map<string, ReturnType<typeof loadEvidence>>()

async function ask(question: Question): Promise<{ engine: KpiValue[]; oracle: ReturnType<typeof consultOracle> }> {
  const { mapping, files, at } = sets[question.set]
  const named = files.map(([file, knownMs]) => ({ file: join(data, file), mapping: spec(mapping), knownMs }))
  const validMs = Date.parse(at)
  const knownMs = question.knownAt ? Date.parse(question.knownAt) : validMs
  const { plan } = findDefinition(rules, question.definition)
  let loading = evidence.get(question.set)
  if (!loading) {
    loading = loadEvidence(named.map((one) => ({ ...one, mapping: readMapping(one.mapping) })))
    evidence.set(question.set, loading)
  }
  const common = {
    switches: question.switches ?? {},
    by: question.by ?? [],
    only: question.only ?? {},
    validMs,
    knownMs,
  }
  const engine = computeKpi(plan, await loading, {
    ...common,
    period: parsePeriod(question.period ?? 'all', zoneOf(plan.definition.zone)),
    calendar: calendarAt(compiled, plan.definition.calendar, knownMs)!,
    catalogueVersion: null,
  })
  const oracle = consultOracle({
    ...{ files: named, rules, definition: question.definition, period: question.period ?? 'all' },
    ...common,
  })
  return { engine, oracle }
}

function figures(value: KpiValue | ReturnType<typeof consultOracle>[number]) {
  const {
    kpi,
    dimensions,
    switches,
    state,
    ratio,
    numerator,
    denominator,
    count,
    groups,
    exclusions,
    calendarVersion,
  } = value
  return { kpi, dimensions, switches, state, ratio, numerator, denominator, count, groups, exclusions, calendarVersion }
}

/** The one cell, on which both agree. */
async function one(question: Question) {
  const { engine, oracle } = await ask(question)
  expect(engine.map(figures)).toEqual(oracle.map(figures))
  expect(engine).toHaveLength(1)
  return engine[0]!
}

async function over(question: Question): Promise<string> {
  const { numerator, denominator } = await one(question)
  return `${numerator}/${denominator}`
}

describe.skipIf(!present)('known answers (needs ../shared/data/kpi)', { timeout: 600_000 }, () => {
  it('counts permits per channel', async () => {
    const { engine, oracle } = await ask({
      set: 'permits',
      definition: own('count-cases'),
      by: ['state', 'channelRaw'],
    })
    expect(engine.map(figures)).toEqual(oracle.map(figures))
    const counts = Object.fromEntries(
      engine.map(({ dimensions: { state, channelRaw }, count }) => [`${state} ${channelRaw}`, count]),
    )
    expect(counts).toMatchObject({
      'closed Internet': 658,
      'closed Desk': 96,
      'closed Post': 51,
      'closed e-mail': 18,
      'closed Intern': 1,
    })
    expect(
      engine.filter(({ dimensions }) => dimensions['state'] === 'open').reduce((sum, { count }) => sum + count, 0),
    ).toBe(9)
  })

  it('gives the online share of permits by either definition', async () => {
    expect(await over({ set: 'permits', definition: 'online-intake', switches: { post: 'offline' } })).toBe('658/824')
    expect(await over({ set: 'permits', definition: 'online-intake', switches: { email: 'online' } })).toBe('676/824')
  })

  it('gives late permits by the instant, by the day, and with the overdue open ones', async () => {
    const late = (switches: Record<string, string>) => over({ set: 'permits', definition: 'late', switches })
    expect(await late({ late: 'instant', overdueOpen: 'ignore' })).toBe('279/824')
    const local = join(root, 'tests/kpi/definitions/late-amsterdam.yml')
    expect(await over({ set: 'permits', definition: local, switches: { late: 'day', overdueOpen: 'ignore' } })).toBe(
      '222/824',
    )
    expect(await late({ late: 'instant' })).toBe('288/833')
  })

  it('sees the pile at the deadline of permits', async () => {
    const { engine, oracle } = await ask({
      set: 'permits',
      definition: own('count-cases-amsterdam'),
      by: ['due.dayDifference'],
    })
    expect(engine.map(figures)).toEqual(oracle.map(figures))
    const at = (day: string) => engine.find(({ dimensions }) => dimensions['due.dayDifference'] === day)?.count
    expect(['-2', '-1', '0', '1', '2'].map(at)).toEqual([27, 45, 57, 27, 9])
    const { engine: lengths } = await ask({
      set: 'permits',
      definition: own('count-cases-amsterdam'),
      by: ['due.daysAfterOpened'],
    })
    expect(lengths.find(({ dimensions }) => dimensions['due.daysAfterOpened'] === '56')?.count).toBe(621)
  })

  it('knows no target from in time', async () => {
    expect(await one({ set: 'boston', definition: 'on-time' })).toMatchObject({
      numerator: '72',
      denominator: '89',
      exclusions: { 'no-deadline': 11 },
    })
    expect(await over({ set: 'boston', definition: 'on-time', switches: { overdueOpen: 'ignore' } })).toBe('72/77')
  })

  it('reads dates with AM and PM, midnights and cases of one second', async () => {
    expect(await over({ set: 'nyc', definition: 'late', switches: { overdueOpen: 'ignore' } })).toMatch(/^8\//)
    const midnight = await ask({ set: 'nyc', definition: own('count-cases-new-york'), by: ['opened.midnight'] })
    expect(midnight.engine.map(figures)).toEqual(midnight.oracle.map(figures))
    expect(midnight.engine.find(({ dimensions }) => dimensions['opened.midnight'] === 'true')?.count).toBe(14)
    const seconds = await ask({ set: 'nyc', definition: own('count-cases-new-york'), by: ['elapsed.seconds'] })
    expect(seconds.engine.find(({ dimensions }) => dimensions['elapsed.seconds'] === '0')?.count).toBe(4)
  })

  it('shows weighted and unweighted share of one year in both publications', async () => {
    const share = (switches: Record<string, string>, knownAt?: string) =>
      one({ set: 'both', definition: 'digital-share', switches, period: '2015', ...(knownAt ? { knownAt } : {}) })
    const older = await share({ weight: 'volume' }, '2016-12-31')
    expect(older).toMatchObject({ numerator: '2280560221', denominator: '2493037517' })
    expect((await share({ weight: 'item' }, '2016-12-31')).groups).toEqual({ count: 469, counted: 447 })
    expect(decimal(await share({ weight: 'item' }, '2016-12-31'))).toBe('0.4812')
    const newer = await share({ weight: 'volume' })
    expect(newer.denominator).toBe('2585375803')
    expect(decimal(newer)).toBe('0.8795')
    expect(decimal(older)).toBe('0.9148')
    const mean = await share({ weight: 'item' })
    expect(mean.groups).toEqual({ count: 480, counted: 461 })
    expect(decimal(mean)).toBe('0.4633')
  })

  it('reconciles published figures', async () => {
    const differences = async (period: string) => {
      const { engine, oracle } = await ask({ set: 'monthly', definition: 'figures-add-up', by: ['group'], period })
      expect(engine.map(figures)).toEqual(oracle.map(figures))
      return Object.fromEntries(
        engine
          .filter(({ ratio }) => ratio)
          .map(({ dimensions, ratio }) => [dimensions['group'], Number(ratio!.numerator)]),
      )
    }
    expect(await differences('2020-01')).toEqual({ reviews: 0, ratings: 631_793, closed: 5, accepted: 0 })
    expect(await differences('2021-01')).toEqual({ reviews: 0, ratings: 836_852 })
    expect(await differences('2023-07')).toEqual({ reviews: 0, ratings: 417_632 })
    const rounded = async (definition: string, period: string) =>
      Number(decimal(await one({ set: 'monthly', definition: own(definition), period }), 10n ** 6n)).toFixed(4)
    expect(
      await Promise.all(['2020-01', '2021-01', '2023-07'].map((period) => rounded('lowest-grade', period))),
    ).toEqual(['0.7729', '0.0043', '0.0013'])
    expect(
      (await Promise.all(['2020-01', '2021-01', '2023-07'].map((period) => rounded('reviews-per-case', period)))).map(
        (text) => Number(text).toFixed(2),
      ),
    ).toEqual(['0.32', '0.88', '1.24'])
  })

  it('imports a catalogue and counts it', async () => {
    expect((await one({ set: 'items', definition: own('count-items') })).count).toBe(1135)
    const by = async (field: string) => {
      const { engine, oracle } = await ask({ set: 'items', definition: own('count-items'), by: [field] })
      expect(engine.map(figures)).toEqual(oracle.map(figures))
      return Object.fromEntries(engine.map(({ dimensions, count }) => [dimensions[field], count]))
    }
    expect(await by('kind')).toEqual({ '1': 536, '20': 348, '10': 182, '7': 50, '5': 9, '9': 8, '8': 2 })
    const departments = await by('department')
    expect(Object.keys(departments)).toHaveLength(34)
    expect(
      Object.values(departments)
        .sort((a, b) => Number(b) - Number(a))
        .slice(0, 4),
    ).toEqual([344, 144, 107, 83])
    const providers = await ask({ set: 'interfaces', definition: own('count-interfaces'), by: ['provider'] })
    expect(providers.engine.map(figures)).toEqual(providers.oracle.map(figures))
    expect(providers.engine).toHaveLength(26)
    expect(providers.engine.reduce((sum, { count }) => sum + count, 0)).toBe(200)
  })

  it('engine and oracle agree on every set and every combination of switches', { timeout: 240_000 }, async () => {
    const questions: [keyof typeof sets, string[]][] = [
      ['permits', ['online-completion', 'online-intake', 'on-time', 'late', 'promise-kept', 'certificate-use']],
      ['boston', ['online-completion', 'on-time', 'late']],
      ['nyc', ['online-completion', 'on-time', 'late']],
      ['both', ['digital-share']],
      ['monthly', ['figures-add-up']],
      ['items', ['time-compression', 'certificate-issuing']],
      ['interfaces', ['information-sharing']],
    ]
    let compared = 0
    for (const [set, definitions] of questions)
      for (const definition of definitions)
        for (const switches of combinations(findDefinition(rules, definition).plan.definition)) {
          const { engine, oracle } = await ask({ set, definition, switches, by: ['department'] })
          expect(engine.map(figures), `${set} ${definition} ${JSON.stringify(switches)}`).toEqual(oracle.map(figures))
          compared++
        }
    expect(compared).toBeGreaterThan(100)
  })
})

const combinationsMax = 24

/** All of them while they are few; else every option alone, and all the others together. */
function combinations({ switches }: Definition): Record<string, string>[] {
  const all = Object.entries(switches).reduce<Record<string, string>[]>(
    (made, [name, { options }]) =>
      made.length > combinationsMax
        ? made
        : made.flatMap((one) => Object.keys(options).map((option) => ({ ...one, [name]: option }))),
    [{}],
  )
  if (all.length <= combinationsMax) return all
  const single = Object.entries(switches).flatMap(([name, { options }]) =>
    Object.keys(options).map((option) => ({ [name]: option })),
  )
  const last = Object.fromEntries(
    Object.entries(switches).map(([name, { options }]) => [name, Object.keys(options).at(-1)!]),
  )
  return [...single, last]
}

function decimal({ ratio }: KpiValue, scale = 10_000n): string {
  const rounded =
    (BigInt(ratio!.numerator) * scale * 2n + BigInt(ratio!.denominator)) / (2n * BigInt(ratio!.denominator))
  return (Number(rounded) / Number(scale)).toString()
}
