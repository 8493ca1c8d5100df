import { expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { createRecent } from './recent.ts'

test('who asked a moment ago is known, and forgotten after a second or when something changed', () => {
  const clock = new ManualClock(0)
  const recent = createRecent<string>(clock)
  recent.set('a', 'Wei')
  expect(recent.get('a')).toBe('Wei')
  clock.advance(999)
  expect(recent.get('a')).toBe('Wei')
  clock.advance(1)
  expect(recent.get('a')).toBeUndefined()
  recent.set('a', 'Wei')
  const { version } = recent
  recent.forget()
  expect(recent.get('a')).toBeUndefined()
  expect(recent.version).not.toBe(version)
})

test('strangers without end take no more than their room', () => {
  const recent = createRecent<number>(new ManualClock(0))
  for (let i = 0; i < 5000; i++) recent.set(String(i), i)
  let kept = 0
  for (let i = 0; i < 5000; i++) if (recent.get(String(i)) !== undefined) kept++
  expect(kept).toBeLessThanOrEqual(1000)
  expect(recent.get('4999')).toBe(4999)
})
