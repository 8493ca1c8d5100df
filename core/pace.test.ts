import { describe, expect, it } from 'vitest'
import { createPace } from './pace.ts'

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
