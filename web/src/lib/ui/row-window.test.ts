import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sliceOf } from './row-window.svelte.ts'

test('short lists are drawn whole', () => {
  expect(sliceOf(200, { scrollTop: 900, viewHeight: 600, rowHeight: 28 })).toEqual({
    ...{ first: 0, last: 200, above: 0, below: 0 },
  })
})

test('whatever the scroll, every row in sight is drawn, few others are, and the height stays the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 201, max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, part) => {
      const at = { viewHeight: 700, rowHeight: 28, scrollTop: 0 }
      at.scrollTop = part * Math.max(0, count * at.rowHeight - at.viewHeight)
      const { first, last, above, below } = sliceOf(count, at)
      expect(first).toBeLessThanOrEqual(Math.floor(at.scrollTop / at.rowHeight))
      expect(last).toBeGreaterThanOrEqual(Math.min(count, Math.ceil((at.scrollTop + at.viewHeight) / at.rowHeight)))
      expect(last - first).toBeLessThanOrEqual(4 * 25)
      expect(above + (last - first) * at.rowHeight + below).toBe(count * at.rowHeight)
    }),
  )
})
