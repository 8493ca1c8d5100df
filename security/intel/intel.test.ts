import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import { silentLogger } from '#core/logger.ts'
import { intelConfigSchema } from './config.ts'
import { fetchFeed } from './fetch-feed.ts'
import { type FeedIndicator, IndicatorIndex } from './index-of-indicators.ts'
import { canonical, type Indicator } from './indicator.ts'
import { findingOf, matchEvent } from './match.ts'
import { parseCsv, parseHosts, parseList } from './parse-lists.ts'
import { parseMisp } from './parse-misp.ts'
import { equalities, parseStix } from './parse-stix.ts'
import { createIntel } from './service.ts'

const options = { label: 'test list', nowMs: Date.UTC(2026, 0, 1), indicatorsMax: 1000 }
const values = (list: readonly Indicator[]): string[] => list.map(({ kind, value }) => `${kind} ${value}`)
const feed = (list: readonly Indicator[]): FeedIndicator[] => list.map((one) => ({ ...one, feed: 'test' }))

describe('lists', () => {
  test('plain lists hold whatever they hold, one on a line', () => {
    const text =
      '# comment\n203.0.113.9 ; SBL1\n198.51.100.0/24\r\nhxxp://evil[.]example/a#b\nEvil.Example.\n2001:DB8::1\nd41d8cd98f00b204e9800998ecf8427e\nnonsense words\n127.0.0.1\n10.0.0.0/8\n0.0.0.0/0\nprinter.local\n'
    const { indicators, problems } = parseList(text, options)
    expect(values(indicators)).toEqual([
      ...['ip 203.0.113.9', 'network 198.51.100.0/24', 'url http://evil.example/a', 'domain evil.example'],
      ...['ip 2001:db8::1', 'hash d41d8cd98f00b204e9800998ecf8427e'],
    ])
    expect(problems).toEqual({ 'invalid-value': 2, 'own-address': 3 })
  })
  test('hosts files name what is sunk', () => {
    const { indicators } = parseHosts(
      '127.0.0.1 localhost\n0.0.0.0 a.example b.example # x\n:: c.example\nd.example\n',
      options,
    )
    expect(values(indicators)).toEqual(['domain a.example', 'domain b.example', 'domain c.example', 'domain d.example'])
  })
  test('CSV finds its columns by their names, also in a commented header, or by what the values are', () => {
    const urlhaus =
      '################\n# id,dateadded,url,url_status,threat\n"1","2026-01-01","http://evil.example/x","online","malware_download"\n'
    expect(parseCsv(urlhaus, options).indicators[0]).toMatchObject({ kind: 'url', label: 'malware_download' })
    const threatfox = 'ioc_type,ioc,malware_printable,confidence_level\nip:port,203.0.113.4:447,Some family,90\n'
    expect(parseCsv(threatfox, options).indicators[0]).toMatchObject({
      value: '203.0.113.4',
      confidence: 90,
      label: 'Some family',
    })
    expect(values(parseCsv('2026-01-01,203.0.113.7,x\n', options).indicators)).toEqual(['ip 203.0.113.7'])
  })
  test('the limit holds, and what is over it is counted', () => {
    const text = Array.from({ length: 20 }, (_, i) => `a${i}.example`).join('\n')
    const { indicators, problems } = parseList(text, { ...options, indicatorsMax: 5 })
    expect([indicators.length, problems['too-many']]).toEqual([5, 15])
  })
})

