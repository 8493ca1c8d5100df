import { describe, expect, it } from 'vitest'
import type { AlertState } from '../alert.ts'
import { finding } from '../testing.ts'
import { fingerprint } from './fingerprint.ts'
import { onFinding, onTick, type Step } from './transition.ts'

const opening = () => ({ id: 'a1', fingerprint: 'f1', episode: 1 })

type Move = ['active' | 'over' | 'unknown', number] | ['tick', number]
interface Row {
  name: string
  forMs?: number
  resolveAfterMs?: number
  moves: Move[]
  states: (AlertState | 'none')[]
  told: (string | undefined)[]
}

const rows: Row[] = [
  { name: 'fires at once without a pending period', moves: [['active', 0]], states: ['firing'], told: ['firing'] },
  {
    name: 'is pending until it was active for so long',
    forMs: 10,
    resolveAfterMs: 100,
    moves: [
      ['active', 0],
      ['active', 9],
      ['active', 10],
    ],
    states: ['pending', 'pending', 'firing'],
    told: [undefined, undefined, 'firing'],
  },
  {
    name: 'does not fire by time alone when only findings show that it holds',
    forMs: 10,
    resolveAfterMs: 100,
    moves: [
      ['active', 0],
      ['tick', 50],
    ],
    states: ['pending', 'pending'],
    told: [undefined, undefined],
  },
  {
    name: 'fires by time when it holds until its rule says over',
    forMs: 10,
    moves: [
      ['active', 0],
      ['tick', 9],
      ['tick', 10],
    ],
    states: ['pending', 'pending', 'firing'],
    told: [undefined, undefined, 'firing'],
  },
  {
    name: 'tells nobody of a pending alert that went away',
    forMs: 10,
    moves: [
      ['active', 0],
      ['over', 5],
    ],
    states: ['pending', 'resolved'],
    told: [undefined, undefined],
  },
  {
    name: 'resolves by an explicit over',
    moves: [
      ['active', 0],
      ['over', 5],
    ],
    states: ['firing', 'resolved'],
    told: ['firing', 'resolved'],
  },
  {
    name: 'resolves when nothing was seen for so long, not earlier',
    resolveAfterMs: 10,
    moves: [
      ['active', 0],
      ['active', 5],
      ['tick', 14],
      ['tick', 15],
    ],
    states: ['firing', 'firing', 'firing', 'resolved'],
    told: ['firing', undefined, undefined, 'resolved'],
  },
  {
    name: 'becomes unknown when its data is missing, never times out of it, and fires again on evidence',
    resolveAfterMs: 10,
    moves: [
      ['active', 0],
      ['unknown', 5],
      ['tick', 5000],
      ['active', 5001],
    ],
    states: ['firing', 'unknown', 'unknown', 'firing'],
    told: ['firing', 'unknown', undefined, 'firing'],
  },
  {
    name: 'resolves from unknown only on evidence',
    moves: [
      ['active', 0],
      ['unknown', 5],
      ['unknown', 6],
      ['over', 7],
    ],
    states: ['firing', 'unknown', 'unknown', 'resolved'],
    told: ['firing', 'unknown', undefined, 'resolved'],
  },
  {
    name: 'starts the pending period anew after unknown, for nobody saw the time between',
    forMs: 10,
    resolveAfterMs: 100,
    moves: [
      ['active', 0],
      ['unknown', 5],
      ['active', 20],
      ['active', 29],
      ['active', 30],
    ],
    states: ['pending', 'unknown', 'pending', 'pending', 'firing'],
    told: [undefined, undefined, undefined, undefined, 'firing'],
  },
  {
    name: 'opens as unknown when it never could be evaluated',
    moves: [
      ['unknown', 0],
      ['over', 5],
    ],
    states: ['unknown', 'resolved'],
    told: ['unknown', 'resolved'],
  },
  { name: 'opens nothing for what is over', moves: [['over', 0]], states: ['none'], told: [undefined] },
]

describe('the life of an alert', () => {
  it.each(rows)('$name', ({ forMs = 0, resolveAfterMs = 0, moves, states, told }) => {
    let step: Step = { record: undefined }
    moves.forEach(([move, atMs], i) => {
      step =
        move === 'tick'
          ? onTick(step.record!, atMs, 0)
          : onFinding(step.record, finding({ state: move, atMs, forMs, resolveAfterMs }), atMs, opening)
      expect([i, step.record?.state ?? 'none', step.notify]).toEqual([i, states[i], told[i]])
    })
  })

  it('raises the severity within an episode and never lowers it', () => {
    let step = onFinding(undefined, finding({ severity: 'medium' }), 0, opening)
    step = onFinding(step.record, finding({ severity: 'critical', atMs: 1 }), 1, opening)
    expect(step).toMatchObject({ notify: 'escalated', change: { kind: 'updated' }, record: { severity: 'critical' } })
    step = onFinding(step.record, finding({ severity: 'low', atMs: 2 }), 2, opening)
    expect(step.change).toBeUndefined()
    expect(step.record).toMatchObject({ severity: 'critical', findingCount: 3 })
  })

  it('does not take the time in which the observatory was down for silence', () => {
    const { record } = onFinding(undefined, finding({ resolveAfterMs: 10 }), 0, opening)
    expect(onTick(record!, 1005, 1000).record!.state).toBe('firing')
    expect(onTick(record!, 1010, 1000).record!.state).toBe('resolved')
  })

  it('keeps the first and the latest events as evidence', () => {
    const events = (from: number) => Array.from({ length: 8 }, (_, i) => `e${from + i}`)
    const seen = (from: number) => finding({ evidence: { ...finding().evidence, eventIds: events(from) } })
    let step = onFinding(undefined, seen(0), 0, opening)
    for (const from of [8, 16, 24]) step = onFinding(step.record, seen(from), 0, opening)
    const ids = step.record!.evidence.eventIds
    expect(ids).toHaveLength(20)
    expect(ids.slice(0, 10)).toEqual([...events(0), 'e8', 'e9'])
    expect(ids.slice(-8)).toEqual(events(24))
  })
})

describe('the fingerprint', () => {
  it('is the same in whatever order labels come, and in every version', () => {
    expect(fingerprint('events/x', { b: '2', a: '1' })).toBe(fingerprint('events/x', { a: '1', b: '2' }))
    expect(fingerprint('events/x', { a: '1', b: '2' })).toBe('7ec8cde95d39325527baca6d2db0825e')
  })

  it('tells names from values', () => {
    expect(fingerprint('r', { a: '1b' })).not.toBe(fingerprint('r', { a1: 'b' }))
    expect(fingerprint('r', { a: 'b', c: 'd' })).not.toBe(fingerprint('r', { a: 'bcd' }))
  })
})
