import { expect, test } from 'vitest'
import { formatProblem } from '#core/yaml-source.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import { checkEventRules } from './index.ts'

test('each shipped rule fires on its own events and keeps quiet on the others', () => {
  const { files, tests, problems } = checkEventRules('rules/events', compileKql)
  expect(problems.map(formatProblem)).toEqual([])
  expect(files).toBeGreaterThanOrEqual(15)
  expect(tests).toBeGreaterThanOrEqual(2 * files)
})
