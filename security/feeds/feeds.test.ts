// Alerts in every form, the STIX ones judged by OASIS's own schemas.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { severities } from '#core/finding.ts'
import { type FeedItem, isSecurity } from './alert.ts'
import { ecsOf } from './ecs.ts'
import { mispDays, mispEvent, mispHashes, mispManifest } from './misp.ts'
import { observablesOf, uuid5 } from './observables.ts'
import { ocsfOf } from './ocsf.ts'
import { bundleOf, type StixObject, stixOf } from './stix.ts'

const source = { name: '某省政务数据局', version: '1.0', url: 'https://ops.example' }
const startedMs = Date.UTC(2026, 4, 1, 8)
const item = (change: Partial<FeedItem['alert']> = {}, sequence = 7): FeedItem => ({
  sequence,
  atMs: startedMs + 1000 * sequence,
  change: 'firing',
  alert: {
    ...{ id: 'al_1', fingerprint: 'f', episode: 1, rule: 'sigma/5af54681', title: 'Web shell', description: 'd' },
    ...{ severity: 'high', state: 'firing', entities: ['host:web-1', 'user:wei'], startedMs, firedMs: startedMs },
    labels: { 'source.ip': '203.0.113.9', 'user.name': 'root', 'dns.question.name': 'Evil.example.' },
    annotations: {
      ...{ 'rule.author': 'A. Author', 'rule.license': 'DRL-1.1', 'rule.id': '5af54681', 'rule.title': 'Web shell' },
      ...{ tactics: 'persistence', techniques: 'T1505.003, nonsense', summary: 's' },
    },
    ...{ resolvedMs: null, lastSeenMs: startedMs + 500, findingCount: 3, value: 3, threshold: 1 },
    ...change,
  },
  evidence: {
    ...{ query: 'a:b', language: 'kql', fromMs: startedMs, toMs: startedMs + 1, eventIds: ['e1'] },
    ...{ value: 3, threshold: 1 },
  },
})

const schemas = resolve(import.meta.dirname, '../../../shared/data/feeds/stix2-schemas/schemas')
const present = existsSync(schemas)

