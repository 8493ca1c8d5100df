// What every log engine must do.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Log, LogRecord } from './log.ts'

export interface LogHarness {
  log: Log
  /** Closes and opens again on the same data. */
  reopen(): Promise<Log>
  cleanUp(): Promise<void>
}

export const text = (value: string): { key: string; count: number; payload: Uint8Array } => ({
  key: 'k',
  count: 1,
  payload: Buffer.from(value),
})
export const texts = (records: LogRecord[]): string[] => records.map((record) => Buffer.from(record.payload).toString())

export function logConformance(name: string, make: () => Promise<LogHarness>): void {
  describe(`${name} keeps the log contract`, () => {
    let harness: LogHarness
    let log: Log
    beforeEach(async () => {
      harness = await make()
      log = harness.log
    })
    afterEach(() => harness.cleanUp())
    const readAll = async (from = 0): Promise<LogRecord[]> => {
      const all: LogRecord[] = []
      for (let offset = from; ; offset = all[all.length - 1]!.offset + 1) {
        const records = await log.read('events', offset, { bytesMax: 1e9, waitMs: 0 })
        if (records.length === 0) return all
        all.push(...records)
      }
    }

    it('gives offsets from 0 on, one more each, and reads in order from any of them', async () => {
      expect(await Promise.all(['a', 'b', 'c'].map((value) => log.append('events', text(value))))).toEqual([0, 1, 2])
      expect(texts(await readAll())).toEqual(['a', 'b', 'c'])
      expect(texts(await readAll(1))).toEqual(['b', 'c'])
      expect(log.bounds('events')).toEqual({ first: 0, next: 3 })
    })

    it('keeps topics apart, and key, count and bytes as given', async () => {
      const payload = Uint8Array.from({ length: 1000 }, (_, i) => i)
      await log.append('samples', { key: 'syslog/城', count: 7, payload })
      expect(await readAll()).toEqual([])
      const [record] = await log.read('samples', 0, { bytesMax: 1, waitMs: 0 })
      expect(record).toMatchObject({ key: 'syslog/城', count: 7, offset: 0 })
      expect(Buffer.compare(record!.payload, payload)).toBe(0)
    })

    it('has after a restart what was acknowledged before', async () => {
      for (let i = 0; i < 50; i++) await log.append('events', text(`event ${i}`))
      log = await harness.reopen()
      expect(texts(await readAll())).toEqual(Array.from({ length: 50 }, (_, i) => `event ${i}`))
      expect(await log.append('events', text('next'))).toBe(50)
    })

    it('gives at least one record and stops near the size asked for', async () => {
      for (let i = 0; i < 10; i++) await log.append('events', text('x'.repeat(1000)))
      expect((await log.read('events', 0, { bytesMax: 1, waitMs: 0 })).length).toBe(1)
      expect((await log.read('events', 0, { bytesMax: 3000, waitMs: 0 })).length).toBeLessThanOrEqual(4)
    })

    it('wakes a waiting reader, and lets it go when nothing comes or it is called off', async () => {
      const waiting = log.read('events', 0, { bytesMax: 1e6, waitMs: 10_000 })
      await log.append('events', text('here'))
      expect(texts(await waiting)).toEqual(['here'])
      expect(await log.read('events', 1, { bytesMax: 1e6, waitMs: 5 })).toEqual([])
      const stop = new AbortController()
      const calledOff = log.read('events', 1, { bytesMax: 1e6, waitMs: 60_000, signal: stop.signal })
      stop.abort()
      expect(await calledOff).toEqual([])
    })

    it('keeps the positions of consumers over a restart, each for itself', async () => {
      for (let i = 0; i < 5; i++) await log.append('events', text('x'))
      log.savePosition('store', 'events', 3)
      log.savePosition('rules', 'events', 1)
      log = await harness.reopen()
      expect([
        log.position('store', 'events'),
        log.position('rules', 'events'),
        log.position('nobody', 'events'),
      ]).toEqual([3, 1, undefined])
    })
  })
}
