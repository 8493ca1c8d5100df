import { expect, test } from 'vitest'
import type { Event } from '#core/event.ts'
import { createExportRecorder } from '#security/sensitive/mark/record.ts'
import { createValueHash } from '#security/sensitive/value-hash.ts'
import { type ExportOrder, exportStream } from './export.ts'

const key = Buffer.alloc(32, 1)
const event = (i: number): Event => ({
  ...{ '@timestamp': 1_795_000_000_000 + i, 'event.id': `e${i}`, 'event.ingested': 1_795_000_000_000 },
  ...{ 'observer.name': 'test', 'event.dataset': 'app', message: `=SUM(A1) line ${i}, "quoted" text` },
})

/** 2,500 events in pages of 1,000. */
function order(): ExportOrder & { told: [number, boolean][] } {
  const told: [number, boolean][] = []
  return {
    told,
    store: {
      search: async ({ limit, after }) => {
        const from = Number(after ?? 0)
        const to = Math.min(2500, from + limit)
        const events = Array.from({ length: to - from }, (_, i) => event(from + i))
        return to < 2500 ? { events, next: String(to) } : { events }
      },
    },
    request: { query: '', fromMs: 0, toMs: 9e15, order: 'oldest' },
    fields: ['@timestamp', 'event.id', 'message'],
    recorder: createExportRecorder(key, 'X', createValueHash(key)),
    isMarked: (field) => field === 'message',
    ended: async (rows, complete) => void told.push([rows, complete]),
  }
}

test('a download is told once, whole or as far as it came', async () => {
  const whole = order()
  const text = await new Response(exportStream(whole, 'csv')).text()
  expect(text.split('\r\n')).toHaveLength(2502)
  expect(whole.told).toEqual([[2500, true]])
  const broken = order()
  const reader = exportStream(broken, 'ndjson').getReader()
  await reader.read()
  await reader.cancel()
  expect(broken.told).toHaveLength(1)
  expect(broken.told[0]![1]).toBe(false)
  expect(broken.told[0]![0]).toBeLessThan(2500)
})

test('text cells carry the mark and run no formula; times and ids stay exact', async () => {
  const lines = (await new Response(exportStream(order(), 'csv')).text()).split('\r\n')
  const [time, id] = lines[1]!.split(',')
  expect([time, id]).toEqual([new Date(1_795_000_000_000).toISOString(), 'e0'])
  expect(lines[1]).toMatch(/,"'=SUM\(A1\) line 0, ""quoted"" text(?:\u200B|\u200C|\u200D|\u2060){8}"$/)
  const json = (await new Response(exportStream(order(), 'ndjson')).text()).split('\n')
  expect(JSON.parse(json[0]!)).toMatchObject({ message: event(0).message })
})
