import { expect, it } from 'vitest'
import type { SeriesData } from '#core/sample.ts'
import { SharedSelects } from './shared-select.ts'

const request = (name: string, toMs: number) => ({
  ...{ fromMs: 0, toMs, seriesMax: 10, samplesMax: 10 },
  matchers: [{ name: '__name__', op: '=' as const, value: name }],
})

it('reads once what several rules ask for at one time, and keeps nothing that only one of them asked for', async () => {
  const reads: string[] = []
  const selects = new SharedSelects({
    select: async ({ matchers, toMs }): Promise<SeriesData[]> => {
      reads.push(`${matchers[0]!.value} ${toMs}`)
      return []
    },
  })
  for (const toMs of [1, 2]) {
    const store = selects.next()
    for (const name of ['shared', 'alone', 'shared']) await store.select(request(name, toMs))
  }
  expect(reads).toEqual(['shared 1', 'alone 1', 'shared 2', 'alone 2'])
  // Asked for again at a time at which it was alone before: it is read again, and shared from the next time on.
  const third = selects.next()
  for (const name of ['alone', 'alone']) await third.select(request(name, 3))
  const fourth = selects.next()
  for (const name of ['alone', 'alone']) await fourth.select(request(name, 4))
  expect(reads.slice(4)).toEqual(['alone 3', 'alone 3', 'alone 4'])
})
