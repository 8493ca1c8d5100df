import { afterEach, expect, test, vi } from 'vitest'
import { createTurns } from './turns.ts'
import { createWaker } from './waker.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('a turn is left out while the last one is at work, and an error ends only its own turn', async () => {
  vi.useFakeTimers()
  const ends: [string | undefined, string][] = []
  const turns = createTurns((error, what) => ends.push([error?.message, what]))
  let begun = 0
  let finish = (): void => {}
  const slow = (): Promise<void> => {
    begun++
    return new Promise((resolve) => {
      finish = resolve
    })
  }
  turns.every(10, slow, 'slow')
  turns.every(10, () => Promise.reject(new Error('no')), 'wrong')
  await vi.advanceTimersByTimeAsync(35)
  expect(begun).toBe(1)
  expect(ends).toEqual([
    ['no', 'wrong'],
    ['no', 'wrong'],
    ['no', 'wrong'],
  ])
  finish()
  await vi.advanceTimersByTimeAsync(10)
  expect(begun).toBe(2)
  expect(ends[3]).toEqual([undefined, 'slow'])
  const stopped = turns.stop()
  finish()
  await stopped
  const before = ends.length
  await vi.advanceTimersByTimeAsync(100)
  expect(ends).toHaveLength(before)
})

test('what comes while a worker looks is not slept over', async () => {
  const waker = createWaker()
  waker.looking()
  waker.wake()
  await waker.sleep(3_600_000)
  waker.looking()
  const sleeping = waker.sleep(3_600_000)
  waker.wake()
  await sleeping
})
