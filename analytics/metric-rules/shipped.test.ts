import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readRuleFile } from './rule-file.ts'
import { runUnitTests } from './unit-test.ts'

const directory = 'rules/metrics'

it.each(readdirSync(directory).filter((name) => name.endsWith('_test.yml')))(
  'the shipped rules pass %s',
  async (name) => {
    const { checks, failures } = await runUnitTests(join(directory, name))
    expect(failures).toEqual([])
    expect(checks).toBeGreaterThan(0)
  },
)

const alertRules = readdirSync(directory)
  .filter((name) => name.endsWith('.yml') && !name.endsWith('_test.yml'))
  .flatMap((name) => readRuleFile(name, readFileSync(join(directory, name), 'utf8'), { intervalMs: 30_000 }).groups)
  .flatMap(({ rules }) => rules.filter(({ kind }) => kind === 'alert'))

it.each(alertRules)('$name says it in Chinese too', ({ annotations }) => {
  const fields = (text: string): string[] => (text.match(/\{\{[^}]*\}\}/g) ?? []).sort()
  const { summary = '', description = '', summary_zh = '', description_zh = '' } = annotations
  expect(summary_zh).toMatch(/\p{Script=Han}/u)
  expect(description_zh).toMatch(/\p{Script=Han}.*。$/u)
  expect(fields(summary_zh)).toEqual(fields(summary))
  expect(fields(description_zh)).toEqual(fields(description))
  // Readers of rule files before Prometheus 3 take no others.
  for (const name of Object.keys(annotations)) expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/)
})
