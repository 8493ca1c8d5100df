import { expect, it } from 'vitest'
import type { Event } from '#core/event.ts'
import { encodeEvents } from '#pipeline/encode/events.ts'
import { createSharedEvents } from './decoded.ts'

const record = (offset: number) => ({ offset, payload: encodeEvents([{ 'event.id': `e${offset}` } as Event]) })

it('decodes a record once for all readers, and lets it go when the last has read it', async () => {
  const shared = createSharedEvents()
  const [one, two] = [shared.reader(), shared.reader()]
  await one(record(0))
  await two(record(0))
  const first = await one(record(1))
  expect(shared.waiting).toBe(1)
  expect(await two(record(1))).toBe(first)
  expect(shared.waiting).toBe(0)
  expect(first).toEqual([{ 'event.id': 'e1' }])
})

it('holds a bounded number for a reader that stands still, which then gets the same from its record', async () => {
  const shared = createSharedEvents()
  const [still, other] = [shared.reader(), shared.reader()]
  await still(record(0))
  for (let offset = 0; offset < 500; offset++) await other(record(offset))
  expect(shared.waiting).toBeLessThanOrEqual(64)
  for (let offset = 1; offset < 500; offset++)
    expect(await still(record(offset))).toEqual([{ 'event.id': `e${offset}` }])
  expect(shared.waiting).toBe(0)
})

it('a reader that is new, or goes back, gets what it asks for', async () => {
  const shared = createSharedEvents()
  const [one, two] = [shared.reader(), shared.reader()]
  for (const offset of [5, 6, 2, 3]) expect(await one(record(offset))).toEqual([{ 'event.id': `e${offset}` }])
  expect(await two(record(9))).toEqual([{ 'event.id': 'e9' }])
  for (const offset of [4, 9]) await one(record(offset))
  expect(shared.waiting).toBe(0)
})
