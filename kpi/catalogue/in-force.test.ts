// What is kept of the catalogue for as long as it holds is what going over all of it gives, at any pair of times.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Fact } from '../contract.ts'
import { currentFacts } from '../engine/compute.ts'
import { factsInForce, itemsKnown, unchangedAround } from './in-force.ts'
import { itemsOf } from './items.ts'
import { namesIn } from './names.ts'

const time = fc.integer({ min: 0, max: 12 })
const rows = fc.array(
  fc.record({
    ...{ kind: fc.constantFrom('item' as const, 'system' as const), id: fc.constantFrom('a', 'b', 'c', 'd') },
    ...{ validFromMs: time, lasts: fc.option(fc.integer({ min: 1, max: 6 })), knownMs: time, removed: fc.nat(4) },
  }),
  { maxLength: 20 },
)
const factsOf = (given: typeof rows extends fc.Arbitrary<infer R> ? R : never): Fact[] =>
  given
    .sort((a, b) => a.knownMs - b.knownMs)
    .map(({ lasts, removed, ...one }, version) => ({
      ...{
        ...one,
        version,
        validToMs: lasts === null ? null : one.validFromMs + lasts,
        fields: { code: one.id, version },
      },
      ...(removed === 0 ? { removed: true as const } : {}),
    }))

it('is what a look at all of it gives', async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.array(fc.tuple(time, time), { minLength: 1, maxLength: 30 }), async (given, asked) => {
      const facts = factsOf(given)
      for (const [validMs, knownMs] of asked)
        for (const kind of ['item', 'system'] as const) {
          const expected = currentFacts(facts, kind, knownMs, validMs).sort((a, b) => (a.id < b.id ? -1 : 1))
          expect(await factsInForce(facts, kind, { validMs, knownMs })).toEqual(expected)
          const [fromMs, untilMs] = unchangedAround(facts, kind, validMs)
          const now = currentFacts(facts, kind, validMs, validMs)
          for (let atMs = Math.max(0, fromMs); atMs < Math.min(13, untilMs); atMs++)
            expect(currentFacts(facts, kind, atMs, atMs)).toEqual(now)
          const [kept, anew] = [await itemsKnown(facts, knownMs), itemsOf(facts, knownMs)]
          for (const code of ['a', 'b', 'c', 'd', 'e']) expect(kept(code, validMs)).toEqual(anew(code, validMs))
        }
    }),
  )
})

it('is in the order of ids, of many rows too', async () => {
  const facts = Array.from({ length: 20_000 }, (_, i) => ({
    ...{
      kind: 'item' as const,
      id: `i${(i * 7919) % 20_000}`,
      version: 1,
      validFromMs: 0,
      validToMs: null,
      knownMs: 0,
    },
    fields: { department: `d${i % 3}`, departmentName: `部门${i % 3}`, region: '4401', name: `事项${i}` },
  }))
  const found = await factsInForce(facts, 'item', { validMs: 1, knownMs: 1 })
  expect(found.map(({ id }) => id)).toEqual(facts.map(({ id }) => id).sort())
  const names = await namesIn(facts)
  expect(names.departments).toContainEqual({ department: 'd1', region: '440100', name: '部门1' })
  expect(names.itemsOf('d2')).toHaveLength(6666)
  expect(names.itemsOf('d9')).toEqual([])
})
