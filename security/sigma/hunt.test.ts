// Rules over a real event store: what the store leaves out never is a match.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { createDuckEvents, type DuckEvents, duckEventsDefaults } from '#stores/events/duckdb/store.ts'
import { event, testMs } from '#stores/events/testing.ts'
import type { SigmaCorrelation, SigmaRule } from './1-parse/ast.ts'
import { readSigma } from './1-parse/read.ts'
import { type HuntMatch, type HuntSummary, hunt, withReferences } from './hunt.ts'
import { lift } from './lift.ts'
import { loadRules } from './load.ts'
import { mayMatch } from './may-match.ts'
import { mutated } from './oracle/mutate.ts'
import { loadTaxonomy } from './taxonomy.ts'

const root = resolve(import.meta.dirname, '../..')
const taxonomy = loadTaxonomy(resolve(root, 'rules/taxonomy/sigma.yml'))
const read = (text: string) => {
  const { documents, problems } = readSigma('t.yml', text, { placeholders: new Map(), license: '' })
  expect(problems).toEqual([])
  return {
    rules: documents.filter((one): one is SigmaRule => one.kind === 'rule'),
    correlations: documents.filter((one): one is SigmaCorrelation => one.kind === 'correlation'),
    filters: [],
  }
}

describe('a hunt', () => {
  let directory: string
  let store: DuckEvents
  const open = async (): Promise<void> => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-hunt-'))
    store = createDuckEvents({ ...duckEventsDefaults, directory }, { clock: systemClock, logger: silentLogger })
    await store.open()
  }
  const close = async (): Promise<void> => {
    await store.close()
    await rm(directory, { recursive: true })
  }
  const run = async (rules: Parameters<typeof hunt>[0], options: { narrow?: boolean; signal?: AbortSignal } = {}) => {
    const matches: HuntMatch[] = []
    let summary: HuntSummary | undefined
    const request = { fromMs: 0, toMs: testMs * 2, query: '', narrow: options.narrow ?? true }
    for await (const step of hunt(
      rules,
      { ...request, ...(options.signal && { signal: options.signal }) },
      { search: store.search, taxonomy },
    )) {
      if (step.kind === 'match') matches.push(step)
      else if (step.kind === 'summary') summary = step
    }
    return { matches: matches.map(({ meta, event: one }) => `${meta.id} ${one['event.id']}`), summary: summary! }
  }

  describe('over what people wrote', () => {
    beforeAll(async () => {
      await open()
      const dayMs = 86_400_000
      const login = (i: number): Event =>
        event({
          ...{
            'event.id': `e${String(i).padStart(5, '0')}`,
            '@timestamp': testMs + i * 1000 + (i >= 3000 ? dayMs : 0),
          },
          ...{ 'event.dataset': 'sshd', 'event.outcome': i % 3 === 0 ? 'failure' : 'success' },
          ...{ 'source.ip': `10.0.0.${i % 7}`, 'user.name': i % 500 === 7 ? 'ROOT' : `u${i}`, message: 'login' },
        })
      const all = Array.from({ length: 4000 }, (_, i) => login(i))
      await store.append(all.slice(0, 2500), 1)
      await store.seal()
      await store.append(all.slice(2500), 2)
    })
    afterAll(close)
    const rootLogin =
      'title: Root\nid: root\nlogsource: { product: linux, service: sshd }\ndetection: { s: { user.name: root }, condition: s }\nlevel: high\n'

    test('finds in files and in memory, counts by day, and lets the store leave out the rest', async () => {
      const { matches, summary } = await run(read(rootLogin))
      expect(matches).toHaveLength(8)
      expect(summary).toMatchObject({ narrowed: true, events: 8, matches: 8, reachedMs: testMs * 2 })
      expect(summary.rules).toMatchObject([{ id: 'root', level: 'high', matches: 8 }])
      expect(summary.rules[0]!.days.map(({ matches: on }) => on)).toEqual([6, 2])
      const whole = await run(read(rootLogin), { narrow: false })
      expect(whole.matches).toEqual(matches)
      expect(whole.summary).toMatchObject({ narrowed: false, events: 4000 })
    })
    test('correlations count over history as they do on the stream', async () => {
      const failed =
        'title: Failed\nname: failed\nlogsource: { product: linux, service: sshd }\ndetection: { s: { event.outcome: failure }, condition: s }\n---\ntitle: Many\nid: many\ncorrelation:\n  type: event_count\n  rules: [failed]\n  group-by: [source.ip]\n  timespan: 5m\n  condition: { gte: 10 }\n'
      const [narrow, whole] = [await run(read(failed)), await run(read(failed), { narrow: false })]
      expect(narrow.matches).toEqual(whole.matches)
      expect(narrow.summary.rules).toMatchObject([{ id: 'many' }])
      expect(narrow.summary.matches).toBeGreaterThan(7)
    })
    test('a correlation brings along the rules that it refers to', () => {
      const known = read(
        'title: A\nname: a\nlogsource: {}\ndetection: { s: { k: 1 }, condition: s }\n---\ntitle: B\nname: b\nlogsource: {}\ndetection: { s: { k: 2 }, condition: s }\n---\ntitle: C\nid: c\nname: c\ncorrelation: { type: event_count, rules: [a], group-by: [u], timespan: 1m, condition: { gte: 2 } }\n---\ntitle: D\nid: d\ncorrelation: { type: event_count, rules: [c], group-by: [u], timespan: 1m, condition: { gte: 2 } }\n',
      )
      const { rules, correlations } = withReferences({ rules: [], correlations: [known.correlations[1]!] }, known)
      expect([rules.map(({ meta }) => meta.name), correlations.map(({ meta }) => meta.id)]).toEqual([['a'], ['d', 'c']])
    })
    test('ends when it is told to', async () => {
      const controller = new AbortController()
      controller.abort()
      await expect(run(read(rootLogin), { signal: controller.signal })).rejects.toThrow(/abort/i)
    })
  })

  test('a rule that looks at every event leaves nothing out', () => {
    const rule = (detection: string, logsource = '{}') =>
      mayMatch(read(`title: T\nid: t\nlogsource: ${logsource}\ndetection: ${detection}\n`).rules, taxonomy)
    expect(rule('{ s: { a: null }, condition: s }')).toBeUndefined()
    expect(rule('{ s: { a: x }, condition: not s }')).toBeUndefined()
    expect(rule('{ s: [word], condition: s }')).toBeUndefined()
    expect(rule('{ s: { a: "\u89c2\u6f9c" }, condition: s }')).toBeUndefined()
    expect(rule('{ s: { a: "\u89c2Ab" }, condition: s }')).toEqual({
      any: [{ any: [{ fields: expect.anything(), text: 'ab' }] }],
    })
    expect(rule('{ s: { a: null }, condition: s }', '{ category: dns }')).toBeDefined()
  })

  const archive = resolve(root, '../shared/data/sigma/rules/sigma-rules.tar.gz')
  describe.skipIf(!existsSync(archive))('over recorded events and near misses (needs shared/data/sigma)', () => {
    let pack: Awaited<ReturnType<typeof loadRules>>
    beforeAll(async () => {
      await open()
      pack = await loadRules(archive, { placeholders: new Map(), license: '' })
      const cases = resolve(root, '../shared/data/sigma/regression/events')
      const linux = resolve(root, '../shared/data/attacks/otrf')
      const lines = [
        ...readdirSync(cases).flatMap((name) => readFileSync(join(cases, name), 'utf8').trim().split('\n')),
        ...readdirSync(linux)
          .filter((name) => /log4shell|s3/.test(name) && name.endsWith('.gz'))
          .flatMap((name) =>
            gunzipSync(readFileSync(join(linux, name)))
              .toString('utf8')
              .trim()
              .split('\n'),
          ),
      ]
      const random = seededRandom(3)
      const flat = lines.map((line) => lift(JSON.parse(line)))
      const all = [...flat, ...flat.flatMap((one) => Array.from({ length: 4 }, () => mutated(one, random)))]
      const events = all.map((one, i): Event => {
        // As shippers write them: under the names of rules, of winlogbeat, of ECS.
        const entries = Object.entries(one).map(([name, value]): [string, unknown] => {
          const winlog = {
            Channel: 'winlog.channel',
            EventID: 'winlog.event_id',
            Provider_Name: 'winlog.provider_name',
          }
          if (i % 3 === 0) return [name, value]
          if (i % 3 === 1) return [winlog[name as keyof typeof winlog] ?? `winlog.event_data.${name}`, value]
          return [taxonomy.namesOf(name, 'ecs')[1] ?? name, value]
        })
        return event({ ...Object.fromEntries(entries), 'event.id': `e${i}`, '@timestamp': testMs + i } as Event)
      })
      await store.append(events.slice(0, events.length >> 1), 1)
      await store.seal()
      await store.append(events.slice(events.length >> 1), 2)
    })
    afterAll(close)

    test('whatever rules are chosen, what is left out changes no match', async () => {
      const everything = await run({ ...pack, correlations: [], filters: [] }, { narrow: false })
      expect(everything.matches.length).toBeGreaterThan(200)
      const fired = new Set(everything.matches.map((one) => one.split(' ')[0]))
      const firing = pack.rules.filter(({ meta }) => fired.has(meta.id)).filter((_, i) => i % 4 === 0)
      // A quarter of those that fire, each by itself, which is where the store can leave out most.
      let narrowed = 0
      for (const rule of firing) {
        const { matches, summary } = await run({ rules: [rule], correlations: [], filters: [] })
        const expected = everything.matches.filter((one) => one.startsWith(`${rule.meta.id} `))
        expect([rule.meta.title, matches]).toEqual([rule.meta.title, expected])
        if (summary.narrowed) narrowed++
      }
      expect(narrowed / firing.length).toBeGreaterThan(0.9)
    })
    test('some rules together as well', async () => {
      const everything = await run({ ...pack, correlations: [], filters: [] }, { narrow: false })
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.nat(pack.rules.length - 1), { minLength: 1, maxLength: 60 }),
          async (which) => {
            const rules = which.map((i) => pack.rules[i]!)
            const ids = new Set(rules.map(({ meta }) => meta.id))
            const expected = everything.matches.filter((one) => ids.has(one.split(' ')[0]!))
            expect((await run({ rules, correlations: [], filters: [] })).matches.sort()).toEqual(expected.sort())
          },
        ),
        { numRuns: 15 },
      )
    })
  })
})
