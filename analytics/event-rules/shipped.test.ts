import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { formatProblem } from '#core/yaml-source.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import { eventRuleSchema } from './contract.ts'
import { checkEventRules } from './index.ts'

test('each shipped rule fires on its own events and keeps quiet on the others', () => {
  const { files, tests, problems } = checkEventRules('rules/events', compileKql)
  expect(problems.map(formatProblem)).toEqual([])
  expect(files).toBeGreaterThanOrEqual(15)
  expect(tests).toBeGreaterThanOrEqual(2 * files)
})

test.each(readdirSync('rules/events').filter((name) => name.endsWith('.yml')))('%s says it in Chinese too', (name) => {
  const { title, annotations } = eventRuleSchema.parse(parse(readFileSync(join('rules/events', name), 'utf8')))
  const fields = (text: string): string[] => (text.match(/\{\{[^}]*\}\}/g) ?? []).sort()
  const { 'title.zh': titleZh = '', 'description.zh': descriptionZh = '' } = annotations
  expect(titleZh).toMatch(/\p{Script=Han}/u)
  expect(descriptionZh).toMatch(/\p{Script=Han}.*。$/u)
  expect(fields(titleZh)).toEqual(fields(title))
  if (annotations['summary']) expect(fields(annotations['summary.zh'] ?? '')).toEqual(fields(annotations['summary']))
})
