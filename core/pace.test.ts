import { describe, expect, it } from 'vitest'
import { createPace, createSharedPace } from './pace.ts'

/** How long it rests, and how often a timer of one millisecond went off meanwhile, after this much work. */
async function restAfter(workedMs: number, inHurry: boolean): Promise<{ restedMs: number; others: number }> {
  let nowMs = 0
  const rest = createPace(() => nowMs)
  nowMs += workedMs
  let others = 0
  const timer = setInterval(() => others++, 1)
  const fromMs = performance.now()
  await rest(inHurry)
  clearInterval(timer)
  return { restedMs: performance.now() - fromMs, others }
}

describe('the pace of long work', () => {
  it('rests as long as it worked, and lets timers and sockets go first', async () => {
    const { restedMs, others } = await restAfter(30, false)
    expect(restedMs).toBeGreaterThanOrEqual(28)
    expect(others).toBeGreaterThan(0)
  })

  it('does not pay for a single long piece with a long rest', async () => {
    const fromMs = performance.now()
    await restAfter(3_600_000, false)
    expect(performance.now() - fromMs).toBeLessThan(30_000)
  })

  it('does not rest after little work', async () => {
    expect((await restAfter(4, false)).others).toBe(0)
  })

  it('lets others go first when it is in a hurry too', async () => {
    let turns = 0
    setImmediate(() => turns++)
    await restAfter(30, true)
    expect(turns).toBe(1)
  })
})

describe('a pace that several works share', () => {
  /** Each piece takes some of the time that `nowMs` tells. @returns who worked, and `turn` where others had theirs */
  async function order(works: number, pieces: number, pieceMs: number): Promise<(number | 'turn')[]> {
    let nowMs = 0
    const pace = createSharedPace(() => nowMs)
    const seen: (number | 'turn')[] = []
    const work = async (name: number): Promise<void> => {
      for (let piece = 0; piece < pieces; piece++) {
        await pace(() => {
          seen.push(name)
          nowMs += pieceMs
        })
      }
    }
    let isOver = false
    const others = (): void => {
      if (seen.length > 0 && seen.at(-1) !== 'turn') seen.push('turn')
      if (!isOver) setImmediate(others)
    }
    setImmediate(others)
    await Promise.all(Array.from({ length: works }, (_, name) => work(name)))
    isOver = true
    return seen
  }

  it('lets all of them together work for one slice, then others', async () => {
    const seen = await order(4, 3, 2)
    expect(seen.filter((one) => one !== 'turn')).toHaveLength(12)
    const runs = seen.join(' ').split('turn')
    // Three pieces of two milliseconds use five up.
    for (const run of runs) expect(run.trim().split(' ').length).toBeLessThanOrEqual(3)
  })

  it('each of them has its turn', async () => {
    const seen = (await order(3, 2, 10)).filter((one) => one !== 'turn')
    expect(new Set(seen.slice(0, 3)).size).toBe(3)
  })

  it('does not rest after little work', async () => {
    expect(await order(2, 2, 0)).not.toContain('turn')
  })
})
