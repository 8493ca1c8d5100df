import { describe, expect, it } from 'vitest'
import { createPace } from './pace.ts'

function work(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}

async function restAfter(workMs: number, inHurry: boolean): Promise<number> {
  const rest = createPace()
  work(workMs)
  const fromMs = performance.now()
  await rest(inHurry)
  return performance.now() - fromMs
}

describe('the pace of long work', () => {
  it('rests as long as it worked, and lets timers and sockets go first', async () => {
    let others = 0
    const timer = setInterval(() => others++, 1)
    expect(await restAfter(30, false)).toBeGreaterThanOrEqual(28)
    clearInterval(timer)
    expect(others).toBeGreaterThan(0)
  })

  it('does not rest after little work', async () => {
    let others = 0
    setImmediate(() => others++)
    await createPace()(false)
    expect(others).toBe(0)
  })

  it('only lets others go first when it is late', async () => {
    let others = 0
    setImmediate(() => others++)
    await restAfter(30, true)
    expect(others).toBe(1)
  })
})
