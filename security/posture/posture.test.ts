import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readYaml } from '#core/yaml-source.ts'
import { assessmentOf, assessmentRulesSchema, monthsAfter } from './assessment.ts'
import { attackCoverage } from './attack-coverage.ts'
import { type Controls, controlStates, controlsSchema, type Evidence, layers } from './controls.ts'
import { parseRegister } from './register.ts'

const read = (file: string) => readFileSync(file, 'utf8')
const rules = readYaml('assessment', read('rules/security/assessment.yml'), assessmentRulesSchema).value!
const shipped = readYaml('controls', read('rules/security/controls.yml'), controlsSchema).value!
const ids = shipped.controls.map(({ id }) => id)

describe('deadlines', () => {
  const state = (level: number, on: string | null, today: string, result: 'pass' | 'fail' | '' = 'pass') =>
    assessmentOf(rules, { kind: 'protection', level, last: { on, result } }, today)

  test('a system of level 3 is due after a year, one of level 4 after half a year, one of level 1 never', () => {
    expect(state(3, '2025-11-30', '2026-11-25')).toMatchObject({ state: 'soon', dueOn: '2026-11-30', daysLeft: 5 })
    expect(state(3, '2025-11-24', '2026-11-25')).toMatchObject({ state: 'overdue', daysLeft: -1, statutory: true })
    expect(state(4, '2026-05-26', '2026-11-25')).toMatchObject({ state: 'soon', daysLeft: 1 })
    expect(state(3, '2026-10-01', '2026-11-25').state).toBe('ok')
    expect(state(1, null, '2026-11-25').state).toBe('not-required')
  })

  test('never assessed, failed, and a custom that is no law are said as what they are', () => {
    expect(state(3, null, '2026-11-25')).toMatchObject({ state: 'never', dueOn: null })
    expect(state(3, '2026-10-01', '2026-11-25', 'fail').state).toBe('failed')
    expect(state(2, '2020-01-01', '2026-11-25')).toMatchObject({ state: 'overdue', statutory: false })
  })

  test('months end where the calendar ends them', () => {
    expect(monthsAfter('2024-02-29', 12)).toBe('2025-02-28')
    expect(monthsAfter('2026-08-31', 6)).toBe('2027-02-28')
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2000-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }),
        fc.nat(60),
        (date, months) => {
          const day = date.toISOString().slice(0, 10)
          const after = monthsAfter(day, months)
          const [y, m] = day.split('-').map(Number) as [number, number]
          const [y2, m2] = after.split('-').map(Number) as [number, number]
          expect(y2 * 12 + m2 - y * 12 - m).toBe(months)
        },
      ),
    )
  })
})

describe('the register', () => {
  test('is read from a Chinese spreadsheet', () => {
    const text =
      '\uFEFF系统,备案号,测评日期,测评结论,测评机构,国密应用,密评日期,密评结论,控制措施\n一网通办,440100-001,2026-03-31,基本符合,某测评机构,部分应用,2026-04-30,通过,"boundary；backup"\n'
    expect(parseRegister(text, ids)).toEqual({
      problems: [],
      systems: [
        {
          ...{ entity: '一网通办', filing: '440100-001', assessedOn: '2026-03-31', assessedResult: 'partly' },
          ...{
            assessor: '某测评机构',
            cryptography: 'partly',
            cryptographyOn: '2026-04-30',
            cryptographyResult: 'pass',
          },
          controls: ['boundary', 'backup'],
        },
      ],
    })
  })

  test('names the line of what is wrong', () => {
    const messages = (text: string) =>
      parseRegister(text, ids).problems.map(({ line, message }) => `${line}: ${message}`)
    expect(messages('entity,assessedOn\na,2026-13-01\n')[0]).toMatch(/^2: assessedOn: /)
    expect(messages('entity,assesedOn\na,\n')[0]).toMatch(
      /^1: the column "assesedOn" is not known\. Did you mean "assessedOn"\?/,
    )
    expect(messages('entity,controls\na,bakcup\n')[0]).toMatch(
      /^2: there is no control "bakcup"\. Did you mean "backup"/,
    )
    expect(messages('entity\na\na\n')[0]).toBe('3: a is already on line 2')
    expect(messages('filing\n1\n')[0]).toBe('1: there is no column "entity" (系统)')
    expect(messages('')[0]).toMatch(/the file is empty/)
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseRegister(text, ids)))
  })
})

