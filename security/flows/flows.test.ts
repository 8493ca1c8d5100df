import { existsSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import type { Event } from '#core/event.ts'
import { seededRandom } from '#core/random.ts'
import { flowsConfigSchema } from './config.ts'
import { flowOf, isInside } from './flow.ts'
import { createFlows } from './service.ts'

const hourMs = 3_600_000
const startMs = Date.parse('2026-01-05T00:00:00Z')
let id = 0

function connection(source: string, destination: string, port: number, atMs: number, more: object = {}): Event {
  return {
    ...{ '@timestamp': atMs, 'event.id': `e${++id}`, 'event.ingested': atMs, 'observer.name': 'zeek', message: '' },
    ...{ 'event.dataset': 'zeek.conn', 'source.ip': source, 'destination.ip': destination, 'destination.port': port },
    ...{
      'network.transport': 'tcp',
      'source.bytes': 2000,
      'destination.bytes': 20_000,
      'event.duration': 5e8,
      ...more,
    },
  }
}

/** Thirty machines that use a few servers inside and a few outside, for two days. Synthetic. */
function usual(): Event[] {
  const random = seededRandom(9)
  const events: Event[] = []
  for (let hour = 0; hour < 48; hour++)
    for (let machine = 1; machine <= 30; machine++)
      for (let n = 0; n < 8 + Math.floor(12 * random.next()); n++) {
        const port = [443, 443, 443, 80, 53, 5432][Math.floor(6 * random.next())]!
        const inside = port === 53 || port === 5432
        const destination = inside
          ? `10.0.0.${1 + Math.floor(3 * random.next())}`
          : `203.0.113.${1 + Math.floor(9 * random.next())}`
        const atMs = startMs + hour * hourMs + Math.floor(random.next() * hourMs)
        const out = {
          'source.bytes': Math.round(2 ** (8 + 5 * random.next())),
          'destination.bytes': Math.round(2 ** (10 + 8 * random.next())),
        }
        events.push(connection(`10.0.1.${machine}`, destination, port, atMs, out))
      }
  return events.sort((a, b) => a['@timestamp'] - b['@timestamp'])
}

const days = usual()
const endMs = startMs + 48 * hourMs
const config = flowsConfigSchema.parse({ learnFlows: 5000, learnHours: 24 })
function learned() {
  const watch = createFlows(config, { metrics: new Registry() })
  const before = watch.apply(days)
  return { watch, before }
}

describe('connections', () => {
  it('is quiet over usual traffic', () => {
    expect(learned().before.map(({ title }) => title)).toEqual([])
  })
  it('a scan over ports of one machine, and one over machines', () => {
    const { watch } = learned()
    const refused = { 'event.type': ['denied'], 'source.bytes': 60, 'destination.bytes': 0, 'event.duration': 0 }
    const ports = watch.apply(
      Array.from({ length: 500 }, (_, n) => connection('10.0.1.3', '10.0.0.2', 1 + n, endMs + n * 10, refused)),
    )
    expect(ports.map(({ rule }) => rule)).toContain('flow/port-scan')
    expect(ports.map(({ rule }) => rule)).toContain('flow/strange')
    expect(ports.every(({ labels }) => labels['source.ip'] === '10.0.1.3')).toBe(true)
    const hosts = watch.apply(
      Array.from({ length: 250 }, (_, n) => connection('10.0.1.4', `10.0.7.${n}`, 445, endMs + n * 10)),
    )
    expect(hosts.find(({ rule }) => rule === 'flow/spread')).toMatchObject({
      severity: 'high',
      labels: { 'source.ip': '10.0.1.4' },
    })
    expect(hosts.find(({ rule }) => rule === 'flow/spread')!.annotations['title.zh']).toContain('台主机')
  })
  it('a beacon that one machine has, not an update that all have, nor a busy hour', () => {
    const { watch } = learned()
    const random = seededRandom(2)
    const events: Event[] = []
    for (let n = 0; n < 40; n++) {
      events.push(connection('10.0.1.5', '198.51.100.66', 443, endMs + n * 60_000 + Math.floor(random.next() * 3000)))
      for (let machine = 1; machine <= 30; machine++)
        events.push(connection(`10.0.1.${machine}`, '203.0.113.200', 443, endMs + n * 60_000))
      events.push(connection('10.0.1.6', '198.51.100.77', 443, endMs + Math.floor(random.next() * hourMs)))
    }
    events.sort((a, b) => a['@timestamp'] - b['@timestamp'])
    const beacons = watch.apply(events).filter(({ rule }) => rule === 'flow/beacon')
    expect(beacons.map(({ labels }) => labels)).toEqual([{ 'source.ip': '10.0.1.5', destination: '198.51.100.66:443' }])
    expect(beacons[0]!.title).toMatch(/every (59|60|61) s/)
  })
  it('much more sent out than ever, and not a large download', () => {
    const { watch } = learned()
    const download = watch.apply([
      connection('10.0.1.7', '203.0.113.3', 443, endMs, { 'source.bytes': 5e5, 'destination.bytes': 4e9 }),
    ])
    expect(download.filter(({ rule }) => rule === 'flow/leak')).toEqual([])
    const upload = watch.apply([
      connection('10.0.1.8', '203.0.113.3', 443, endMs, { 'source.bytes': 4e9, 'destination.bytes': 5e5 }),
    ])
    expect(upload.find(({ rule }) => rule === 'flow/leak')!.title).toBe('10.0.1.8 sent 4.00 GB out within an hour')
  })
  it('is about the machine that the inventory knows by that address', () => {
    const entityOf = (address: string) => (address === '10.0.1.8' ? { id: 'host:db-8', name: 'db-8' } : undefined)
    const watch = createFlows(config, { metrics: new Registry(), entityOf })
    watch.apply(days)
    const much = { 'source.bytes': 4e9, 'destination.bytes': 5e5 }
    const [known, unknown] = ['10.0.1.8', '10.0.1.9'].map((source) =>
      watch.apply([connection(source, '203.0.113.3', 443, endMs, much)]).find(({ rule }) => rule === 'flow/leak'),
    )
    expect(known).toMatchObject({ entities: ['host:db-8'], labels: { 'source.ip': '10.0.1.8' } })
    expect(known!.title).toBe('db-8 (10.0.1.8) sent 4.00 GB out within an hour')
    expect(unknown).toMatchObject({ entities: ['host:10.0.1.9'], labels: { 'source.ip': '10.0.1.9' } })
  })
  it('says nothing while it learns', () => {
    const watch = createFlows(config, { metrics: new Registry() })
    expect(
      watch.apply(Array.from({ length: 300 }, (_, n) => connection('10.0.1.4', `10.0.7.${n}`, 445, startMs + n))),
    ).toEqual([])
  })
  it('goes on after a restart as if nothing had been', () => {
    const scan = Array.from({ length: 200 }, (_, n) => connection('10.0.1.3', '10.0.0.2', 1 + n, endMs + n * 10))
    const events = [...days, ...scan]
    const whole = createFlows(config, { metrics: new Registry() })
    const found = whole.apply(events)
    const first = createFlows(config, { metrics: new Registry() })
    const before = first.apply(events.slice(0, days.length + 50))
    const second = createFlows(config, { metrics: new Registry() })
    second.restore([...first.snapshot()])
    expect([...before, ...second.apply(events.slice(days.length + 50))]).toEqual(found)
    const parsed = (lines: Iterable<string>) => [...lines].map((line) => JSON.parse(line))
    expect(isDeepStrictEqual(parsed(second.snapshot()), parsed(whole.snapshot()))).toBe(true)
  })
  it('keeps so many sources, and counts those it drops', () => {
    const watch = createFlows(config, { metrics: new Registry() })
    watch.apply(
      Array.from({ length: 7000 }, (_, n) => connection(`10.${n >> 8}.${n & 255}.1`, '10.0.0.2', 53, startMs + n)),
    )
    expect(watch.status()).toMatchObject({ sources: 5000, counts: { sourcesForgotten: 2000 } })
  })
})

describe('reading connections', () => {
  it('knows what is inside', () => {
    expect(
      ['10.1.2.3', '172.16.0.1', '172.31.9.9', '192.168.1.1', '100.64.0.1', 'fd00::1', '::1'].every(isInside),
    ).toBe(true)
    expect(['172.32.0.1', '100.128.0.1', '8.8.8.8', '2001:db8::1'].some(isInside)).toBe(false)
  })
  it('events without both ends are none', () => {
    expect(flowOf(connection('', '10.0.0.1', 53, 0))).toBeUndefined()
    expect(
      flowOf({ ...connection('10.0.0.1', '10.0.0.2', 0, 0), 'destination.port': undefined } as Event),
    ).toBeUndefined()
  })
  const recorded = '../shared/data/attacks/otrf/vminsights_vmconnection_log4shell_cve2021_44228_jndi_reference.jsonl.gz'
  it.skipIf(!existsSync(recorded))('reads recorded connections of an agent', () => {
    const rows = gunzipSync(readFileSync(recorded)).toString('utf8').trim().split('\n')
    const flows = rows.map((row) => flowOf({ '@timestamp': 0, 'event.id': '1', ...JSON.parse(row) } as Event)!)
    expect(flows.map(({ port }) => port)).toEqual(expect.arrayContaining([1389, 443]))
    expect(flows.find(({ port }) => port === 1389)).toMatchObject({
      source: '192.168.2.5',
      bytesOut: 129,
      bytesIn: 196,
      transport: 'tcp',
    })
  })
})
