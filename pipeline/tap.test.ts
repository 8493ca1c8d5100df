import { expect, test } from 'vitest'
import type { Event } from '#core/event.ts'
import { Tap, tapLimits } from './tap.ts'

const batchOf = (offset: number, count = 1) => ({ offset, events: Array.from({ length: count }, () => ({}) as Event) })

test('batches come in order of their offset however the appends resolve', async () => {
  const tap = new Tap()
  const offsets: number[] = []
  tap.subscribe({ batch: ({ offset }) => void offsets.push(offset), lost: () => {} })
  for (const offset of [10, 12, 11, 13]) tap.publish(batchOf(offset))
  await expect.poll(() => offsets).toEqual([10, 11, 12, 13])
})

test('a slow subscriber loses and is told how many; others lose nothing', async () => {
  const tap = new Tap()
  const told: number[] = []
  const fast: number[] = []
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  tap.subscribe({ batch: () => gate, lost: (count) => void told.push(count) })
  tap.subscribe({ batch: ({ offset }) => void fast.push(offset), lost: () => {} })
  const half = tapLimits.pendingEventsMax / 2
  for (let offset = 0; offset < 4; offset++) {
    tap.publish(batchOf(offset, half))
    await Promise.resolve()
    await new Promise(setImmediate)
  }
  release()
  await new Promise(setImmediate)
  tap.publish(batchOf(4))
  await expect.poll(() => told).toEqual([2 * half])
  expect(tap.lostTotal).toBe(2 * half)
  expect(fast).toEqual([0, 1, 2, 3, 4])
})

test('subscribers are bounded and can leave', () => {
  const tap = new Tap()
  const leave = Array.from({ length: tapLimits.subscribersMax }, () =>
    tap.subscribe({ batch: () => {}, lost: () => {} }),
  )
  expect(tap.subscribe({ batch: () => {}, lost: () => {} })).toBeUndefined()
  leave[0]!()
  expect(tap.subscribers).toBe(tapLimits.subscribersMax - 1)
})
