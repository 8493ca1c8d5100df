import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isStaleNaN, staleNaN } from '#core/sample.ts'
import { decodeChunk, encodeChunk, SampleBuffer } from './chunk.ts'

function roundTrip(times: number[], values: number[]): { times: number[]; values: Float64Array; bytes: number } {
  const chunk = encodeChunk(Float64Array.from(times), Float64Array.from(values), 0, times.length)
  const buffer = new SampleBuffer(1)
  decodeChunk(chunk, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, buffer)
  return {
    times: [...buffer.times.subarray(0, buffer.length)],
    values: buffer.values.slice(0, buffer.length),
    bytes: chunk.length,
  }
}

const bitsOf = (values: Float64Array) => [...new BigUint64Array(values.buffer)]

describe('a chunk', () => {
  it('gives back every time and every bit of every value', () => {
    const special = fc.constantFrom(0, -0, Infinity, -Infinity, Number.NaN, staleNaN, 0.1, 1e15, 2 ** 52, 2 ** 53)
    const decimal = fc.integer({ min: -1e9, max: 1e9 }).map((integer) => integer / 1000)
    const value = fc.oneof(fc.double(), fc.integer(), decimal, special)
    // Chunks of one kind of number and chunks that mix them: each codec gets its turn.
    const values = fc.oneof(
      ...[
        fc.integer(),
        decimal,
        value,
        fc.oneof({ weight: 15, arbitrary: decimal }, { weight: 1, arbitrary: special }),
      ].map((kind) => fc.array(kind, { minLength: 1, maxLength: 64 })),
    )
    fc.assert(
      fc.property(
        values,
        fc.integer({ min: -1e12, max: 2e12 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 1e9 })),
        (own, start, steps) => {
          let time = start
          const times = own.map(() => (time += steps.next().value as number))
          const back = roundTrip(times, own)
          expect(back.times).toEqual(times)
          expect(bitsOf(back.values)).toEqual(bitsOf(Float64Array.from(own)))
        },
      ),
      { numRuns: 400 },
    )
  })

  it('keeps the stale marker apart from an ordinary NaN', () => {
    const { values } = roundTrip([1, 2, 3], [1, staleNaN, Number.NaN])
    expect(Array.from(values, isStaleNaN)).toEqual([false, true, false])
  })

  it('takes about a byte a sample for a steady counter scraped regularly, also when it ends with a stale marker', () => {
    const times = Array.from({ length: 64 }, (_, i) => 1.8e12 + i * 15_000)
    const values = Array.from({ length: 64 }, (_, i) => 1e9 + i * 1500 + (i % 3))
    expect(roundTrip(times, values).bytes).toBeLessThan(64 * 1.4)
    expect(roundTrip(times, [...values.slice(0, 63), staleNaN]).bytes).toBeLessThan(64 * 1.6)
  })

  it('decodes only what lies in the range', () => {
    const chunk = encodeChunk(Float64Array.of(10, 20, 30), Float64Array.of(1, 2, 3), 0, 3)
    const buffer = new SampleBuffer()
    decodeChunk(chunk, 0, 15, 30, buffer)
    expect([...buffer.times.subarray(0, buffer.length)]).toEqual([20, 30])
  })

  it('is refused when it is damaged, whatever byte it is', () => {
    const times = Float64Array.from({ length: 40 }, (_, i) => 1.8e12 + i * 15_000)
    const whole = encodeChunk(
      times,
      times.map((_, i) => i * 0.37),
      0,
      40,
    )
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const damaged = whole.slice()
        damaged[at] = byte
        const buffer = new SampleBuffer()
        try {
          decodeChunk(damaged, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, buffer)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
        expect(buffer.length).toBeLessThanOrEqual(4096)
      }),
    )
  })
})