function validator(): (object: object) => string[] {
  // Two of the schemas use what only these settings take; nothing is fetched: all are registered before.
  const ajv = new Ajv2020({ strict: false, unicodeRegExp: false, allErrors: true })
  ;(formats as unknown as (ajv: Ajv2020) => void)(ajv)
  const ids = new Map<string, string>()
  for (const file of readdirSync(schemas, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.json')) continue
    const schema = JSON.parse(readFileSync(join(schemas, file), 'utf8')) as { $id: string }
    ajv.addSchema(schema)
    ids.set(file.slice(file.lastIndexOf('/') + 1, -'.json'.length), schema.$id)
  }
  expect(ids.size).toBe(57)
  return (object) => {
    const validate = ajv.getSchema(ids.get((object as StixObject).type)!)!
    return validate(object) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
  }
}

describe.skipIf(!present)('STIX 2.1 (needs the schemas in shared/data/feeds)', () => {
  test('every object and the bundle are valid by the schema of their type', () => {
    const errorsOf = validator()
    const text = fc.string({ maxLength: 40 })
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    const labels = fc.record(
      {
        ...{ 'source.ip': address, 'destination.ip': address, 'user.name': text, 'dns.question.name': fc.domain() },
        ...{ 'url.full': fc.webUrl(), 'host.name': text, 'user.email': fc.emailAddress(), other: text },
        'file.hash.sha256': fc.stringMatching(/^[0-9a-f]{64}$/),
      },
      { requiredKeys: [] },
    )
    const alert = fc.record({
      ...{ labels, title: text, description: text, severity: fc.constantFrom(...severities) },
      annotations: fc.dictionary(
        fc.constantFrom('rule.title', 'rule.author', 'rule.link', 'tactics', 'techniques'),
        text,
      ),
      entities: fc.array(fc.constantFrom('host:a', 'user:b', 'service:c', 'x'), { maxLength: 3 }),
      findingCount: fc.nat(),
      lastSeenMs: fc.integer({ min: startedMs - 1e9, max: startedMs + 1e9 }),
      rule: fc.constantFrom('sigma/x', 'events/y', 'intel/z'),
    })
    let objects = 0
    fc.assert(
      fc.property(fc.array(alert, { minLength: 1, maxLength: 3 }), (alerts) => {
        const bundle = bundleOf(
          alerts.map((one, i) => item({ ...one, id: `al_${i}` }, i + 1)),
          source,
        )
        expect(errorsOf(bundle)).toEqual([])
        const list = bundle['objects'] as StixObject[]
        const ids = new Set(list.map(({ id }) => id))
        expect(ids.size).toBe(list.length)
        for (const object of list) {
          objects++
          expect([object.type, errorsOf(object)]).toEqual([object.type, []])
          if (object['modified']) expect(String(object['modified']) >= String(object['created'])).toBe(true)
          // Whatever is referred to is in the bundle.
          for (const [key, value] of Object.entries(object))
            if (key.endsWith('_ref')) expect(ids).toContain(value)
            else if (key.endsWith('_refs')) for (const one of value as string[]) expect(ids).toContain(one)
        }
      }),
      { numRuns: 200, seed: 3 },
    )
    expect(objects).toBeGreaterThan(1000)
    expect(errorsOf({ type: 'indicator', id: 'indicator--x' }).length).toBeGreaterThan(0)
  })
})

test('the same alert is the same objects, and a change is a new version of them', () => {
  expect(stixOf(item(), source)).toEqual(stixOf(item(), source))
  const before = stixOf(item(), source).at(-1)!
  const after = stixOf(item({ state: 'resolved', resolvedMs: startedMs + 9000 }, 9), source).at(-1)!
  expect(after.id).toBe(before.id)
  expect(String(after['modified']) > String(before['modified'])).toBe(true)
  // An observable's id follows from its value alone (section 2.9 of the specification).
  expect(uuid5('00abedb4-aa42-466c-9c01-fed23315a9b7', '{"value":"203.0.113.9"}')).toBe(
    stixOf(item(), source)
      .find(({ type }) => type === 'ipv4-addr')!
      .id.slice('ipv4-addr--'.length),
  )
  // RFC 9562, appendix A.4.
  expect(uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
})

test('the author of a rule is in every form', () => {
  for (const form of [stixOf(item(), source), ecsOf(item(), source), ocsfOf(item(), source)])
    expect(JSON.stringify(form)).toContain('A. Author')
  expect(JSON.stringify(mispEvent(mispDays([item()], source)[0]!, source))).toContain('A. Author')
})

test('ECS and OCSF say what happened in their own words', () => {
  expect(ecsOf(item(), source)).toMatchObject({
    ...{ 'event.kind': 'alert', 'rule.name': 'Web shell', 'rule.license': 'DRL-1.1', 'source.ip': '203.0.113.9' },
    ...{
      'threat.tactic.id': ['TA0003'],
      'threat.technique.id': ['T1505.003'],
      'event.url': 'https://ops.example/alerts/al_1',
    },
  })
  const resolved = ocsfOf({ ...item({ state: 'resolved', resolvedMs: startedMs }), change: 'resolved' }, source)
  expect(ocsfOf(item(), source)).toMatchObject({ class_uid: 2004, type_uid: 200401, severity_id: 4, status: 'New' })
  expect(resolved).toMatchObject({ type_uid: 200403, status_id: 4, end_time: startedMs })
})

test('a MISP feed is one event a day with the newest state of each alert', () => {
  const days = mispDays([item(), item({ startedMs: startedMs + 86_400_000, id: 'al_2' }, 8), item({}, 9)], source)
  expect(days.map(({ date, items }) => [date, items.length])).toEqual([
    ['2026-05-01', 1],
    ['2026-05-02', 1],
  ])
  expect(Object.keys(mispManifest(days, source))).toEqual(days.map(({ uuid }) => uuid))
  expect(mispHashes(days)).toMatch(/^[0-9a-f]{32},[0-9a-f-]{36}\n/)
})

test('a MISP event names a value once, and no inner address or account for block lists', () => {
  const labels = {
    'source.ip': '10.1.2.3',
    'destination.ip': '203.0.113.9',
    'user.name': 'root',
    'url.domain': 'evil.example',
  }
  const days = mispDays([item({ labels }), item({ labels, id: 'al_2', title: 'Newer' }, 8)], source)
  const { Event } = mispEvent(days[0]!, source) as { Event: { Attribute: Record<string, unknown>[] } }
  expect(Event.Attribute.map(({ type, value, to_ids }) => [type, value, to_ids])).toEqual([
    ['ip-src', '10.1.2.3', false],
    ['ip-dst', '203.0.113.9', false],
    ['target-user', 'root', false],
    ['domain', 'evil.example', true],
  ])
  expect(Event.Attribute[0]!['comment']).toContain('Newer')
  expect(mispHashes(days).trim().split('\n')).toHaveLength(4)
})

test('labels that only look like something are not given out as it', () => {
  expect(
    observablesOf({ 'source.ip': '1', 'file.hash.md5': 'zz', 'url.full': 'x', 'dns.question.name': 'a b' }),
  ).toEqual([])
  expect(observablesOf({ 'source.ip': '::ffff:203.0.113.9' })[0]).toMatchObject({
    kind: 'ipv4-addr',
    value: '203.0.113.9',
  })
})

test('security is what its kind or its annotation says', () => {
  expect(isSecurity({ rule: 'sigma/x', annotations: {} })).toBe(true)
  expect(isSecurity({ rule: 'events/x', annotations: {} })).toBe(false)
  expect(isSecurity({ rule: 'events/x', annotations: { category: 'security' } })).toBe(true)
})
