import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import { silentLogger } from '#core/logger.ts'
import { createDuckEvents, type DuckEvents, duckEventsDefaults } from '../duckdb/store.ts'
import { event, testMs } from '../testing.ts'
import { compileKql } from './index.ts'

const sample = event({
  'event.id': '1',
  message: 'Failed password for invalid user admin from 203.0.113.9 port 22 ssh2',
  'event.original':
    '<38>Nov 24 08:00:00 web-1 sshd[812]: Failed password for invalid user admin from 203.0.113.9 port 22 ssh2',
  'host.name': 'web-1',
  'source.ip': '203.0.113.9',
  'http.response.status_code': 404,
  'user.name': 'admin',
  'url.path': '/a b/c',
  'host.ip': ['10.1.2.3', '2001:db8::5'],
  'labels.ratio': 0.5,
  'labels.done': true,
  'error.message': '登录失败:口令错误',
})

const yes = [
  '',
  '*',
  'failed',
  'FAILED',
  '"failed password"',
  'nothing password',
  'web-1',
  'pass*',
  '"web-1 sshd[812]: Failed"',
  'message:"invalid user"',
  'message:(nothing or admin)',
  'message:*nvalid*',
  'message:inval*',
  'host.name:web-1',
  'host.name:web*',
  'host.name:*-1',
  'HOST or host.name:web-1',
  'host.name:* and not user.email:*',
  'source.ip:203.0.113.0/24',
  'source.ip:"203.0.113.9"',
  'host.ip:"10.0.0.0/8"',
  'host.ip:"2001:db8::/32"',
  'http.response.status_code:404',
  'http.response.status_code >= 400 and http.response.status_code < 500',
  'http.response.status_code:4*',
  'labels.ratio:0.5',
  'labels.ratio:.50',
  'labels.ratio <= 0.5',
  'labels.done:true',
  'url.path:"/a b/c"',
  'url.path:/a b/c',
  'url.path:/a\\ b/*',
  'not host.name:web-2',
  'not (user.name:root or user.name:guest)',
  'user.name:(admin or root) and not user.name:(a or b)',
  'user.*:admin',
  '*.name:web-1',
  '@timestamp:2026-11-24',
  '@timestamp >= "2026-11-24T08:00:00Z" and @timestamp < "2026-11-24T16:01+08:00"',
  '@timestamp > now-1h and @timestamp <= now',
  'error.message:失败',
  'error.message:"登录失败"',
  'a or b and c or failed',
]

const no = [
  'fail',
  'nothing',
  '"password failed"',
  'admin and nothing',
  'message:nvalid*',
  'host.name:WEB-1',
  'host.name:web',
  'source.ip:203.0.112.0/24',
  'host.ip:"2001:db9::/32"',
  'http.response.status_code > 404',
  'http.response.status_code:40',
  'labels.done:false',
  'not host.name:web-1',
  'user.email:*',
  '@timestamp:2026-11-23',
  '@timestamp < 2026',
  '__proto__:*',
  'constructor:*',
]

