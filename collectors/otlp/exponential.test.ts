import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FloatHistogram } from '#core/histogram.ts'
import { type Exponential, nativeOf, plusExponential, readExponential } from './exponential.ts'

/** As an SDK counts: bucket i of OTLP holds (base^i, base^(i+1)]. Dense from the least to the largest index. */
function pointOf(values: readonly number[], scale: number): object {
  const side = (own: readonly number[]): object | undefined => {
    if (own.length === 0) return undefined
    const indexes = own.map((value) => Math.ceil(Math.log2(value) * 2 ** scale) - 1)
    const offset = Math.min(...indexes)
    const bucketCounts = new Array<number>(Math.max(...indexes) - offset + 1).fill(0)
    for (const index of indexes) bucketCounts[index - offset]!++
    return { offset, bucketCounts }
  }
  return {
    ...{ scale, count: values.length, sum: values.reduce((total, value) => total + value, 0) },
    zeroCount: values.filter((value) => value === 0).length,
    positive: side(values.filter((value) => value > 0)),
    negative: side(values.filter((value) => value < 0).map((value) => -value)),
  }
}

function read(point: object): Exponential {
  const found = readExponential(point as Record<string, unknown>)
  if (typeof found === 'string') throw new Error(found)
  return found
}

/** Prometheus's bucket number → count, of one side. */
function bucketsOf(spans: FloatHistogram['positiveSpans'], counts: Float64Array): Map<number, number> {
  const found = new Map<number, number>()
  let index = 0
  let at = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++) {
      const count = counts[at++]!
      if (count > 0) found.set(index, count)
    }
  }
  expect(at).toBe(counts.length)
  return found
}

/** Bucket i of Prometheus holds (base^(i−1), base^i]. */
function counted(values: readonly number[], schema: number): Map<number, number> {
  const found = new Map<number, number>()
  for (const value of values) {
    const index = Math.ceil(Math.log2(value) * 2 ** schema)
    found.set(index, (found.get(index) ?? 0) + 1)
  }
  return found
}

const scales = fc.integer({ min: -4, max: 10 })
// Not powers of two: those lie on a border, where the logarithm of a float may fall to either side.
const magnitudes = fc.double({ min: 1.01, max: 700, noNaN: true }).filter((value) => Math.log2(value) % 1 > 1e-9)
const valuesOf = (maxLength: number) =>
  fc.array(
    fc.oneof(
      magnitudes,
      magnitudes.map((value) => -value),
      fc.constant(0),
    ),
    { maxLength },
  )

function expectHolds(native: FloatHistogram, values: readonly number[]): void {
  const { schema } = native
  expect(schema).toBeLessThanOrEqual(8)
  const positive = counted(
    values.filter((value) => value > 0),
    schema,
  )
  const negative = counted(
    values.filter((value) => value < 0).map((value) => -value),
    schema,
  )
  expect(bucketsOf(native.positiveSpans, native.positiveBuckets)).toEqual(positive)
  expect(bucketsOf(native.negativeSpans, native.negativeBuckets)).toEqual(negative)
  expect(native.zeroCount).toBe(values.filter((value) => value === 0).length)
  expect(native.count).toBe(values.length)
}

describe('exponential histograms', () => {
  it('hold every value in the bucket that Prometheus has for it, whatever the scale', () => {
    fc.assert(
      fc.property(valuesOf(60), scales, (values, scale) => {
        const native = nativeOf(read(pointOf(values, scale)))
        expect(native.schema).toBe(Math.min(scale, 8))
        expectHolds(native, values)
      }),
    )
  })

  it('add up: the total of two deltas is the histogram of both their values', () => {
    fc.assert(
      fc.property(valuesOf(40), scales, valuesOf(40), scales, (a, scaleA, b, scaleB) => {
        const total = plusExponential(read(pointOf(a, scaleA)), read(pointOf(b, scaleB)))!
        expect(total.scale).toBeLessThanOrEqual(Math.min(scaleA, scaleB, 8))
        expectHolds(nativeOf(total), [...a, ...b])
      }),
    )
  })

  it('of values far apart are added in larger buckets, and in none when even the largest are too many', () => {
    const at = (offset: number): Exponential => read({ scale: 8, count: 1, positive: { offset, bucketCounts: [1] } })
    const total = plusExponential(at(-50_000), at(50_000))!
    expect(total.scale).toBeLessThan(8)
    expect(total.positive.counts.length).toBeLessThanOrEqual(320)
    expect(total.positive.counts.reduce((sum, count) => sum + count, 0)).toBe(2)
    expect(plusExponential(at(-2_000_000_000), at(2_000_000_000))).toBeUndefined()
  })

  it('with different zero thresholds count under the larger what lies below it', () => {
    const narrow = read({ scale: 0, count: 3, positive: { offset: -3, bucketCounts: [1, 1, 1] } })
    const wide = read({ scale: 0, count: 1, zeroCount: 1, zeroThreshold: 0.5 })
    // (0.125, 0.25] and (0.25, 0.5] are below; (0.5, 1] is not.
    expect(nativeOf(plusExponential(narrow, wide)!)).toMatchObject({
      ...{ zeroThreshold: 0.5, zeroCount: 3, count: 4 },
      ...{ positiveSpans: [{ offset: 0, length: 1 }], positiveBuckets: Float64Array.of(1) },
    })
  })

  it('leave gaps of more than two empty buckets to the spans', () => {
    const { positiveSpans, positiveBuckets } = nativeOf(
      read({ scale: 2, count: 4, positive: { offset: -5, bucketCounts: [0, 1, 0, 0, 1, 0, 0, 0, 2, 0] } }),
    )
    expect(positiveSpans).toEqual([
      { offset: -3, length: 4 },
      { offset: 3, length: 1 },
    ])
    expect(positiveBuckets).toEqual(Float64Array.of(1, 0, 0, 1, 2))
  })

  it('are refused by name when Prometheus could not take them', () => {
    const refused: [object, string][] = [
      [{ scale: -5, count: 0 }, 'histogram-scale'],
      [{ scale: 0, count: 5, positive: { offset: 0, bucketCounts: [1] } }, 'invalid-histogram'],
      [{ scale: 0, count: 1, positive: { offset: 0, bucketCounts: [-1, 2] } }, 'invalid-histogram'],
      [{ scale: 0, count: 1, positive: { offset: 1e300, bucketCounts: [1] } }, 'invalid-histogram'],
      [{ scale: 1e9, count: 0 }, 'invalid-histogram'],
      [{ scale: 0.5, count: 0 }, 'invalid-histogram'],
      [{ scale: 0, count: 'x' }, 'invalid-histogram'],
      [{ scale: 0, count: 0, positive: { bucketCounts: new Array(10_001).fill(0) } }, 'histogram-buckets'],
    ]
    for (const [point, reason] of refused) expect(readExponential(point as Record<string, unknown>)).toBe(reason)
    // Observations of NaN are in no bucket.
    expect(read({ scale: 0, count: 2, sum: 'NaN', positive: { bucketCounts: [1] } }).count).toBe(2)
  })
})
