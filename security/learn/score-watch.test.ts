import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import type { Event } from '#core/event.ts'
import { seededRandom } from '#core/random.ts'
import { learnConfigSchema } from './config.ts'
import { populationStability } from './distribution.ts'
import { isContext } from './finding.ts'
import { createLearnedModels } from './service.ts'
import { SiteScores } from './site-scores.ts'
import { SourceWindow, surpriseBits } from './source-window.ts'

const random = seededRandom(5)
let id = 0
function request(source: string, uri: string, atMs = 0, more: Record<string, string> = {}): Event {
  return {
    ...{ '@timestamp': atMs, 'event.id': `e${++id}`, 'event.ingested': atMs, 'observer.name': 'file', message: '' },
    ...{ 'event.dataset': 'nginx.access', 'event.category': ['web'], 'http.request.method': 'GET' },
    ...{ 'source.ip': source, 'host.name': 'portal-1', 'url.original': uri, ...more },
  }
}
const attack = (n: number): string => `/item?id=${n}%27%20or%20${n}=${n}%20--%20`
const harmless = (n: number): string => `/news/${n}?page=${n % 7}`
const models = (config: object = {}) =>
  createLearnedModels(learnConfigSchema.parse(config), { metrics: new Registry() })

describe('classifiers on the stream', () => {
  it('a scanner is one alert, that grows in severity and says what weighed most', () => {
    const found = models().apply(Array.from({ length: 2000 }, (_, n) => request('203.0.113.9', attack(n), n)))
    expect(new Set(found.map(({ rule, labels }) => rule + JSON.stringify(labels)))).toEqual(
      new Set(['ml/web-request{"source":"203.0.113.9"}']),
    )
    expect(found.length).toBeLessThan(20)
    expect(found[0]!.severity).toBe('low')
    const last = found.at(-1)!
    expect(last).toMatchObject({ severity: 'high', entities: ['host:portal-1'], state: 'active' })
    expect(last.evidence.value!).toBeGreaterThanOrEqual(last.evidence.threshold!)
    expect(last.annotations['model.tokens']).toMatch(/or|'|--/)
    expect(last.annotations['model.card']).toBe('docs/models/web-request.md')
    expect(last.annotations['title.zh']).toContain('203.0.113.9')
  })
  it('the same request again is no new evidence', () => {
    const found = models().apply(Array.from({ length: 500 }, () => request('203.0.113.9', attack(1))))
    expect(found.map(({ severity }) => severity)).toEqual(['low'])
  })
  it('one request is context, unless the configuration makes it an alert; what a source adds up to is one', () => {
    const one = (config: object) => models(config).apply([request('203.0.113.9', attack(1))])
    expect(one({}).map(isContext)).toEqual([true])
    expect(one({ webRequest: { alone: 'alert' } }).map(isContext)).toEqual([false])
    expect(one({ webRequest: { alone: 'off' } })).toEqual([])
    const many = models().apply(Array.from({ length: 2000 }, (_, n) => request('203.0.113.9', attack(n), n)))
    for (const finding of many) expect(isContext(finding)).toBe(finding.severity === 'low')
    // As it was written before.
    expect(learnConfigSchema.parse({ webRequest: { alone: true } }).webRequest.alone).toBe('alert')
    expect(learnConfigSchema.parse({ webRequest: { alone: false } }).webRequest.alone).toBe('off')
  })
  it('is quiet on harmless requests and on events of other kinds', () => {
    const quiet = models()
    expect(quiet.apply(Array.from({ length: 1000 }, (_, n) => request('198.51.100.7', harmless(n))))).toEqual([])
    const { 'url.original': _, ...other } = request('x', '/')
    expect(quiet.apply([other as Event])).toEqual([])
    expect(quiet.models().every(({ counts }) => counts.values <= 3000)).toBe(true)
  })
  it('beyond the budget many sources are one finding of their destination', () => {
    const watch = models({ webRequest: { findingsPerHourMax: 3 } })
    const found = watch.apply(Array.from({ length: 200 }, (_, n) => request(`203.0.113.${n}`, attack(n), n * 100)))
    const labels = new Set(found.map((one) => JSON.stringify(one.labels)))
    expect(labels.size).toBe(4)
    expect(labels).toContain('{"destination":"portal-1"}')
  })
  it('a machine that asks for many generated names is told, one that asks for words is not', () => {
    const draw = (): string =>
      Array.from({ length: 16 }, () => 'abcdefghijklmnopqrstuvwxyz0123456789'[Math.floor(random.next() * 36)]).join('')
    const ask = (source: string, name: string): Event => {
      const { 'url.original': _, ...event } = request(source, '')
      return { ...event, 'dns.question.name': name } as Event
    }
    const found = models().apply(
      Array.from({ length: 120 }, (_, n) => [
        ask('10.0.0.5', `${draw()}.com`),
        ask('10.0.0.6', `${['green', 'river', 'city', 'cloud'][n % 4]}${['garden', 'school', 'office'][n % 3]}.com`),
        ask('10.0.0.6', '10.0.0.1'),
      ]).flat(),
    )
    expect(new Set(found.map(({ labels }) => labels['source']))).toEqual(new Set(['10.0.0.5']))
    expect(found.at(-1)!.severity).toBe('high')
  })
  it('tells drift once, and that it is over', () => {
    const watch = models({ driftValues: 300, generatedName: { enabled: false }, webRequest: { alone: false } })
    const stretch = (uri: (n: number) => string) =>
      watch
        .apply(Array.from({ length: 300 }, (_, n) => request(`s${n}`, uri(n))))
        .filter(({ rule, labels }) => rule === 'ml/drift' && labels['against'] === 'site')
        .map(({ state }) => state)
    expect(stretch(harmless)).toEqual([])
    expect(stretch(harmless)).toEqual([])
    expect(stretch((n) => `/a?q=${'long text of another kind '.repeat(20)}${n}`)).toEqual(['active'])
    stretch(harmless)
    expect([...stretch(harmless), ...stretch(harmless)].filter((state) => state === 'active')).toEqual([])
  })
  it('goes on after a restart as if nothing had been', () => {
    const events = Array.from({ length: 400 }, (_, n) =>
      request(`203.0.113.${n % 5}`, n % 3 === 0 ? attack(n) : harmless(n), n),
    )
    const whole = models()
    const once = whole.apply(events)
    const first = models()
    const before = first.apply(events.slice(0, 200))
    const second = models()
    second.restore(first.snapshot())
    const after = second.apply(events.slice(200))
    expect([...before, ...after]).toEqual(once)
    // All but how many scores were remembered: that is kept for speed alone.
    const kept = (lines: string[]) => lines.map((line) => JSON.parse(line.replace(/"cached":\d+/, '"cached":0')))
    expect(kept(second.snapshot())).toEqual(kept(whole.snapshot()))
  })
})

describe('what is usual here', () => {
  it('begins at the rate of the card and ends at that of the site', () => {
    const site = new SiteScores(0.4, 0.5)
    expect(site.rateAbove()).toBeCloseTo(0.4)
    for (let n = 0; n < 20_000; n++) site.add(n % 1000 === 0 ? 0.9 : 0.01)
    expect(site.rateAbove()).toBeLessThan(0.01)
    expect(site.quantile(0.01)).toBeLessThan(0.5)
    expect(site.quantile(0.0001)).toBeGreaterThan(0.9)
  })
  it('a surprise grows with the number of values, and what is usual is none', () => {
    expect(surpriseBits(10, 4, 0.4)).toBe(0)
    expect(surpriseBits(2, 2, 0.001)).toBeCloseTo(2 * Math.log2(1000), 6)
    expect(surpriseBits(100, 100, 0.4)).toBeGreaterThan(surpriseBits(10, 10, 0.4))
  })
  it('never says less than the exact binomial tail would allow', () => {
    for (const [n, k, p] of [
      [10, 8, 0.4],
      [50, 10, 0.05],
      [5, 1, 0.01],
    ] as const)
      expect(2 ** -surpriseBits(n, k, p)).toBeGreaterThanOrEqual(tail(n, k, p))
  })
  it('equal distributions are stable, others are not', () => {
    expect(populationStability([100, 10, 1], [1000, 100, 10])).toBeLessThan(0.01)
    expect(populationStability([100, 10, 1], [1, 10, 100])).toBeGreaterThan(1)
  })
  it('a window knows what it saw, and forgets rather than calling all known', () => {
    const window = new SourceWindow(0)
    expect([window.isNew('a'), window.isNew('a'), window.isNew('b')]).toEqual([true, false, true])
    let fresh = 0
    for (let n = 0; n < 20_000; n++) if (window.isNew(`value ${n}`)) fresh++
    expect(fresh).toBeGreaterThan(18_000)
    const again = SourceWindow.from(JSON.parse(JSON.stringify(window.snapshot())))
    expect(again.snapshot()).toEqual(window.snapshot())
  })
})

function tail(n: number, k: number, p: number): number {
  const choose = (a: number, b: number): number => (b === 0 ? 1 : (choose(a - 1, b - 1) * a) / b)
  let sum = 0
  for (let i = k; i <= n; i++) sum += choose(n, i) * p ** i * (1 - p) ** (n - i)
  return sum
}
