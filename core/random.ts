import { randomBytes } from 'node:crypto'

/** A source of random numbers, passed in so that a seed repeats a run. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** `count` random bytes, hex encoded. */
  hex(count: number): string
}

export const systemRandom: Random = {
  next: () => Math.random(),
  hex: (count) => randomBytes(count).toString('hex'),
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough for simulations, never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const hex = (count: number): string => {
    let text = ''
    for (let i = 0; i < count; i++)
      text += Math.floor(next() * 256)
        .toString(16)
        .padStart(2, '0')
    return text
  }
  return { next, hex }
}
