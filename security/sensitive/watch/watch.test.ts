import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Event } from '#core/event.ts'
import { readDictionary } from '../dictionary.ts'
import { createValueHash } from '../value-hash.ts'
import { addTo, emptySketch, estimateOf, mergeInto } from './distinct.ts'
import { readWatchRules } from './rules.ts'
import { createSensitiveWatch } from './watch.ts'

const dictionary = readDictionary('rules/dlp/kinds.yml')
const rules = readWatchRules(
  'rules/dlp/watch.yml',
  dictionary.map(({ kind }) => kind),
)
const hash = createValueHash(Buffer.alloc(32, 1))
const hourMs = 3_600_000
const start = 495_000 * hourMs
let serial = 0

/** `from`: the first of the values shown. */
const shown = (user: string, atMs: number, count: number, from = 0, more: Partial<Event> = {}): Event => ({
  ...{ '@timestamp': atMs, 'event.ingested': atMs, 'event.id': `e${serial++}`, 'observer.name': 'http-mirror' },
  ...{ 'event.dataset': 'guanlan.sensitive', message: '', 'user.name': user, 'url.path': '/api/people' },
  ...{ 'host.name': 'portal', 'guanlan.sensitive.direction': 'response', 'guanlan.sensitive.kinds': ['resident-id'] },
  'guanlan.sensitive.values.resident-id': count,
  'guanlan.sensitive.hashes': Array.from({ length: Math.min(256, count) }, (_, i) => hash(`${user} ${from + i}`)),
  ...more,
})

describe('the watch over mirrored bodies', () => {
  it('tells of one answer with many, and not of one with fewer', () => {
    const watch = createSensitiveWatch(() => rules, dictionary)
    expect(watch.apply([shown('wei', start, 49)])).toEqual([])
    const [finding] = watch.apply([shown('wei', start, 50)])
    expect(finding).toMatchObject({
      ...{ rule: 'dlp/bulk-identity', severity: 'high', labels: { 'user.name': 'wei', 'url.path': '/api/people' } },
      evidence: { value: 50, threshold: 50 },
    })
    expect(finding!.annotations['title.zh']).toContain('50')
  })

  it('believes only its own receiver, and minds the direction', () => {
    const watch = createSensitiveWatch(() => rules, dictionary)
    expect(watch.apply([shown('wei', start, 500, 0, { 'observer.name': 'http-events' })])).toEqual([])
    expect(watch.apply([shown('wei', start, 60, 0, { 'guanlan.sensitive.direction': 'request' })])).toEqual([])
  })

  it('tells of an hour far over the usual of that person, and not of a busy one', () => {
    const watch = createSensitiveWatch(() => rules, dictionary)
    const told: string[] = []
    const show = (user: string, hour: number, bodies: number, from: number): void => {
      for (let i = 0; i < bodies; i++)
        for (const { rule, labels } of watch.apply([
          shown(user, start + hour * hourMs + i * 30_000, 20, from + i * 20),
        ]))
          told.push(`${rule} ${labels['user.name']}`)
    }
    // wei sees 100 an hour, li 400.
    for (let hour = 0; hour < 30; hour++) {
      show('wei', hour, 5, hour * 1000)
      show('li', hour, 20, hour * 1000)
    }
    expect(told).toEqual([])
    show('wei', 31, 7, 50_000)
    show('li', 31, 30, 50_000)
    expect(told).toEqual([])
    show('wei', 33, 30, 90_000)
    expect(new Set(told)).toEqual(new Set(['dlp/over-usual wei']))
    // While it grows it is told again, not each time.
    expect(told.length).toBeLessThan(5)
    show('new', 33, 30, 0)
    expect(told.some((one) => one.endsWith('new'))).toBe(false)
    show('new', 35, 70, 0)
    expect(told.some((one) => one.endsWith('new'))).toBe(true)
  })

  it('counts what is shown again and again once', () => {
    const watch = createSensitiveWatch(() => rules, dictionary)
    const findings = Array.from({ length: 100 }, (_, i) => watch.apply([shown('wei', start + i * 10_000, 20)])).flat()
    expect(findings).toEqual([])
  })

  it('goes on after a restart as if there had been none', () => {
    const [one, two] = [createSensitiveWatch(() => rules, dictionary), createSensitiveWatch(() => rules, dictionary)]
    const events = Array.from({ length: 300 }, (_, i) =>
      shown(`u${i % 3}`, start + i * 600_000, 10 + (i % 30), i * 100),
    )
    one.apply(events.slice(0, 200))
    two.restore([...one.snapshot()])
    expect(two.apply(events.slice(200))).toEqual(one.apply(events.slice(200)))
    expect([...two.snapshot()]).toEqual([...one.snapshot()])
  })

  it('names file, line and the kinds there are when a rule is wrong', () => {
    const directory = mkdtempSync(join(tmpdir(), 'guanlan-dlp-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const file = join(directory, 'watch.yml')
    writeFileSync(file, 'expected:\n  - { direction: any, kinds: [passwort] }\n')
    expect(() => readWatchRules(file, ['password'])).toThrow(/watch\.yml:2: there is no kind "passwort"/)
  })
})

describe('the estimate of different values', () => {
  it('is within a tenth or so, and of two sketches that of their union', () => {
    for (const size of [5, 50, 300, 2000, 50_000]) {
      const [a, b] = [emptySketch(), emptySketch()]
      for (let i = 0; i < size; i++) addTo(i % 2 ? a : b, hash(`value ${i}`))
      for (let i = 0; i < size / 4; i++) addTo(a, hash(`value ${i}`))
      mergeInto(a, b)
      expect(Math.abs(estimateOf(a) / size - 1)).toBeLessThan(0.25)
    }
  })
})
