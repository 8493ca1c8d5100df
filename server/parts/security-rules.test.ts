// The rules of security read again while they are edited, and who goes by them.
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { formatProblem } from '#core/yaml-source.ts'
import { openSecurityRules, type SecurityRuleFiles, type SecurityRules } from './security-rules.ts'

const shipped = resolve(import.meta.dirname, '../../rules/security')
const names = ['tactics', 'controls', 'assessment'] as const
let directory: string
let files: SecurityRuleFiles
let rules: SecurityRules

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-security-rules-'))
  const of = (name: string): string => join(directory, `${name}.yml`)
  for (const name of names) await copyFile(join(shipped, `${name}.yml`), of(name))
  files = { tactics: of('tactics'), controls: of('controls'), assessment: of('assessment') }
  rules = openSecurityRules(files)
})
afterEach(async () => {
  rules.close()
  await rm(directory, { recursive: true, force: true })
})

const edit = async (file: string, from: string | RegExp, to: string): Promise<void> => {
  const text = await readFile(file, 'utf8')
  expect(text).toMatch(from)
  await writeFile(file, text.replace(from, to))
}

test('a changed file is in force by itself, for who holds the function from before', async () => {
  const told: string[][] = []
  rules.watch((problems) => told.push(problems.map(formatProblem)))
  const { tacticOf } = rules
  expect(tacticOf('瓯江口水务异常')).toBeUndefined()
  await edit(files.tactics, '- tactic: ', '- { tactic: impact, words: [瓯江口水务] }\n- tactic: ')
  await vi.waitFor(() => expect(tacticOf('瓯江口水务异常')).toBe('impact'), { timeout: 30_000 })
  await edit(files.assessment, 'soonDays: 60', 'soonDays: 90')
  await vi.waitFor(() => expect(rules.assessment.soonDays).toBe(90), { timeout: 30_000 })
  await edit(files.controls, 'windowDays: 7', 'windowDays: 14')
  await vi.waitFor(() => expect(rules.controls.windowDays).toBe(14), { timeout: 30_000 })
  expect(told.flat()).toEqual([])
})

test('a wrong file is named with its line, the old stays in force, and the others are taken', async () => {
  await edit(files.assessment, 'soonDays: 60', 'soonDays: many')
  await edit(files.tactics, '- tactic: impact', '- tactic: impct')
  await edit(files.controls, 'windowDays: 7', 'windowDays: 21')
  const problems = rules.reload().map(formatProblem)
  expect(problems).toEqual([
    expect.stringMatching(/tactics\.yml:\d+: .*tactic.*Did you mean "impact"/),
    expect.stringMatching(/assessment\.yml:\d+: soonDays: /),
  ])
  expect(rules.problems.map(formatProblem)).toEqual(problems)
  expect(rules.assessment.soonDays).toBe(60)
  expect(rules.tacticOf('ransomware')).toBe('impact')
  expect(rules.controls.windowDays).toBe(21)
  await edit(files.assessment, 'soonDays: many', 'soonDays: 30')
  await edit(files.tactics, 'impct', 'impact')
  expect(rules.reload()).toEqual([])
  expect(rules.assessment.soonDays).toBe(30)
})

test('a file that is away is named, and what it was stays', async () => {
  await rm(files.controls)
  expect(rules.reload().map(formatProblem)).toEqual([`${files.controls}: there is no such file`])
  expect(rules.controls.controls.length).toBeGreaterThan(5)
})

test('to begin with there must be none that is wrong', async () => {
  await edit(files.tactics, '- tactic: impact', '- tactic: impct')
  expect(() => openSecurityRules(files)).toThrow(/tactics\.yml:\d+/)
})
