// The windows of groups, kept in columns and counted as items come and go, against lists that are gone through anew.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SigmaCorrelation, SigmaRule } from '../1-parse/ast.ts'
import { readSigma } from '../1-parse/read.ts'
import { compare } from '../2-compile/atoms.ts'
import { type CorrelationLimits, Correlator, correlationLimits } from './correlate.ts'

const spanMs = 10_000
const types = ['event_count', 'value_count', 'value_sum', 'value_avg', 'value_median'] as const

interface Seen {
  atMs: number
  group: string
  value: string
}

function build(
  type: string,
  comparison: string,
  number: number,
  { limits, before, title = 'C' }: { limits?: CorrelationLimits; before?: Correlator; title?: string } = {},
) {
  const field = type === 'event_count' ? '' : 'field: value, '
  const text = `title: A\nname: a\nlogsource: {}\ndetection: { s: { k: 1 }, condition: s }\n---\ntitle: ${title}\nid: c\ncorrelation:\n  type: ${type}\n  rules: [a]\n  group-by: [user]\n  timespan: 10s\n  condition: { ${field}${comparison}: ${number} }\n`
  const { documents, problems } = readSigma('t.yml', text, { placeholders: new Map(), license: '' })
  expect(problems).toEqual([])
  const rule = documents.find((one): one is SigmaRule => one.kind === 'rule')!
  const correlations = documents.filter((one): one is SigmaCorrelation => one.kind === 'correlation')
  const correlator = new Correlator(correlations, [rule], { ...(limits && { limits }), ...(before && { before }) })
  const see = ({ atMs, group, value }: Seen, id = 'e') =>
    correlator.apply(rule.meta, atMs, id, (name) => (name === 'user' ? group : value))
  return { correlator, see }
}

/** One list a group, gone through from end to end. */
function reference(type: string, comparison: 'gte' | 'lte' | 'eq', number: number) {
  const groups = new Map<string, { items: Seen[]; holds: boolean; toldMs: number }>()
  const judge = (items: readonly Seen[]): number => {
    const numbers = items.map(({ value }) => Number(value)).sort((a, b) => a - b)
    const sum = numbers.reduce((a, b) => a + b, 0)
    const result = {
      event_count: items.length,
      value_count: new Set(items.map(({ value }) => value)).size,
      value_sum: sum,
      value_avg: sum / items.length,
      value_median: numbers[Math.ceil(numbers.length / 2) - 1]!,
    }[type]!
    return compare(result, comparison, number) ? result : Number.NaN
  }
  return (seen: Seen): number[] => {
    const group = groups.get(seen.group) ?? { items: [], holds: false, toldMs: Number.NEGATIVE_INFINITY }
    groups.set(seen.group, group)
    const newestMs = group.items.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY
    if (seen.atMs < newestMs - spanMs) return []
    group.items = [...group.items, seen].sort((a, b) => a.atMs - b.atMs)
    if (seen.atMs >= newestMs) group.items = group.items.filter(({ atMs }) => atMs >= seen.atMs - 2 * spanMs)
    const ends = [...new Set(group.items.map(({ atMs }) => atMs))].filter((endMs) => endMs >= seen.atMs).reverse()
    const results = ends.map((endMs) =>
      judge(group.items.filter(({ atMs }) => atMs <= endMs && atMs >= endMs - spanMs)),
    )
    const found = results.find((one) => !Number.isNaN(one))
    if (found === undefined) {
      group.holds = false
      return []
    }
    const isNew = !group.holds || seen.atMs - group.toldMs > spanMs
    group.holds = true
    if (!isNew) return []
    group.toldMs = seen.atMs
    return [found]
  }
}

