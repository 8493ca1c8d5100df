import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { formatProblem } from '#core/yaml-source.ts'
import { checkEventRules } from './index.ts'

const kql = new URL('../../stores/events/kql/index.ts', import.meta.url)

describe.skipIf(!existsSync(kql))('shipped rules (skipped without the KQL of the event store)', () => {
  test('each fires on its own events and keeps quiet on the others', async () => {
    const { compileKql } = await import(kql.href)
    const { files, tests, problems } = checkEventRules('rules/events', compileKql)
    expect(problems.map(formatProblem)).toEqual([])
    expect(files).toBeGreaterThanOrEqual(15)
    expect(tests).toBeGreaterThanOrEqual(2 * files)
  })
})
