import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { customBucketsSchema, type FloatHistogram } from '#core/histogram.ts'
import { combine, compact, equal, IncompatibleHistograms, scale } from './arithmetic.ts'
import { exponentialBound } from './bounds.ts'
import { detectReset } from './detect-reset.ts'
import { histogramFraction, histogramQuantile } from './quantile.ts'
import { trim } from './trim.ts'

const counts = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 6 })

const exponential = fc
  .record({
    schema: fc.integer({ min: -4, max: 8 }),
    offset: fc.integer({ min: -20, max: 20 }),
    positive: counts,
    negative: counts,
    zeroCount: fc.nat(50),
    zeroThreshold: fc.constantFrom(0, 0.001, 0.25),
  })
  .map(({ schema, offset, positive, negative, zeroCount: zeros, zeroThreshold: width }): FloatHistogram => {
    // As a client writes them: no bucket inside the zero bucket, and nothing in a zero bucket without width.
    const zeroThreshold = width <= exponentialBound(offset - 1, schema) ? width : 0
    const zeroCount = zeroThreshold === 0 ? 0 : zeros
    return {
      schema,
      counterResetHint: 'unknown',
      zeroThreshold,
      zeroCount,
      count: [...positive, ...negative, zeroCount].reduce((sum, n) => sum + n, 0),
      sum: offset,
      positiveSpans: positive.length > 0 ? [{ offset, length: positive.length }] : [],
      positiveBuckets: Float64Array.from(positive),
      negativeSpans: negative.length > 0 ? [{ offset, length: negative.length }] : [],
      negativeBuckets: Float64Array.from(negative),
      customValues: [],
    }
  })

const total = (h: FloatHistogram) =>
  h.zeroCount + [...h.positiveBuckets, ...h.negativeBuckets].reduce((sum, n) => sum + n, 0)

describe('native histograms', () => {
  it('adding keeps every observation, whatever schemas and zero buckets meet, in either order', () => {
    fc.assert(
      fc.property(exponential, exponential, (a, b) => {
        const one = combine(a, b, 1).histogram
        const other = combine(b, a, 1).histogram
        expect(total(one)).toBe(total(a) + total(b))
        expect(one.count).toBe(a.count + b.count)
        expect(equal(one, other)).toBe(true)
      }),
      { seed: 11, numRuns: 300 },
    )
  })

  it('subtracting what was added leaves nothing but the layout', () => {
    fc.assert(
      fc.property(exponential, (a) => {
        const none = combine(combine(a, a, 1).histogram, scale(a, 2), -1).histogram
        expect([
          none.count,
          none.sum,
          none.zeroCount,
          none.positiveBuckets.length,
          none.negativeBuckets.length,
        ]).toEqual([0, 0, 0, 0, 0])
      }),
      { seed: 12 },
    )
  })

  it('a histogram that only grew has no reset, one that shrank has', () => {
    fc.assert(
      fc.property(exponential, exponential, (a, b) => {
        const grown = combine(a, b, 1).histogram
        if (grown.schema === a.schema && grown.zeroThreshold === a.zeroThreshold)
          expect(detectReset(grown, a)).toBe(false)
        if (a.count > 0) expect(detectReset(scale(a, 0.5), a)).toBe(true)
      }),
      { seed: 13 },
    )
  })

  it('quantiles rise with φ, and the fraction below a quantile is φ', () => {
    fc.assert(
      fc.property(exponential, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (a, q) => {
        fc.pre(a.count > 0)
        const { value } = histogramQuantile(q, a)
        expect(histogramQuantile(Math.min(1, q + 0.01), a).value).toBeGreaterThanOrEqual(value - Math.abs(value) * 1e-9)
        const within = histogramFraction(Number.NEGATIVE_INFINITY, value * (1 + Math.sign(value) * 1e-9), a).value
        expect(within).toBeGreaterThan(q - 1e-6)
      }),
      { seed: 14 },
    )
  })

  it('the two parts of a trimmed histogram have all observations', () => {
    fc.assert(
      fc.property(exponential, fc.double({ min: -100, max: 100, noNaN: true }), (a, at) => {
        const parts = trim(a, at, true).count + trim(a, at, false).count
        expect(parts).toBeCloseTo(total(a), 5)
      }),
      { seed: 15 },
    )
  })

  it('custom and exponential buckets do not mix; custom bounds are reconciled to those in common', () => {
    const custom = (customValues: number[], buckets: number[]): FloatHistogram => ({
      ...compact(
        scale(
          {
            schema: customBucketsSchema,
            counterResetHint: 'unknown',
            zeroThreshold: 0,
            zeroCount: 0,
            count: 6,
            sum: 1,
            positiveSpans: [{ offset: 0, length: buckets.length }],
            positiveBuckets: Float64Array.from(buckets),
            negativeSpans: [],
            negativeBuckets: new Float64Array(0),
            customValues,
          },
          1,
        ),
      ),
    })
    const sum = combine(custom([1, 2, 5], [1, 2, 3]), custom([1, 5], [4, 5]), 1)
    expect(sum).toMatchObject({
      reconciled: true,
      histogram: { customValues: [1, 5], positiveBuckets: Float64Array.of(5, 10) },
    })
    const exp = { ...custom([], []), schema: 0 }
    expect(() => combine(exp, custom([1], [1]), 1)).toThrow(IncompatibleHistograms)
  })
})
