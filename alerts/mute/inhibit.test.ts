import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createInhibitor, type InhibitRule } from './inhibit.ts'

type Target = Parameters<ReturnType<ReturnType<typeof createInhibitor>>>[0]
const alert = (id: string, labels: Record<string, string>, state: Target['state'] = 'firing'): Target => ({
  ...{ id, rule: 'r', severity: 'medium', labels, title: '', state },
})

test('an alert that is both source and target does not inhibit its like, but is inhibited by one that is only source', () => {
  const rules: InhibitRule[] = [
    { sourceMatchers: ['kind=~"site|both"'], targetMatchers: ['kind=~"both|link"'], equal: ['site'] },
  ]
  const by = createInhibitor(rules)([
    alert('1', { kind: 'both', site: 'gz' }),
    alert('2', { kind: 'both', site: 'gz' }),
  ])
  expect(by(alert('1', { kind: 'both', site: 'gz' }))).toEqual([])
  expect(by(alert('3', { kind: 'link', site: 'gz' }))).toEqual(['1', '2'])
  const more = createInhibitor(rules)([
    alert('1', { kind: 'both', site: 'gz' }),
    alert('4', { kind: 'site', site: 'gz' }),
  ])
  expect(more(alert('1', { kind: 'both', site: 'gz' }))).toEqual(['4'])
  expect(more(alert('5', { kind: 'link', site: 'sz' }))).toEqual([])
})

test('the look over all alerts finds what trying each pair by the definition finds', () => {
  const value = fc.constantFrom('a', 'b', '')
  const labels = fc.record({ x: value, y: value, z: value }, { requiredKeys: [] })
  const matcher = fc
    .tuple(fc.constantFrom('x', 'y', 'z'), fc.constantFrom('=', '!='), value)
    .map(([name, operator, text]) => ({ name, operator, text }))
  const rule = fc.record({
    source: fc.array(matcher, { minLength: 1, maxLength: 2 }),
    target: fc.array(matcher, { minLength: 1, maxLength: 2 }),
    equal: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
  })
  type Matcher = { name: string; operator: string; text: string }
  const read = (of: Target, name: string): string => of.labels[name] ?? ''
  const meets = (list: Matcher[], of: Target): boolean =>
    list.every(({ name, operator, text }) => (read(of, name) === text) === (operator === '='))
  const state = fc.constantFrom<Target['state']>('firing', 'unknown', 'pending')
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 3 }),
      fc.array(fc.tuple(labels, state), { maxLength: 8 }),
      (rules, list) => {
        const open = list.map(([own, now], i) => alert(String(i), own as Record<string, string>, now))
        const texts = (of: Matcher[]): string[] => of.map(({ name, operator, text }) => `${name}${operator}"${text}"`)
        const by = createInhibitor(
          rules.map(({ source, target, equal }) => ({
            sourceMatchers: texts(source),
            targetMatchers: texts(target),
            equal,
          })),
        )(open)
        for (const one of open) {
          const expected = open.filter(
            (other) =>
              other.id !== one.id &&
              other.state === 'firing' &&
              rules.some(
                ({ source, target, equal }) =>
                  meets(target, one) &&
                  meets(source, other) &&
                  equal.every((name) => read(one, name) === read(other, name)) &&
                  !(meets(source, one) && meets(target, other)),
              ),
          )
          expect(by(one).sort()).toEqual(expected.map(({ id }) => id).sort())
        }
      },
    ),
    { numRuns: 500 },
  )
})