describe('windows', () => {
  test('agree with lists gone through anew, late events and large windows included', () => {
    const seen = fc.record({
      atMs: fc.integer({ min: 0, max: 60 }).map((sec) => sec * 500),
      group: fc.constantFrom('u', 'u', 'u', 'v'),
      value: fc.integer({ min: 0, max: 9 }).map(String),
    })
    // Nearly in order, as streams are, or not at all.
    const stream = fc
      .array(seen, { maxLength: 120 })
      .chain((list) =>
        fc
          .boolean()
          .map((sorted) =>
            sorted ? list.sort((a, b) => a.atMs - b.atMs + (Number(a.value) - Number(b.value)) * 400) : list,
          ),
      )
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.constantFrom('gte' as const, 'lte' as const, 'eq' as const),
        fc.integer({ min: 1, max: 30 }),
        stream,
        (type, comparison, number, events) => {
          const { see } = build(type, comparison, number)
          const expected = reference(type, comparison, number)
          for (const event of events) expect(see(event).map(({ value }) => value)).toEqual(expected(event))
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('name the newest events in the window, twenty at most', () => {
    const { see } = build('event_count', 'gte', 25)
    const told = Array.from({ length: 25 }, (_, i) => see({ atMs: i * 100, group: 'u', value: '' }, `e${i}`)).flat()
    expect(told[0]).toMatchObject({ value: 25, atMs: 2400, firstMs: 0 })
    expect(told[0]!.eventIds).toEqual(Array.from({ length: 20 }, (_, i) => `e${i + 5}`))
  })
})

describe('bounds', () => {
  test('of all groups together so many items are kept, the oldest groups are dropped and counted', () => {
    const { see, correlator } = build('event_count', 'gte', 3, {
      limits: { ...correlationLimits, itemsMax: 100 },
    })
    for (let i = 0; i < 1000; i++) see({ atMs: i, group: `g${i >> 1}`, value: '' })
    expect(correlator.kept).toEqual({ groups: 50, items: 100 })
    expect(correlator.counts.groupsDropped).toBe(450)
    expect(see({ atMs: 1000, group: 'g499', value: '' })).toHaveLength(1)
    expect(see({ atMs: 1000, group: 'g1', value: '' })).toHaveLength(0)
  })
  test('of one group so many, the oldest are dropped and counted', () => {
    const { see, correlator } = build('value_count', 'gte', 60, {
      limits: { ...correlationLimits, groupItemsMax: 50 },
    })
    for (let i = 0; i < 500; i++) expect(see({ atMs: i, group: 'u', value: String(i) })).toEqual([])
    expect(correlator.counts.itemsDropped).toBe(450)
    expect(correlator.kept.items).toBeLessThanOrEqual(100)
  })
  test('what has left the reach of late events is let go', () => {
    const { see, correlator } = build('event_count', 'gte', 1000)
    for (let i = 0; i < 5000; i++) see({ atMs: i * 1000, group: 'u', value: '' })
    expect(correlator.kept).toEqual({ groups: 1, items: 21 })
  })
})

describe('rules read again', () => {
  test('windows go on where the correlation means the same', () => {
    const { see, correlator } = build('event_count', 'gte', 3)
    expect([0, 1].flatMap((atMs) => see({ atMs, group: 'u', value: '' }))).toEqual([])
    const again = build('event_count', 'gte', 3, { before: correlator, title: 'New title' })
    expect(again.see({ atMs: 2, group: 'u', value: '' })).toMatchObject([
      { value: 3, correlation: { meta: { title: 'New title' } } },
    ])
  })
  test('and begin anew where it does not', () => {
    const { see, correlator } = build('event_count', 'gte', 3)
    for (const atMs of [0, 1]) see({ atMs, group: 'u', value: '' })
    const again = build('event_count', 'gte', 2, { before: correlator })
    expect(again.correlator.kept).toEqual({ groups: 0, items: 0 })
    expect(again.see({ atMs: 2, group: 'u', value: '' })).toEqual([])
    expect(again.see({ atMs: 3, group: 'u', value: '' })).toHaveLength(1)
  })
})

describe('a restart', () => {
  const ruleNames = ['a', 'b']
  function made(type: string) {
    const field = type.startsWith('value') ? 'field: value, ' : ''
    const rules = ruleNames.map(
      (name) => `title: ${name}\nname: ${name}\nlogsource: {}\ndetection: { s: { k: 1 }, condition: s }\n`,
    )
    const condition = type.startsWith('temporal') ? '' : `  condition: { ${field}gte: 4 }\n`
    const text = `${rules.join('---\n')}---\ntitle: C\nid: c\ncorrelation:\n  type: ${type}\n  rules: [a, b]\n  group-by: [user]\n  timespan: 10s\n${condition}`
    const { documents, problems } = readSigma('t.yml', text, { placeholders: new Map(), license: '' })
    expect(problems).toEqual([])
    const known = documents.filter((one): one is SigmaRule => one.kind === 'rule')
    const correlations = documents.filter((one): one is SigmaCorrelation => one.kind === 'correlation')
    const correlator = new Correlator(correlations, known)
    const see = ({ atMs, group, value, rule }: Seen & { rule: number }, id: number) =>
      correlator.apply(known[rule]!.meta, atMs, String(id), (name) => (name === 'user' ? group : value))
    return { correlator, see }
  }

  test.each(['event_count', 'value_count', 'value_sum', 'value_median', 'temporal', 'temporal_ordered'])(
    'changes nothing of what %s tells, wherever it falls',
    (type) => {
      const seen = fc.record({
        atMs: fc.integer({ min: 0, max: 60 }).map((sec) => sec * 500),
        group: fc.constantFrom('u', 'v'),
        value: fc.integer({ min: 0, max: 9 }).map(String),
        rule: fc.integer({ min: 0, max: 1 }),
      })
      fc.assert(
        fc.property(fc.array(seen, { maxLength: 80 }), fc.nat(), fc.boolean(), (events, at, sorted) => {
          const stream = sorted ? events.sort((a, b) => a.atMs - b.atMs) : events
          const cut = at % (stream.length + 1)
          const whole = made(type)
          const expected = stream.map((event, i) => whole.see(event, i))
          const before = made(type)
          for (const [i, event] of stream.slice(0, cut).entries()) before.see(event, i)
          const after = made(type)
          after.correlator.restore([...before.correlator.snapshot()])
          expect(after.correlator.kept).toEqual(before.correlator.kept)
          const found = stream.slice(cut).map((event, i) => after.see(event, cut + i))
          expect(found).toEqual(expected.slice(cut))
          expect(after.correlator.counts.itemsDropped).toBe(0)
        }),
        { numRuns: 300 },
      )
    },
  )

  test('takes nothing of a correlation that means something else now', () => {
    const { see, correlator } = build('event_count', 'gte', 3)
    for (const atMs of [0, 1]) see({ atMs, group: 'u', value: '' })
    const other = build('event_count', 'gte', 2)
    other.correlator.restore(correlator.snapshot())
    expect(other.correlator.kept).toEqual({ groups: 0, items: 0 })
  })
})
