// What every event store must do. An engine's test calls this with a way to open it on a directory.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '#core/event.ts'
import type { EventStore, SearchRequest } from './store.ts'
import { event, testMs } from './testing.ts'

const minute = 60_000
const day = 86_400_000
const always = { fromMs: 0, toMs: testMs + 1000 * day }

export function describeEventStore(name: string, make: (directory: string) => EventStore): void {
  describe(`${name} as an event store`, () => {
    let directory: string
    let store: EventStore

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'guanlan-events-'))
      store = make(directory)
      await store.open()
    })
    afterEach(async () => {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    })

    const reopen = async (): Promise<void> => {
      await store.close()
      store = make(directory)
      await store.open()
    }
    const numbered = (from: number, to: number, part: (i: number) => Partial<Event> = () => ({})): Event[] =>
      Array.from({ length: to - from }, (_, i) =>
        event({
          'event.id': `e${from + i}`,
          '@timestamp': testMs + (from + i) * 1000,
          message: `line ${from + i}`,
          ...part(from + i),
        }),
      )
    const ids = async (query: string, request: Partial<SearchRequest> = {}): Promise<string[]> => {
      const found = await store.search({ query, ...always, order: 'oldest', limit: 1000, ...request })
      return found.events.map((one) => one['event.id'])
    }

    test('gives an event back as it was', async () => {
      const whole = event({
        'event.id': 'whole',
        message: 'Failed password for root',
        'event.original': '<38>Nov 24 08:00:00 web-1 sshd[1]: Failed password for root',
        'host.name': '政务云-1',
        'process.pid': 4711,
        'source.ip': '2001:db8::1',
        'http.response.status_code': 404,
        'guanlan.entity.id': ['host:web-1', 'service:sshd'],
        'labels.ratio': 0.25,
        'labels.open': true,
        'labels.quote': 'it\'s "quoted" \\ and\nbroken \0 \u{1F600}',
        'host.ip': ['192.0.2.1'],
        'user.name': ['a', 'b'],
        'process.name': '',
      })
      await store.append([whole], 1)
      expect(await store.get('whole')).toEqual(whole)
      await reopen()
      expect(await store.get('whole')).toEqual(whole)
      expect(await store.get('other')).toBeUndefined()
    })

    test('keeps one event per id, within a batch, over batches and over a restart', async () => {
      expect(await store.append([...numbered(0, 3), ...numbered(0, 3)], 1)).toBe(3)
      expect(await store.append(numbered(1, 5), 2)).toBe(2)
      await reopen()
      expect(await store.position()).toBe(2)
      expect(await store.append(numbered(0, 6), 3)).toBe(1)
      expect(await ids('')).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5'])
      expect((await store.stats()).events).toBe(6)
    })

    test('is empty at position 0 at first, and remembers its position', async () => {
      expect(await store.position()).toBe(0)
      expect(await store.stats()).toEqual({ events: 0, bytesOnDisk: 0, oldestMs: null, newestMs: null })
      expect(await ids('anything')).toEqual([])
      expect(await store.topValues('', always, 'host.name', 10)).toEqual({ values: [], total: 0 })
      await store.append(numbered(0, 2), 17)
      expect(await store.position()).toBe(17)
      await reopen()
      expect(await store.position()).toBe(17)
    })

    test('pages newest first and oldest first without gap or repetition, also where times are equal', async () => {
      await store.append(
        numbered(0, 100, (i) => ({ '@timestamp': testMs + Math.floor(i / 10) * 1000 })),
        1,
      )
      await reopen()
      await store.append(
        numbered(100, 130, (i) => ({ '@timestamp': testMs + (i % 13) * 1000 })),
        2,
      )
      for (const order of ['newest', 'oldest'] as const) {
        const seen: Event[] = []
        let after: string | undefined
        do {
          const page = await store.search({ query: '', ...always, order, limit: 7, ...(after ? { after } : {}) })
          seen.push(...page.events)
          after = page.next
        } while (after)
        const sign = order === 'oldest' ? 1 : -1
        const sorted = [...seen].sort(
          (a, b) => sign * (a['@timestamp'] - b['@timestamp'] || (a['event.id'] < b['event.id'] ? -1 : 1)),
        )
        expect(seen.map((one) => one['event.id'])).toEqual(sorted.map((one) => one['event.id']))
        expect(new Set(seen.map((one) => one['event.id'])).size).toBe(130)
      }
      await expect(store.search({ query: '', ...always, order: 'newest', limit: 5, after: 'x' })).rejects.toMatchObject(
        {
          code: 'query.invalid',
        },
      )
    })

    test('takes the start of a range and leaves its end', async () => {
      await store.append(numbered(0, 10), 1)
      expect(await ids('', { fromMs: testMs + 2000, toMs: testMs + 5000 })).toEqual(['e2', 'e3', 'e4'])
      expect(await store.count('', { fromMs: testMs + 2000, toMs: testMs + 5000 })).toBe(3)
    })

    test('counts in buckets with zeros, aligned to the interval', async () => {
      await store.append([...numbered(0, 90), ...numbered(200, 210)], 1)
      const range = { fromMs: testMs + 30_000, toMs: testMs + 4 * minute }
      const buckets = await store.histogram('', range, minute)
      expect(buckets).toEqual([
        { fromMs: testMs, count: 30 },
        { fromMs: testMs + minute, count: 30 },
        { fromMs: testMs + 2 * minute, count: 0 },
        { fromMs: testMs + 3 * minute, count: 10 },
      ])
      await expect(store.histogram('', range, 1)).rejects.toMatchObject({ code: 'query.limit' })
    })

    test('gives the most frequent values of columns and of other fields, exactly', async () => {
      await store.append(
        numbered(0, 30, (i) => ({
          'host.name': `web-${i % 3}`,
          'labels.team': i < 20 ? 'net' : ['net', 'db', 'db'],
          ...(i === 0 ? { 'http.response.status_code': 500 } : {}),
        })),
        1,
      )
      expect(await store.topValues('', always, 'host.name', 2)).toEqual({
        values: [
          { value: 'web-0', count: 10 },
          { value: 'web-1', count: 10 },
        ],
        total: 30,
      })
      expect(await store.topValues('message:line', always, 'labels.team', 5)).toEqual({
        values: [
          { value: 'net', count: 30 },
          { value: 'db', count: 10 },
        ],
        total: 30,
      })
      expect(await store.topValues('', always, 'http.response.status_code', 5)).toEqual({
        values: [{ value: '500', count: 1 }],
        total: 1,
      })
    })

    test('counts groups with their events and times', async () => {
      await store.append(
        numbered(0, 6, (i) => ({ 'user.name': i % 2 ? 'root' : 'ada', 'labels.zone': 'a' })),
        1,
      )
      const groups = await store.groupCount('not event.id:e5', always, ['user.name', 'labels.zone'], 10)
      expect(groups.map(({ key, count }) => [key, count])).toEqual([
        [['ada', 'a'], 3],
        [['root', 'a'], 2],
      ])
      expect(groups[1]!.eventIds.toSorted()).toEqual(['e1', 'e3'])
      expect(groups[1]).toMatchObject({ firstMs: testMs + 1000, lastMs: testMs + 3000 })
      expect(await store.groupCount('', always, [], 10)).toMatchObject([{ key: [], count: 6 }])
    })

    test('shows what came before and after an event of the same source', async () => {
      await store.append(
        numbered(0, 20, (i) => ({ 'host.name': i % 2 ? 'odd' : 'even' })),
        1,
      )
      const around = async (fields: string[]): Promise<string[]> =>
        (await store.context('e10', fields, 2, 3)).map((one) => one['event.id'])
      expect(await around([])).toEqual(['e8', 'e9', 'e10', 'e11', 'e12', 'e13'])
      expect(await around(['host.name'])).toEqual(['e6', 'e8', 'e10', 'e12', 'e14', 'e16'])
      expect(await store.context('none', [], 2, 2)).toEqual([])
    })

    test('drops whole days by age and by size, oldest first, and does not read them from the log again', async () => {
      for (let i = 0; i < 4; i++) {
        await store.append(
          numbered(i * 10, i * 10 + 10, () => ({ '@timestamp': testMs + i * day })),
          i + 1,
        )
        await reopen()
      }
      const nowMs = testMs + 3 * day
      expect(await store.retain({ ageDaysMax: 2, bytesMax: Number.MAX_SAFE_INTEGER, nowMs })).toEqual(['2026-11-24'])
      expect(await store.count('', always)).toBe(30)
      expect(await store.retain({ ageDaysMax: 100, bytesMax: 1, nowMs })).toEqual(['2026-11-25', '2026-11-26'])
      expect((await store.stats()).events).toBe(10)
      await reopen()
      expect(await store.position()).toBe(4)
      expect(await store.count('', always)).toBe(10)
    })

    test('names its fields', async () => {
      await store.append(
        numbered(0, 1, () => ({ 'labels.team': 'net' })),
        1,
      )
      const fields = await store.fields()
      expect(fields).toContainEqual({ name: 'labels.team', type: 'keyword' })
      expect(fields).toContainEqual({ name: 'source.ip', type: 'ip' })
    })

    test('stops a search that is no longer wanted', async () => {
      await store.append(numbered(0, 10), 1)
      const controller = new AbortController()
      controller.abort()
      await expect(
        store.search({ query: '', ...always, order: 'newest', limit: 1, signal: controller.signal }),
      ).rejects.toThrow()
      expect(await ids('event.id:e1')).toEqual(['e1'])
    })
  })
}
