import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isStaleNaN, staleNaN } from '#core/sample.ts'
import { chunkSamplesMax, decodeChunk, encodeChunk, SampleBuffer } from './chunk.ts'

function roundTrip(times: number[], values: number[]): { times: number[]; values: Float64Array; bytes: number } {
  const chunk = encodeChunk(Float64Array.from(times), Float64Array.from(values), 0, times.length)
  const buffer = new SampleBuffer()
  decodeChunk(chunk, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, buffer)
  return {
    times: [...buffer.times.subarray(0, buffer.length)],
    values: buffer.values.slice(0, buffer.length),
    bytes: chunk.length,
  }
}

const bitsOf = (values: Float64Array) => [...new BigUint64Array(values.buffer)]

describe('a chunk', () => {
  it('gives back every time and every bit of every value', () => {
    const value = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom(0, -0, Infinity, -Infinity, 0.1, 1e15, 2 ** 52, 2 ** 53),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 1e9 }), value), { minLength: 1, maxLength: chunkSamplesMax }),
        fc.integer({ min: -1e12, max: 2e12 }),
        (steps, start) => {
          let time = start
          const times = steps.map(([step]) => (time += step))
          const values = steps.map(([, v]) => v)
          const back = roundTrip(times, values)
          expect(back.times).toEqual(times)
          expect(bitsOf(back.values)).toEqual(bitsOf(Float64Array.from(values)))
        },
      ),
    )
  })

  it('keeps the stale marker apart from an ordinary NaN', () => {
    const { values } = roundTrip([1, 2, 3], [1, staleNaN, Number.NaN])
    expect(Array.from(values, isStaleNaN)).toEqual([false, true, false])
  })

  it('takes about a byte a sample for a steady counter scraped regularly', () => {
    const times = Array.from({ length: 64 }, (_, i) => 1.8e12 + i * 15_000)
    const values = Array.from({ length: 64 }, (_, i) => 1e9 + i * 1500 + (i % 3))
    expect(roundTrip(times, values).bytes).toBeLessThan(64 * 1.4)
  })

  it('decodes only what lies in the range', () => {
    const chunk = encodeChunk(Float64Array.of(10, 20, 30), Float64Array.of(1, 2, 3), 0, 3)
    const buffer = new SampleBuffer()
    decodeChunk(chunk, 15, 30, buffer)
    expect([...buffer.times.subarray(0, buffer.length)]).toEqual([20, 30])
  })
})
