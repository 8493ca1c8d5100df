import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import { silentLogger } from '#core/logger.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { openTestState } from '#stores/state/testing.ts'
import { createConnect } from './address.ts'
import { createPullService, isDue } from './service.ts'
import { addressOf, loadSources } from './source.ts'
import { createPullState } from './state.ts'

const good = `id: social-security
name: { en: Social security, zh: 社保 }
department: d-12
engine: postgresql
connection: { env: SOCIAL_SECURITY_URL }
allow: [127.0.0.1]
every: 15m
table: public.cases
cursor: { updated: updated_at, id: id }
mapping:
  fields: { id: id, openedMs: { column: opened, time: iso } }
`

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sources-'))
})
afterEach(() => rmSync(directory, { recursive: true }))
const write = (name: string, text: string) => writeFileSync(join(directory, name), text)

describe('a file of a source', () => {
  it('is read with what it does not say', () => {
    write('a.yml', good)
    const { sources, problems } = loadSources(directory)
    expect(problems).toEqual([])
    expect(sources[0]).toMatchObject({ id: 'social-security', every: 900_000, tls: { mode: 'verify' }, pageRows: 1000 })
    expect(sources[0]!.mapping.zone).toBe('Asia/Shanghai')
    expect(loadSources(join(directory, 'none'))).toEqual({ sources: [], problems: [] })
  })

  it.each([
    ['every: 15m', 'evry: 15m', /a.yml:7: unknown key "evry". Did you mean "every"/],
    ['every: 15m', 'every: often', /a.yml:7: every: write a duration/],
    ['table: public.cases', '', /give either table or query/],
    ['table: public.cases', 'table: cases; drop table x', /write table or schema.table/],
    ['{ env: SOCIAL_SECURITY_URL }', '{ env: A, file: /b }', /give either env or file/],
    ['every: 15m', 'zone: Mars/Base', /"Mars\/Base" is no time zone/],
    ['fields: { id: id,', 'fields: {', /a case needs `id`/],
  ])('names file, line and cause: %s → %s', (from, to, message) => {
    write('a.yml', good.replace(from, to))
    const { sources, problems } = loadSources(directory)
    expect(sources).toEqual([])
    expect(problems.map(formatProblem).join('\n')).toMatch(message)
  })

  it('takes its address from environment or file, and never shows it', () => {
    write('a.yml', good)
    const [source] = loadSources(directory).sources
    const of = (text: string) => addressOf(source!, { SOCIAL_SECURITY_URL: text })
    expect(of('postgresql://reader:p%40ss@db.example/cases')).toEqual({
      ...{ host: 'db.example', port: 5432, user: 'reader', password: 'p@ss', database: 'cases' },
    })
    for (const text of ['secret nonsense', 'mysql://a:secret@b/c', 'postgres://a:secret@b/c?sslmode=disable'])
      expect(() => of(text)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret n') }))
    const fromFile = { ...source!, connection: { file: join(directory, 'absent') } }
    expect(() => addressOf(fromFile, {})).toThrow(/ENOENT/)
  })
})

describe('the schedule', () => {
  it('runs when due, at its hours, or when somebody wants it', () => {
    write('a.yml', `${good}between: ["22:00", "06:00"]\n`)
    const [source] = loadSources(directory).sources
    const stands = { nextMs: 0, wantedMs: null } as Parameters<typeof isDue>[1]
    const at = (time: string) => Date.parse(`2026-10-08T${time}+08:00`)
    expect(isDue(source!, stands, at('23:00'))).toBe(true)
    expect(isDue(source!, stands, at('05:59'))).toBe(true)
    expect(isDue(source!, stands, at('06:00'))).toBe(false)
    expect(isDue(source!, { ...stands, wantedMs: 1 }, at('12:00'))).toBe(true)
    expect(isDue(source!, { ...stands, nextMs: at('23:30') }, at('23:00'))).toBe(false)
  })

  it('makes an alert of a failure and tries again, ever less often', async () => {
    write('a.yml', good)
    const testState = await openTestState()
    const clock = new ManualClock(Date.parse('2026-10-08T10:00:00+08:00'))
    const findings: Finding[] = []
    const state = createPullState(testState.database)
    const service = createPullService(loadSources(directory).sources, {
      ...{ state, clock, logger: silentLogger, onFinding: (finding: Finding) => void findings.push(finding) },
      cases: { append: () => Promise.reject(new Error('not reached')), history: async () => new Map() },
      ...{ connect: createConnect(() => false), environment: { SOCIAL_SECURITY_URL: 'postgres://a:b@127.0.0.1:1/c' } },
    })
    const pauses: number[] = []
    for (let i = 0; i < 6; i++) {
      await expect(service.run('social-security')).rejects.toThrow(/cannot be reached/)
      pauses.push(((await state.of('social-security')).nextMs - clock.nowMs()) / 60_000)
    }
    expect(pauses).toEqual([1, 2, 4, 8, 15, 15])
    expect(findings[0]).toMatchObject({ state: 'active', labels: { source: 'social-security', department: 'd-12' } })
    await service.tick()
    expect(service.health().state).toBe('degraded')
    expect(await state.runs('social-security', 10)).toHaveLength(6)
    await testState.dispose()
  })
})
