// Runs the tests inside rule files: for `guanlan check` and for the tests of the shipped rules.
import { ManualClock } from '#core/clock.ts'
import type { Event, FieldValue } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { SourceProblem } from '#core/yaml-source.ts'
import type { EventRuleSource } from './contract.ts'
import { loadRules } from './load.ts'
import { type CompileKql, RuleAtWork } from './rule.ts'

export interface EventRuleCheck {
  files: number
  tests: number
  problems: SourceProblem[]
}

const startMs = Date.UTC(2026, 10, 24, 8)

export function checkEventRules(directory: string, compileKql: CompileKql): EventRuleCheck {
  const { rules, problems } = loadRules(directory, new Map(), compileKql)
  let tests = 0
  for (const { rule, source } of rules.values()) {
    const hasBoth = ['fires', 'does not fire'].filter((_, i) =>
      rule.source.tests.some((test) => test.expect.length > 0 === (i === 0)),
    )
    if (hasBoth.length < 2) {
      const cause = 'tests: one must fire and one must not'
      problems.push({ file: rule.file, line: source.lineOf(['tests']), cause, hint: '' })
    }
    rule.source.tests.forEach((test, i) => {
      tests++
      const got = runTest(rule.source, rule.file, test, compileKql)
      const difference = compare(got, test.expect)
      if (difference === '') return
      const line = source.lineOf(['tests', i, 'expect'])
      problems.push({ file: rule.file, line, cause: `test "${test.name}": ${difference}`, hint: '' })
    })
  }
  return { files: rules.size, tests, problems }
}

type RuleTest = EventRuleSource['tests'][number]

/** The last active finding of each group. */
function runTest(source: EventRuleSource, file: string, test: RuleTest, compileKql: CompileKql): Finding[] {
  const rule = new RuleAtWork(source, file, compileKql)
  const clock = new ManualClock(startMs)
  const active = new Map<string, Finding>()
  const events = test.events
    .flatMap(({ at, times, every, event }) =>
      Array.from({ length: times }, (_, i) => ({ timeMs: startMs + at + i * every, event })),
    )
    .sort((a, b) => a.timeMs - b.timeMs)
  events.forEach(({ timeMs, event }, i) => {
    clock.advance(timeMs - clock.nowMs())
    const tested = testEvent(event, timeMs, i)
    if (!rule.appliesTo(tested['event.dataset'])) return
    rule.apply(tested, clock.nowMs(), (finding) => {
      if (finding.state === 'active') active.set(JSON.stringify(finding.labels), finding)
    })
  })
  return [...active.values()]
}

function testEvent(fields: Record<string, unknown>, timeMs: number, i: number): Event {
  return {
    message: '',
    'event.dataset': 'test',
    ...(fields as Record<string, FieldValue>),
    '@timestamp': timeMs,
    'event.ingested': timeMs,
    'event.id': `test-${i}`,
    'observer.name': 'test',
  }
}

function compare(got: readonly Finding[], expected: RuleTest['expect']): string {
  const described = got.map(({ labels, title, evidence }) => JSON.stringify({ labels, title, value: evidence.value }))
  if (got.length !== expected.length)
    return `${got.length} findings, expected ${expected.length}${got.length > 0 ? `: ${described.join(', ')}` : ''}`
  for (const want of expected) {
    const found = got.find(
      ({ labels, title, evidence }) =>
        Object.entries(want.labels).every(([name, value]) => labels[name] === value) &&
        (want.title === undefined || want.title === title) &&
        (want.value === undefined || want.value === evidence.value),
    )
    if (!found) return `no finding like ${JSON.stringify(want)}; got ${described.join(', ')}`
  }
  return ''
}
