import { afterAll, beforeAll, expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import type { Actor } from '#stores/state/state.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { createSilences } from './silences.ts'

let state: TestState
beforeAll(async () => {
  state = await openTestState()
})
afterAll(() => state.dispose())

const operator: Actor = { kind: 'user', id: 'u1', name: 'Wei', role: 'operator', address: '' }

test('a silence that is given another end stays the same silence, whatever the order of its matchers', async () => {
  const clock = new ManualClock(1_795_507_200_000)
  const silences = createSilences({ database: state.database, clock, random: seededRandom(1) })
  const hourMs = 3_600_000
  const matchers = [
    { name: 'alertname', value: 'Disk', isRegex: false, isEqual: true },
    { name: 'instance', value: 'db-.*', isRegex: true, isEqual: true },
  ]
  const times = { startsMs: clock.nowMs(), endsMs: clock.nowMs() + hourMs }
  const first = await silences.set(operator, { matchers, ...times, comment: 'planned' })
  clock.advance(60_000)
  const longer = await silences.set(operator, {
    ...{ id: first.id, matchers: matchers.toReversed(), comment: 'longer', startsMs: first.startsMs },
    endsMs: first.endsMs + hourMs,
  })
  expect(longer).toMatchObject({ id: first.id, endsMs: first.endsMs + hourMs, startsMs: first.startsMs })
  expect(await silences.list()).toHaveLength(1)
  // Other matchers are another silence, and the first is over.
  const other = await silences.set(operator, { ...longer, matchers: matchers.slice(0, 1) })
  expect(other.id).not.toBe(first.id)
  const listed = new Map((await silences.list()).map(({ id, endsMs }) => [id, endsMs]))
  expect(listed.get(first.id)).toBe(clock.nowMs())
  expect(listed.get(other.id)).toBe(longer.endsMs)
  await silences.expire(operator, other.id)
  expect(
    silences.of({ rule: 'r', severity: 'high', title: '', labels: { alertname: 'Disk', instance: 'db-1' } }),
  ).toEqual([])
})
