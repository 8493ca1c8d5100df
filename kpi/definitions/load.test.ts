// What is wrong with a definition is said with file and line, before anything is counted.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { findDefinition, loadDefinitions, readDefinition } from './load.ts'

const rules = resolve(import.meta.dirname, '../../rules/kpi')
const home = mkdtempSync(join(tmpdir(), 'guanlan-definitions-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
const sound = readFileSync(join(rules, 'on-time.yml'), 'utf8')

function problems(yaml: string, name = 'bad.yml'): { line: number; cause: string; hint: string }[] {
  const file = join(home, name)
  writeFileSync(file, yaml)
  return readDefinition(file).problems
}

const whole = `id: wanted
name: { en: X, zh: X }
question: { en: X, zh: X }
owner: X
group: service
version: 1.0.0
valid: { from: 2018-10-26 }
fact: case
direction: up
cohort: closed
numerator: { where: "state:closed" }
targets: [{ value: 50%, near: 45%, source: somewhere }]
tests: [{ name: a, facts: [], expect: { state: missing } }]
`

it('takes what is whole', () => {
  expect(problems(sound, 'sound.yml')).toEqual([])
  expect(problems(whole)).toEqual([])
})

it.each([
  [
    'numerator: { where: "state:closed" }',
    'numerator: { where: "stat:closed" }',
    11,
    'a case has no field "stat"',
    'Did you mean "state"?',
  ],
  [
    'numerator: { where: "state:closed" }',
    'numerator: { where: "state:closd" }',
    11,
    'state is never "closd"',
    'Did you mean "closed"?',
  ],
  [
    'numerator: { where: "state:closed" }',
    'numerator: { where: "channels:(web or windw)" }',
    11,
    'channels is never "windw"',
    'Did you mean "window"?',
  ],
  ['numerator: { where: "state:closed" }', 'numerator: { where: "state:(" }', 11, '', ''],
  [
    'numerator: { where: "state:closed" }',
    'numerator: { sum: elapsed.seconds / 0 }',
    11,
    'it divides by zero at position',
    '',
  ],
  ['numerator: { where: "state:closed" }', 'numerator: {}\ndenominator: { sum: 1 - 1 }', 12, 'it divides by zero', ''],
  ['cohort: closed', 'cohort: closed\nzone: Asia/Guangzhou', 11, '"Asia/Guangzhou" is no time zone', ''],
  [
    'cohort: closed',
    'cohort: closed\ndimensions: [region, departmnt]',
    11,
    'a case has no field "departmnt"',
    'Did you mean "department"?',
  ],
  ['cohort: closed', 'cohort: closed\naggregation: mean\nover: itm', 12, 'a case has no field "itm"', ''],
  ['valid: { from: 2018-10-26 }', 'valid: { from: 2018-10-26, to: 2018-10-26 }', 7, 'it ends before it begins', ''],
  ['near: 45%', 'near: 55%', 12, 'what is near lies beyond the target', ''],
  ['value: 50%, near: 45%', 'value: 1/0', 12, '', ''],
  [
    'somewhere }]',
    'somewhere }, { value: 60%, source: elsewhere }]',
    12,
    'it is for the same cells and days as target 1',
    '',
  ],
  [
    'tests: [{ name: a',
    'switches:\n  late:\n    name: { en: L, zh: L }\n    default: day\n    options: { instant: {}, hour: {} }\ntests: [{ name: a',
    16,
    'switch late has no option "day"',
    '',
  ],
  ['direction: up', 'direction: upp', 9, '', ''],
])('%s is not %s', (before, after, line, cause, hint) => {
  const found = problems(whole.replace(before, after))
  expect(found[0]).toMatchObject({ line, cause: expect.stringContaining(cause), hint: expect.stringContaining(hint) })
})

it('says what is missing, what to do about a slip of YAML, and of a file in other characters that it is one', () => {
  const first = (text: string) => problems(text)[0]
  expect(first(whole.replace('owner:', 'ownr:'))).toMatchObject({ cause: 'owner is missing', hint: 'It is a string.' })
  expect(first(whole.replace('owner:', 'owner: a\nowner:'))?.hint).toBe('Remove one of them.')
  expect(first(whole.replace('\nowner:', '\n\towner:'))?.hint).not.toBe('')
  const bombs = 'abcdefghij'
    .split('')
    .map((name, i, all) => `${name}: &${name} [${Array(9).fill(i ? `*${all[i - 1]}` : 1)}]`)
  expect(first(`${whole}\n${bombs.join('\n')}`)).toMatchObject({ hint: 'Write out what aliases of aliases stand for.' })
  const file = join(home, 'gb.yml')
  writeFileSync(file, Buffer.concat([Buffer.from(whole), Buffer.from([0x23, 0xd6, 0xd0, 0x0a])]))
  expect(readDefinition(file).problems).toMatchObject([
    { cause: 'it is not UTF-8 text', hint: expect.stringContaining('UTF-8') },
  ])
})

it('tells targets of other cells or other days apart', () => {
  const more = `targets:
  - { value: 50%, source: a, where: { region: "4401" } }
  - { value: 60%, source: b, where: { region: "4403" } }
  - { value: 70%, source: c, from: 2019-01-01, to: 2020-01-01 }
  - { value: 80%, source: d, from: 2020-01-01 }`
  expect(problems(whole.replace(/^targets:.*$/m, more))).toEqual([])
})

it('says of a definition that is asked for what is wrong with it, and of two with one id which they are', () => {
  const directory = mkdtempSync(join(home, 'rules-'))
  writeFileSync(join(directory, 'a.yml'), whole)
  writeFileSync(join(directory, 'b.yml'), whole)
  writeFileSync(
    join(directory, 'c.yml'),
    whole.replace('id: wanted', 'id: broken').replace('state:closed', 'stat:closed'),
  )
  expect(
    loadDefinitions(directory).problems.map(({ file, line, cause }) => [file.slice(-5), line, cause]),
  ).toContainEqual(['b.yml', 6, expect.stringContaining('version 1.0.0 of wanted is that of')])
  expect(() => findDefinition(directory, 'broken')).toThrow('c.yml:11: a case has no field "stat"')
})

it('every option of what is shipped says in words what it does', () => {
  const { byId, problems: wrong } = loadDefinitions(rules)
  expect(wrong).toEqual([])
  const bare = [...byId.values()].flatMap(({ plan: { definition } }) =>
    Object.entries(definition.switches).flatMap(([name, { options }]) =>
      Object.entries(options).flatMap(([id, { says }]) => (says ? [] : [`${definition.id} ${name} ${id}`])),
    ),
  )
  expect(bare).toEqual([])
})
