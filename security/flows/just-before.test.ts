import fc from 'fast-check'
import { expect, it } from 'vitest'
import { JustBefore } from './just-before.ts'

const seen = fc.record({
  stepMs: fc.integer({ min: -500, max: 3000 }),
  destination: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'),
  service: fc.constantFrom('53/udp', '443/tcp'),
})
const timed = (steps: { stepMs: number; destination: string; service: string }[]) => {
  let atMs = 1_000_000
  return steps.map(({ stepMs, ...rest }) => {
    atMs += stepMs
    return { atMs, ...rest }
  })
}

it('counts what came within two seconds, as whoever counts anew each time does', () => {
  fc.assert(
    fc.property(fc.array(seen, { maxLength: 200 }), (steps) => {
      const window = new JustBefore()
      // In the order of their coming: one that came late stays as long as those before it.
      let kept: ReturnType<typeof timed> = []
      let newestMs = Number.NEGATIVE_INFINITY
      for (const one of timed(steps)) {
        newestMs = Math.max(newestMs, one.atMs)
        while (kept[0] && kept[0].atMs <= newestMs - 2000) kept = kept.slice(1)
        kept.push(one)
        expect(window.add(one)).toEqual({
          toDestination: kept.filter(({ destination }) => destination === one.destination).length,
          toService: kept.filter(({ service }) => service === one.service).length,
        })
      }
    }),
  )
})

it('is bounded, and goes on after a restart as if nothing had been', () => {
  const first = new JustBefore()
  for (let n = 0; n < 20_000; n++) first.add({ atMs: n / 100, destination: `d${n % 7}`, service: `s${n % 3}` })
  expect(first.snapshot().length).toBeLessThanOrEqual(4096)
  const second = new JustBefore()
  second.restore(JSON.parse(JSON.stringify(first.snapshot())))
  for (const atMs of [201, 900, 2150, 2190, 9000]) {
    const one = { atMs, destination: 'd1', service: 's1' }
    expect(second.add(one)).toEqual(first.add(one))
  }
  expect(second.snapshot()).toEqual(first.snapshot())
})