describe('a query', () => {
  let directory: string
  let store: DuckEvents
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-kql-'))
    store = createDuckEvents(
      { ...duckEventsDefaults, directory },
      { clock: { ...systemClock, nowMs: () => testMs }, logger: silentLogger },
    )
    await store.open()
    await store.append([sample], 1)
  })
  afterAll(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const always = { fromMs: 0, toMs: testMs * 2 }

  test.each(yes)('%s finds the sample, in memory and in the store', async (query) => {
    expect(compileKql(query, { nowMs: testMs })(sample)).toBe(true)
    expect(await store.count(query, always)).toBe(1)
  })
  test.each(no)('%s does not find it', async (query) => {
    expect(compileKql(query, { nowMs: testMs })(sample)).toBe(false)
    expect(await store.count(query, always)).toBe(0)
  })

  test('agrees with the store for any event and any query', async () => {
    const word = fc.constantFrom(
      'error',
      'Error',
      'err',
      'disk',
      '磁盘',
      '错误',
      '5',
      '5.0',
      '05',
      'a_b',
      'x-y',
      'é',
      '10.0.0.1',
      'true',
      '100%',
      "it's",
      'a\\b',
    )
    const value = fc.oneof(
      word,
      fc.integer({ min: -5, max: 600 }),
      fc.boolean(),
      fc.double({ noNaN: true, min: -10, max: 10 }),
    )
    const anyValue = fc.oneof(
      { weight: 5, arbitrary: value },
      { weight: 1, arbitrary: fc.array(value, { maxLength: 3 }) },
    )
    const textValue = fc.array(word, { maxLength: 5 }).map((words) => words.join(' '))
    const field = fc.constantFrom(
      'host.name',
      'http.response.status_code',
      'labels.x',
      'source.ip',
      'user.name',
      'process.pid',
      'error.message',
      'tags',
    )
    const events = fc.array(
      fc.record({ message: textValue, prefix: textValue, fields: fc.dictionary(field, anyValue, { maxKeys: 5 }) }),
      { minLength: 1, maxLength: 30 },
    )
    const literal = fc.oneof(
      word.map((text) => JSON.stringify(text)),
      fc.constantFrom('err*', '*or', '*', 'e*r', '5*', 'disk error', '10.0.0.0/8', '磁*'),
    )
    const leaf = fc.oneof(
      literal,
      fc
        .tuple(fc.oneof(field, fc.constantFrom('message', '*.name', 'labels.*')), literal)
        .map(([name, text]) => `${name}:${text}`),
      fc
        .tuple(
          fc.constantFrom('http.response.status_code', 'labels.x', 'user.name'),
          fc.constantFrom('<', '<=', '>', '>='),
          fc.oneof(fc.integer({ min: -5, max: 600 }).map(String), fc.constantFrom('error', '"5.0"')),
        )
        .map((parts) => parts.join(' ')),
    )
    const { query } = fc.letrec<{ query: string }>((tie) => ({
      query: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        leaf,
        fc.tuple(tie('query'), fc.constantFrom('and', 'or'), tie('query')).map(([a, op, b]) => `(${a}) ${op} (${b})`),
        tie('query').map((inner) => `not (${inner})`),
      ),
    }))
    let offset = 1
    await fc.assert(
      fc.asyncProperty(events, fc.array(query, { minLength: 1, maxLength: 12 }), async (records, queries) => {
        offset++
        const batch = records.map(
          ({ message, prefix, fields }, i): Event =>
            event({
              ...fields,
              'event.id': `p${offset}-${i}`,
              message,
              'event.original': `${prefix}: ${message}`,
              '@timestamp': testMs + offset,
            }),
        )
        await store.append(batch, offset)
        for (const text of queries) {
          const matches = compileKql(text, { nowMs: testMs })
          const expected = batch.filter(matches).map((one) => one['event.id'])
          const range = { fromMs: testMs + offset, toMs: testMs + offset + 1 }
          const { events: found } = await store.search({ query: text, ...range, order: 'oldest', limit: 1000 })
          expect([text, found.map((one) => one['event.id']).sort()]).toEqual([text, expected.sort()])
        }
      }),
      { numRuns: Number(process.env['GUANLAN_PROPERTY_RUNS'] ?? 60) },
    )
  })
})

test.each([
  ['a:b:c', 'A second colon', 3],
  ['(a', 'A bracket is not closed', 0],
  ['a)', 'A closing bracket without its opening one', 1],
  ['a and', 'The query ends too early', 5],
  ['"open', 'A quotation mark is not closed', 0],
  ['host.name:', 'A value is missing', 10],
  ['a b:c', 'A field name holds a blank', 1],
  ['f:{ a:b }', 'Nested queries are not supported', 2],
  ['@timestamp > yesterday', '"yesterday" is not a date', 13],
  ['source.ip > 1', 'source.ip holds addresses, which have no order here', 12],
  [`${'('.repeat(100)}a${')'.repeat(100)}`, 'Nested deeper than 64 levels', 65],
])('%s: says what is wrong and where', (query, cause, position) => {
  expect(() => compileKql(query)).toThrow(
    expect.objectContaining({ code: 'query.invalid', values: expect.objectContaining({ cause, position }) }),
  )
})

test('a long query of wildcards takes no more than linear time', () => {
  const matches = compileKql(`message:${'*a'.repeat(500)}b`)
  expect(matches(event({ 'event.id': '1', message: 'a'.repeat(30_000) }))).toBe(false)
})