describe('STIX and MISP', () => {
  test('patterns that mean "one of these" are taken, those that mean more are not', () => {
    expect(equalities("[ipv4-addr:value = '203.0.113.9']")).toEqual([{ kind: 'ip', value: '203.0.113.9' }])
    expect(
      equalities(
        "[domain-name:value='a.example' OR url:value = 'http://a/\\'x'] OR ([file:hashes.'SHA-256' IN ('aa', 'bb')])",
      ),
    ).toEqual([
      { kind: 'domain', value: 'a.example' },
      { kind: 'url', value: "http://a/'x" },
      { kind: 'hash', value: 'aa' },
      { kind: 'hash', value: 'bb' },
    ])
    for (const pattern of [
      "[ipv4-addr:value = '1.2.3.4' AND domain-name:value = 'a.example']",
      "[ipv4-addr:value = '1.2.3.4'] FOLLOWEDBY [domain-name:value = 'a.example']",
      "[ipv4-addr:value != '1.2.3.4']",
      "[process:name = 'x']",
      "[ipv4-addr:value = '1.2.3.4'",
      "[ipv4-addr:value LIKE '1.2.%'] WITHIN 5 SECONDS",
      `${'('.repeat(5000)}[ipv4-addr:value = 'x']`,
      '',
    ])
      expect([pattern.slice(0, 60), equalities(pattern)]).toEqual([pattern.slice(0, 60), undefined])
  })
  test('the newest version counts, the revoked and the expired are left out', () => {
    const indicator = (id: string, more: object) => ({
      ...{ type: 'indicator', id: `indicator--${id}`, pattern_type: 'stix', valid_from: '2025-01-01T00:00:00Z' },
      ...{ pattern: `[domain-name:value = '${id}.example']`, modified: '2025-01-01T00:00:00Z', ...more },
    })
    const { indicators, problems } = parseStix(
      JSON.stringify({
        objects: [
          indicator('a', { name: 'Old' }),
          indicator('a', { name: 'New', modified: '2025-02-01T00:00:00Z', confidence: 85 }),
          indicator('b', { revoked: true }),
          indicator('c', { valid_until: '2025-06-01T00:00:00Z' }),
          indicator('d', { pattern_type: 'sigma' }),
          { type: 'malware' },
          null,
        ],
      }),
      options,
    )
    expect(indicators).toMatchObject([{ value: 'a.example', label: 'New', confidence: 85 }])
    expect(problems).toEqual({ revoked: 1, expired: 1, 'unsupported-pattern': 1 })
    expect(parseStix('<html>', options).problems).toEqual({ unreadable: 1 })
  })
  test('MISP attributes meant for detection are taken, of objects too', () => {
    const Attribute = [
      { type: 'domain|ip', value: 'evil.example|203.0.113.8', to_ids: true },
      { type: 'sha256', value: 'a'.repeat(64), to_ids: true },
      { type: 'domain', value: 'benign.example', to_ids: false },
      { type: 'yara', value: 'rule x {}', to_ids: true },
    ]
    const event = {
      Event: {
        info: 'Campaign',
        Tag: [{ name: 'tlp:amber' }],
        Attribute,
        Object: [{ Attribute: [{ type: 'url', value: 'http://x.example/', to_ids: true }] }],
      },
    }
    const { indicators, problems } = parseMisp(JSON.stringify({ response: [event] }), options)
    expect(values(indicators)).toEqual([
      ...['domain evil.example', 'ip 203.0.113.8', `hash ${'a'.repeat(64)}`, 'url http://x.example/'],
    ])
    expect(indicators[0]).toMatchObject({ label: 'Campaign', tlp: 'amber' })
    expect(problems).toEqual({ 'unknown-type': 1 })
  })
})

