import { expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { SourceTable, sourceLimits } from './sources.ts'

const origin = { receiver: 'syslog', source: '192.0.2.1' }

function talk(table: SourceTable, clock: ManualClock, times: number, gapMs: number): void {
  for (let i = 0; i < times; i++) {
    table.accepted(origin, 'events', 2)
    clock.advance(gapMs)
  }
}

test('a regular source is live, then late, then silent, and live again', () => {
  const clock = new ManualClock(1_700_000_000_000)
  const table = new SourceTable(clock)
  talk(table, clock, 60, 5000)
  expect(table.rows()[0]).toMatchObject({ state: 'live', accepted: 120, intervalMs: 8000 })
  clock.advance(120_000)
  expect(table.rows()[0]!.state).toBe('late')
  clock.advance(240_000)
  expect(table.rows()[0]!.state).toBe('silent')
  table.accepted(origin, 'events', 1)
  expect(table.rows()[0]!.state).toBe('live')
})

test('a source that writes twenty lines once an hour is given hours', () => {
  const clock = new ManualClock(1_700_000_000_000)
  const table = new SourceTable(clock)
  for (let hour = 0; hour < 30; hour++) {
    for (let i = 0; i < 20; i++) {
      table.accepted(origin, 'events', 1)
      clock.advance(1)
    }
    clock.advance(3_600_000)
  }
  expect(table.rows()[0]!.state).not.toBe('silent')
  clock.advance(5 * 4096 * 1000)
  expect(table.rows()[0]!.state).toBe('silent')
})

test('an import that ends is no silence', () => {
  const clock = new ManualClock(1_700_000_000_000)
  const table = new SourceTable(clock)
  talk(table, clock, 1000, 50)
  clock.advance(6 * 3_600_000)
  expect(table.rows()[0]!.state).toBe('late')
})

test('the table is bounded, keeps the recent ones, and survives a restart without blaming sources for it', () => {
  const clock = new ManualClock(1_700_000_000_000)
  const table = new SourceTable(clock)
  talk(table, clock, 60, 5000)
  const again = new SourceTable(clock)
  clock.advance(3_600_000)
  expect(again.restore(table.snapshot())).toBe(1)
  expect(again.rows()[0]!.state).toBe('live')
  for (let i = 0; i < sourceLimits.sourcesMax + 5; i++)
    again.accepted({ receiver: 'http', source: String(i) }, 'samples', 1)
  expect(again.rows()).toHaveLength(sourceLimits.sourcesMax)
  expect(again.evicted).toBe(6)
})

test('accepted counts are kept by minute for an hour', () => {
  const clock = new ManualClock(1_700_000_040_000)
  const table = new SourceTable(clock)
  table.accepted(origin, 'events', 7)
  clock.advance(60_000)
  table.accepted(origin, 'events', 3)
  expect(table.rows()[0]!.perMinute.slice(-2)).toEqual([7, 3])
  clock.advance(59 * 60_000)
  expect(table.rows()[0]!.perMinute.reduce((sum, count) => sum + count)).toBe(3)
})