describe('controls', () => {
  const nothing: Evidence = {
    metric: async () => undefined,
    events: async () => ({ count: 0, lastMs: null }),
    retentionDays: async () => ({ kept: 3, allowed: 30 }),
    setting: async () => false,
  }
  const one = (signs: Controls['controls'][number]['signs']): Controls => ({
    windowDays: 7,
    controls: [{ id: 'c', layer: 'network', clause: '', title: { en: 'c', zh: 'c' }, signs }],
  })
  const stateOf = async (signs: Parameters<typeof one>[0], claims: number, evidence: Partial<Evidence>) =>
    (await controlStates(one(signs), new Map([['c', claims]]), { ...nothing, ...evidence }))[0]!

  test('what telemetry shows is observed, what only the register says is claimed, the rest is absent', async () => {
    const signs = [{ metric: 'x' }, { events: 'y' }]
    expect((await stateOf(signs, 0, {})).state).toBe('absent')
    expect((await stateOf(signs, 2, {})).state).toBe('claimed')
    const seen = await stateOf(signs, 2, { events: async () => ({ count: 5, lastMs: 9 }) })
    expect(seen).toMatchObject({ state: 'observed', sign: { events: 'y' }, seen: '5', lastMs: 9, claimedBy: 2 })
    expect((await stateOf([{ metric: 'x' }], 0, { metric: async () => 0 })).state).toBe('absent')
  })

  test('a question that fails is no "no"', async () => {
    const failing = { metric: async () => Promise.reject(new Error('the store is closed')) }
    expect(await stateOf([{ metric: 'x' }], 3, failing)).toMatchObject({ state: 'failed', seen: 'the store is closed' })
    const second = { ...failing, events: async () => ({ count: 1, lastMs: 1 }) }
    expect((await stateOf([{ metric: 'x' }, { events: 'y' }], 0, second)).state).toBe('observed')
  })

  test('those shipped cover all six layers, four each', () => {
    for (const layer of layers) expect(shipped.controls.filter((control) => control.layer === layer)).toHaveLength(4)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

test('a rule whose log source never comes covers nothing, one that is off does not count', () => {
  const rule = (id: string, logsource: string, tags: string[], fed: boolean, enabled = true) => ({
    id,
    logsource,
    tags,
    fed,
    enabled,
  })
  const { tactics, missing } = attackCoverage(
    [
      rule('a', 'linux/sshd', ['attack.credential-access', 'attack.t1110', 'attack.t1110.003'], true),
      rule('b', 'windows/security', ['attack.credential-access', 'attack.t1110'], false),
      rule('c', 'windows/security', ['attack.defense_evasion'], false),
      rule('d', 'windows/sysmon', ['attack.impact'], false, false),
    ],
    ['credential-access', 'defense-evasion', 'impact'],
  )
  expect(tactics).toEqual([
    {
      ...{ tactic: 'credential-access', rules: 2, fed: 1 },
      techniques: [
        { id: 'T1110', rules: 2, fed: 1 },
        { id: 'T1110.003', rules: 1, fed: 1 },
      ],
    },
    { tactic: 'defense-evasion', rules: 1, fed: 0, techniques: [] },
    { tactic: 'impact', rules: 0, fed: 0, techniques: [] },
  ])
  expect(missing).toEqual([{ logsource: 'windows/security', rules: 2 }])
})
