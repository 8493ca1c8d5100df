// Where other systems name cases: the file as it comes is sound, and what is wrong in one is said with its line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { caseNumber, readTraceRules } from './traces.ts'

const shipped = resolve(import.meta.dirname, '../../rules/kpi/integrity/traces.yml')
const home = mkdtempSync(join(tmpdir(), 'guanlan-telemetry-rules-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

it('the file as it comes finds numbers where the parsers of the product leave them', () => {
  const { rules, problems } = readTraceRules(shipped)
  expect(problems).toEqual([])
  const numbers = (field: string, text: string): string[] =>
    rules!.telemetry.filter((one) => one.case === field).flatMap((one) => caseNumber(one)(text) ?? [])
  expect(numbers('url.query', 'step=1&caseNo=2026-7&x=')).toEqual(['2026-7'])
  expect(numbers('url.query', 'oldcaseNo=2026-7')).toEqual([])
  expect(numbers('url.query', 'caseNo=%E6%94%BF-1')).toEqual(['政-1'])
  expect(numbers('url.query', 'caseNo=%E6%ZZ')).toEqual(['%E6%ZZ'])
  expect(numbers('url.path', '/api/v2/cases/2026-7/files')).toEqual(['2026-7'])
  expect(numbers('keycloak.redirect_uri', 'https://portal.example/apply?caseNo=2026-7#top')).toEqual(['2026-7'])
  // Every kind that a rule expects can be seen by somebody.
  expect(new Set(rules!.telemetry.map(({ kind }) => kind)).size).toBe(7)
})

it('a query or a pattern that cannot be read is named with its line', () => {
  const text = readFileSync(shipped, 'utf8')
  const problemsOf = (from: string, to: string): unknown[] => {
    const file = join(home, 'traces.yml')
    writeFileSync(file, text.replace(from, to))
    return readTraceRules(file).problems.map(({ line, cause }) => [
      text.split('\n')[line! - 1]?.trim().slice(0, 8),
      cause,
    ])
  }
  expect(problemsOf('(?P<case>[^&]+)', '([^&]+)')).toEqual([['pattern:', 'the pattern has no group (?P<case>…)']])
  expect(problemsOf('(?P<case>[^&]+)', '(?P<case>a)(?=b)')).toEqual([['pattern:', expect.stringMatching(/./)]])
  expect(problemsOf('event.dataset:app.json and event.action:login', 'event.dataset:(')).toHaveLength(1)
})
