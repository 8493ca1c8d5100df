// A definition that changed: each period is counted by the version in force, by engine and oracle alike, and what the change
// alone did is told apart from what the world did.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordHash } from '#core/canonical.ts'
import { ManualClock } from '#core/clock.ts'
import { readYaml } from '#core/yaml-source.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { type Board, createBoard } from '../board/board.ts'
import { movementOf } from '../board/movement.ts'
import { verifyBundle } from '../bundle/verify.ts'
import { writeBundle } from '../bundle/write.ts'
import { emptyCase } from '../cases/case-record.ts'
import type { CaseRecord, KpiValue, Leaf } from '../contract.ts'
import { makeKeys } from '../ledger/keys.ts'
import { Ledger } from '../ledger/ledger.ts'
import { consultOracle } from '../oracle/oracle.ts'
import { add, fromText, subtract, textOf } from '../rational.ts'
import { calendarSchema, compileCalendar, readCalendars } from '../time/calendar.ts'
import { findVersions, loadDefinitions } from './load.ts'

const shipped = resolve(import.meta.dirname, '../../rules/kpi')
const home = mkdtempSync(join(tmpdir(), 'guanlan-versions-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** A directory of rules with these files; calendars as they are shipped. */
function rulesOf(name: string, files: Record<string, string>): string {
  const rules = join(home, name)
  mkdirSync(rules, { recursive: true })
  cpSync(join(shipped, 'calendars'), join(rules, 'calendars'), { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(rules, file), text)
  return rules
}

const version = (number: string, valid: string, numerator: string, more = ''): string => `id: quick
name: { en: Quick, zh: 快办率 }
question: { en: Which share is quick?, zh: 快办比率 }
owner: office
group: service
version: ${number}
valid: ${valid}
${more}fact: case
direction: up
cohort: closed
numerator: { where: "${numerator}" }
switches:
  post:
    name: { en: By post, zh: 邮寄 }
    default: count
    options: { count: {}, exclude: { exclude: [{ reason: post, where: "channel:post" }] } }
targets: [{ source: none }]
tests: [{ name: one, facts: [{ id: a, opened: 2026-10-01, closed: 2026-10-01 }], expect: { ratio: "1" } }]
`
/** Within two days; from July on within one. */
const twoDays = 'elapsed.seconds <= 172800'
const oneDay = 'elapsed.seconds <= 86400'
const changed = {
  'quick-1.yml': version('1.0.0', '{ from: 2018-01-01, to: 2026-07-01 }', twoDays),
  'quick-2.yml': version('2.0.0', '{ from: 2026-07-01 }', oneDay),
}
/** Decided in August, for cases from June on. */
const backwards = {
  'quick-1.yml': version('1.0.0', '{ from: 2018-01-01, to: 2026-06-01 }', twoDays),
  'quick-2.yml': version('2.0.0', '{ from: 2026-06-01 }', oneDay, 'known: 2026-08-15\n'),
}

const hour = 3_600_000
const days = [0.5, 1.5, 3]
/** Half a day, one and a half, three: of each as many as the month says. */
const perMonth: Record<string, number[]> = { '2026-05': [2, 3, 5], '2026-06': [3, 4, 3], '2026-07': [6, 2, 2] }
function records(): CaseRecord[] {
  return Object.entries(perMonth).flatMap(([month, counts]) =>
    counts.flatMap((many, kind) =>
      Array.from({ length: many }, (_, i): CaseRecord => {
        const openedMs = Date.parse(`${month}-${String(3 + i).padStart(2, '0')}T09:00:00+08:00`)
        const closedMs = openedMs + days[kind]! * 24 * hour
        const channel = i === 0 ? 'post' : 'web'
        return {
          ...emptyCase(),
          ...{ id: `${month}-${kind}-${i}`, region: '440103', department: kind < 2 ? 'd1' : 'd2', channel },
          ...{ openedMs, acceptedMs: openedMs, closedMs, outcome: 'granted' },
        }
      }),
    ),
  )
}
const atMs = Date.parse('2026-09-01T00:00:00+08:00')
const knownMs = Date.parse('2026-08-01T00:00:00+08:00')

const mapping = join(home, 'mapping.yml')
const file = join(home, 'cases.ndjson')
const cases = createDuckCases({ ...duckCasesDefaults, directory: join(home, 'cases') })
beforeAll(async () => {
  writeFileSync(
    file,
    records()
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  )
  const columns = ['id', 'region', 'department', 'channel', 'outcome'].map((name) => `  ${name}: ${name}`)
  const times = ['openedMs', 'acceptedMs', 'closedMs'].map((name) => `  ${name}: { column: ${name}, time: ms }`)
  writeFileSync(mapping, ['fact: case', 'fields:', ...columns, ...times, ''].join('\n'))
  await cases.open()
  await cases.append(records(), Date.parse('2026-08-01T00:00:00+08:00') - 1)
})
afterAll(() => cases.close())

function boardOf(rules: string, nowMs = atMs): Board {
  const { calendars } = readCalendars(join(rules, 'calendars'))
  return createBoard({
    ...{ definitions: loadDefinitions(rules), calendars: calendars.map(compileCalendar), cases },
    ...{ facts: () => [], catalogueVersion: () => null, nowMs: () => nowMs },
  })
}

const shown = ({ dimensions, numerator, denominator, definitionVersion, definitionSpan }: KpiValue) => ({
  ...{ ...dimensions, figure: `${numerator}/${denominator}`, version: definitionVersion },
  ...(definitionSpan ? { span: definitionSpan } : {}),
})

describe('versions of one definition', () => {
  it('count each period by the one in force, and say where a period spans a change', async () => {
    const board = boardOf(rulesOf('changed', changed))
    await board.refresh()
    const ask = async (period: string, by: string[] = []): Promise<object[]> =>
      (await board.values({ kpi: 'quick', switches: {}, period, by, only: {} })).map(shown)
    expect(await ask('2026-06')).toEqual([{ figure: '7/10', version: '1.0.0' }])
    expect(await ask('2026-07')).toEqual([{ figure: '6/10', version: '2.0.0' }])
    expect(await ask('all', ['period'])).toEqual([
      { period: '2026-05', figure: '5/10', version: '1.0.0' },
      { period: '2026-06', figure: '7/10', version: '1.0.0' },
      { period: '2026-07', figure: '6/10', version: '2.0.0' },
    ])
    const span = { applied: 'part', others: ['1.0.0'] }
    expect(await ask('2026')).toEqual([{ figure: '11/30', version: '2.0.0', span }])
    expect(await ask('2026-Q2')).toEqual([{ figure: '12/20', version: '1.0.0' }])
    expect(await ask('2017')).toEqual([
      { figure: 'null/null', version: '1.0.0', span: { applied: 'outside', others: [] } },
    ])
    expect(board.plan('quick')!.definition.version).toBe('2.0.0')
  })

  it('are chosen alike by engine and oracle, for every period, cut and time of knowing', async () => {
    let compared = 0
    for (const [name, files] of Object.entries({ changed, backwards })) {
      const rules = rulesOf(`agree-${name}`, files)
      const board = boardOf(rules)
      const asked = ['all', '2026', '2026-Q2', '2026-Q3', '2026-06', '2026-07', '2017', '2026-06-30'].flatMap(
        (period) =>
          [[], ['period'], ['period', 'department']].flatMap((by) =>
            [knownMs, atMs].flatMap((known) =>
              ['quick', ...(by.length === 1 ? [] : ['quick@1.0.0', 'quick@2.0.0'])].map((wanted) => ({
                ...{ period, by, known, wanted },
              })),
            ),
          ),
      )
      for (const [i, { period, by, known, wanted }] of asked.entries()) {
        const post = i % 3 === 0 ? 'exclude' : 'count'
        const version = wanted.split('@')[1]
        const given = { switches: { post }, only: {}, by, period, validMs: atMs, knownMs: known }
        const engine = await board.values({ kpi: 'quick', ...given, ...(version ? { version } : {}) })
        const oracle = consultOracle({
          ...{ ...given, definition: wanted, rules },
          files: [{ file, mapping, knownMs: 0 }],
        })
        const figures = (value: object): object => {
          const { ratio, count, exclusions, dimensions, state, definitionVersion, ...rest } = value as KpiValue
          // Asked for by name, a version is taken by itself.
          const span = version ? undefined : rest.definitionSpan
          return { ratio, count, exclusions, dimensions, state, definitionVersion, span }
        }
        expect([given, wanted, engine.map(figures)]).toEqual([given, wanted, oracle.map(figures)])
        compared += engine.length
      }
    }
    expect(compared).toBeGreaterThan(250)
  })

  it('tell what the change of definition did from what the world did, in steps that add up', async () => {
    const board = boardOf(rulesOf('moved', changed))
    await board.refresh()
    const asked = { kpi: 'quick', from: '2026-06', to: '2026-07', by: 'department', only: {}, switches: {} }
    const { before, after, steps } = await movementOf(board, asked)
    expect([before, after].map(({ definitionVersion }) => definitionVersion)).toEqual(['1.0.0', '2.0.0'])
    // By the new definition June is 3 of 10 and not 7.
    expect(steps[0]).toMatchObject({ kind: 'definition', change: { numerator: '-2', denominator: '5' } })
    const sum = steps.map(({ change }) => fromText(change)).reduce(add)
    expect(textOf(sum)).toEqual(textOf(subtract(fromText(after.ratio!), fromText(before.ratio!))))
  })

  it('applied backwards leave what was said then, and count as a change of definition since', async () => {
    const board = boardOf(rulesOf('backwards', backwards))
    await board.refresh()
    const ask = async (known?: number): Promise<object[]> =>
      (
        await board.values({
          ...{ kpi: 'quick', switches: {}, period: '2026-06', by: [], only: {} },
          ...(known === undefined ? {} : { knownMs: known }),
        })
      ).map(shown)
    expect(await ask(knownMs)).toEqual([{ figure: '7/10', version: '1.0.0' }])
    expect(await ask()).toEqual([{ figure: '3/10', version: '2.0.0' }])
    const asked = { kpi: 'quick', from: '2026-06', to: '2026-07', by: 'department', only: {}, switches: {} }
    const { before, after, steps } = await movementOf(board, { ...asked, knownMsBefore: knownMs })
    expect(shown(before)).toMatchObject({ figure: '7/10', version: '1.0.0' })
    expect(steps.slice(0, 2)).toMatchObject([
      { kind: 'restatement', change: { numerator: '0' } },
      { kind: 'definition', change: { numerator: '-2', denominator: '5' } },
    ])
    const sum = steps.map(({ change }) => fromText(change)).reduce(add)
    expect(textOf(sum)).toEqual(textOf(subtract(fromText(after.ratio!), fromText(before.ratio!))))
  })

  it('are refused with file and line when two are in force at once, are numbered alike, or count another fact', () => {
    const said = (files: Record<string, string>, name: string): unknown[] =>
      loadDefinitions(rulesOf(name, files)).problems.map(({ file, line, cause, hint }) => [
        file.split('/').at(-1),
        line,
        cause.replaceAll(/[^\s(]+\//g, ''),
        hint.replaceAll(/[^\s(]+\//g, ''),
      ])
    const open = version('1.0.0', '{ from: 2018-01-01 }', twoDays)
    expect(said({ ...changed, 'quick-1.yml': open }, 'open')).toEqual([
      [
        ...[
          'quick-2.yml',
          7,
          'quick 2.0.0 comes into force on 2026-07-01, when 1.0.0 (quick-1.yml) is in force without end',
        ],
        'Write valid: { from: 2018-01-01, to: 2026-07-01 } in quick-1.yml.',
      ],
    ])
    const longer = version('1.0.0', '{ from: 2018-01-01, to: 2026-08-01 }', twoDays)
    expect(said({ ...changed, 'quick-1.yml': longer }, 'longer')[0]).toMatchObject({
      1: 7,
      2: expect.stringContaining('until 2026-08-01'),
    })
    const twin = version('1.0.0', '{ from: 2026-07-01 }', oneDay)
    expect(said({ ...changed, 'quick-2.yml': twin }, 'twin')).toMatchObject([
      ['quick-2.yml', 6, 'version 1.0.0 of quick is that of quick-1.yml', 'Another version has another number.'],
    ])
    const other = changed['quick-2.yml'].replace('fact: case', 'fact: item').replace('cohort: closed', 'cohort: none')
    const items = other.replace(oneDay, 'online:true').replace('opened: 2026-10-01, closed: 2026-10-01', 'online: true')
    expect(said({ ...changed, 'quick-2.yml': items }, 'other')[0]).toMatchObject({
      1: 8,
      2: 'quick 1.0.0 has fact: case',
    })
    expect(() => findVersions(rulesOf('open', {}), 'quick')).toThrow(/quick-2\.yml:7: .*comes into force on 2026-07-01/)
  })

  it('keep what is counted when somebody asks for a choice that there is not', async () => {
    const board = boardOf(rulesOf('choice', changed))
    await board.refresh()
    const ask = (switches: Record<string, string>) =>
      board.values({ kpi: 'quick', switches, period: '2026-07', by: [], only: {} })
    await expect(ask({ post: 'maybe' })).rejects.toMatchObject({ code: 'kpi.switch' })
    expect((await ask({}))[0]).toMatchObject({ numerator: '6' })
    await expect(
      board.values({ kpi: 'quick', switches: {}, period: 'all', by: [], only: {}, version: '3.0.0' }),
    ).rejects.toMatchObject({ code: 'not-found' })
  })

  it('are all leaves of the ledger and files of a bundle, which fails when one of them is another', async () => {
    const rules = rulesOf('bundle', changed)
    const origin = 'log.example/versions'
    const ledger = await Ledger.open(
      { directory: join(home, 'ledger'), origin, hash: 'sm3', keys: makeKeys(origin, ['ed25519']) },
      { clock: new ManualClock(0) },
    )
    const definitions = findVersions(rules, 'quick').map(({ plan, file: path }) => ({
      ...{ plan, text: readFileSync(path, 'utf8') },
    }))
    const calendarText = readFileSync(join(rules, 'calendars/cn-2026-1.yml'), 'utf8')
    const source = readYaml('cn-2026-1.yml', calendarText, calendarSchema).value!
    const stored = await cases.since(0, 1000)
    const leaf = (kind: Leaf['kind'], id: string, number: string, hash: string): Leaf => ({
      ...{ kind, id, version: number, hash, knownMs: 0 },
    })
    await ledger.append([
      ...definitions.map(({ plan, text }) => leaf('definition', 'quick', plan.definition.version, recordHash(text))),
      leaf('calendar', source.id, String(source.version), recordHash(calendarText)),
      ...stored.map(({ record, hash, knownMs: at }) => ({ ...leaf('case', record.id, '1', hash), knownMs: at })),
    ])
    const out = join(home, 'bundle-out')
    const { value } = await writeBundle(out, ledger, {
      ...{ definitions, calendars: [{ name: 'cn-2026-1.yml', text: calendarText, source }], facts: [] },
      ...{ catalogueVersion: null, cases: stored },
      request: { period: '2026', switches: {}, only: {}, validMs: atMs, knownMs: atMs },
    })
    await ledger.close()
    expect(value).toMatchObject({
      ...{ numerator: '11', definitionVersion: '2.0.0', definitionSpan: { applied: 'part', others: ['1.0.0'] } },
    })
    expect(verifyBundle(out).fault).toBeUndefined()
    const older = join(out, 'definitions/1.0.0.yml')
    const text = readFileSync(older, 'utf8')
    writeFileSync(older, text.replace('172800', '172801'))
    expect(verifyBundle(out).fault).toMatchObject({ where: 'definitions/1.0.0.yml' })
    rmSync(older)
    expect(verifyBundle(out).fault).toMatchObject({ where: 'definitions/1.0.0.yml', cause: 'the file is missing' })
  })
})