describe('looking up', () => {
  test('an address is found exactly when a listed address or network covers it', () => {
    const v4 = fc.ipV4()
    const cidr = fc.tuple(v4, fc.integer({ min: 8, max: 32 })).map(([address, bits]) => `${address}/${bits}`)
    fc.assert(
      fc.property(
        fc.array(cidr, { maxLength: 20 }),
        fc.array(v4, { minLength: 1, maxLength: 20 }),
        (networks, asked) => {
          const list = networks.flatMap((text) => canonical('network', text) ?? [])
          const index = new IndicatorIndex(
            list.map((one) => ({
              ...one,
              id: '',
              label: '',
              confidence: 50,
              fromMs: 0,
              untilMs: Infinity,
              tlp: '',
              feed: 'x',
            })),
          )
          for (const address of [...asked, ...networks.map((one) => one.split('/')[0]!)]) {
            const covered = networks.some((one) => ipaddr.parse(address).match(ipaddr.parseCIDR(one) as never))
            expect(index.address(address) !== undefined).toBe(covered)
          }
        },
      ),
    )
  })
  test('names count for what is below them, not beside them; URLs with and without query; IPv6 in every spelling', () => {
    const index = new IndicatorIndex(
      feed(parseList('evil.example\nhttp://bad.example/a\n2001:db8:1::/48\n203.0.113.9', options).indicators),
    )
    expect(index.domain('a.b.EVIL.example.')?.value).toBe('evil.example')
    expect(index.domain('notevil.example')).toBeUndefined()
    expect(index.url('http://bad.example/a?x=1')?.value).toBe('http://bad.example/a')
    expect(index.url('http://bad.example/b')).toBeUndefined()
    expect(index.url('https://www.evil.example/x')?.value).toBe('evil.example')
    expect(index.url('https://203.0.113.9:8443/')?.value).toBe('203.0.113.9')
    expect(index.address('2001:0DB8:0001:0000::5')?.kind).toBe('network')
    expect(index.address('::ffff:203.0.113.9')?.value).toBe('203.0.113.9')
    for (const text of ['', '1', '1.2.3', '1.2.3.4.5', '256.1.1.1', 'x', '::g'])
      expect(index.address(text)).toBeUndefined()
  })
  test('an event is told once per indicator, within its time, with all that a reader needs', () => {
    const [first] = feed(parseList('203.0.113.9', options).indicators)
    const index = new IndicatorIndex([{ ...first!, fromMs: 1000, untilMs: 2000, confidence: 90, tlp: 'green' }])
    const event = {
      ...{ '@timestamp': 1500, 'event.id': 'e1', 'destination.ip': '203.0.113.9', 'related.ip': ['203.0.113.9'] },
      ...{ 'host.name': 'web-1', message: '' },
    } as unknown as Event
    const hits = matchEvent(event, index)
    expect(hits).toHaveLength(1)
    expect(findingOf(hits[0]!, event, 60_000)).toMatchObject({
      ...{
        rule: 'intel/test',
        severity: 'high',
        entities: ['host:web-1'],
        annotations: { category: 'security', tlp: 'green' },
      },
      evidence: { query: 'destination.ip:"203.0.113.9"', eventIds: ['e1'] },
    })
    expect(matchEvent({ ...event, '@timestamp': 2000 }, index)).toEqual([])
    const sysmon = {
      ...event,
      'destination.ip': undefined,
      'related.ip': undefined,
      Hashes: `MD5=${'b'.repeat(32)},SHA256=${'c'.repeat(64)}`,
    }
    expect(
      matchEvent(sysmon as never, new IndicatorIndex(feed(parseList('c'.repeat(64), options).indicators))),
    ).toHaveLength(1)
  })
})

test('a TAXII collection that never ends, and an address that is none, are told as what they are', async () => {
  const limits = intelConfigSchema.parse({
    feeds: [{ name: 'a', kind: 'taxii', url: 'https://feeds.example/collections/1/' }],
  })
  const asked = (text: (page: number) => string) => {
    let page = 0
    return fetchFeed(limits.feeds[0]!, limits, async () => ({ text: text(page++), headers: {} }))
  }
  await expect(asked((page) => JSON.stringify({ more: true, next: String(page), objects: [] }))).rejects.toThrow(
    'it goes on after 1000 pages',
  )
  await expect(asked(() => '<html>Welcome</html>')).rejects.toThrow('something else than the objects of a TAXII')
  expect(await asked((page) => JSON.stringify({ more: page < 2, next: String(page), objects: [page] }))).toBe(
    '{"objects":[0,1,2]}',
  )
})

test('a feed that hangs delays no other, and is not asked twice at once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'intel-'))
  const hung = Promise.withResolvers<{ text: string; headers: Record<string, string> }>()
  const asked: string[] = []
  const config = intelConfigSchema.parse({
    retroDays: 0,
    feeds: ['hangs', 'fails', 'a', 'b', 'c', 'd'].map((name) => ({
      ...{ name, kind: 'list', url: `https://lists.example/${name}`, everyMinutes: 5 },
    })),
  })
  const clock = new ManualClock(1_795_507_200_000)
  const intel = createIntel(config, {
    ...{ directory, clock, logger: silentLogger, metrics: new Registry() },
    fetch: async ({ url }) => {
      const name = url.split('/').at(-1)!
      asked.push(name)
      if (name === 'hangs') return hung.promise
      if (name === 'fails') throw new Error('refused')
      return { text: `${name}.example\n`, headers: {} }
    },
    onFinding: async () => {},
    search: async () => [],
  })
  const ready = () => intel.status().filter(({ indicators }) => indicators > 0).length
  for (let turn = 0; turn < 200 && ready() < 4; turn++) {
    intel.begin()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(ready()).toBe(4)
  expect(asked.toSorted()).toEqual(['a', 'b', 'c', 'd', 'fails', 'hangs'])
  expect(intel.status().find(({ name }) => name === 'fails')!.lastError).toBe('refused')
  hung.resolve({ text: 'late.example\n', headers: {} })
  await intel.settled()
  expect(ready()).toBe(5)
  rmSync(directory, { recursive: true })
})
