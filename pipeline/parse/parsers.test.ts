import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatProblem } from '#core/yaml-source.ts'
import type { Flat } from '../normalise/flatten.ts'
import { checkParsers, sampleNowMs } from './check.ts'
import { ParserSet } from './parser-set.ts'
import { readHeader } from './syslog-header.ts'

const shipped = new ParserSet('rules/parsers')
shipped.reload()

function parse(line: string, fields: Flat = {}) {
  const outcome = shipped.parse(fields, line, undefined, sampleNowMs, () => {})
  return { ...fields, ...outcome } as Record<string, unknown>
}

test('every sample of every shipped parser gives the event it says', () => {
  const { files, samples, problems } = checkParsers('rules/parsers')
  expect(problems.map(formatProblem)).toEqual([])
  expect(files).toBeGreaterThanOrEqual(35)
  expect(samples).toBeGreaterThan(75)
})

test('a line of an unknown program keeps its header, one without a header is unparsed', () => {
  expect(parse('Nov 24 08:00:00 web-1 prog[7]: hello')).toMatchObject({
    dataset: 'syslog',
    parsed: false,
    'host.name': 'web-1',
    'process.name': 'prog',
    'process.pid': 7,
    message: 'hello',
  })
  expect(parse('hello')).toMatchObject({ dataset: 'unparsed', parsed: false })
  expect(parse('Nov 24 08:00:00 web-1 sshd[7]: something never seen')).toMatchObject({ dataset: 'sshd', parsed: false })
})

test('a line dated December read in January is of last year', () => {
  const januaryMs = new Date(2026, 0, 1, 0, 5).getTime()
  const header = readHeader('Dec 31 23:59:59 web-1 cron: x', januaryMs)
  expect(header?.timestampMs).toBe(new Date(2025, 11, 31, 23, 59, 59).getTime())
})

test('JSON nested 100,000 deep and garbage that looks like a format do no harm', () => {
  const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
  expect(parse(deep)['dataset']).toBe('app.json')
  for (const line of ['{"a":', 'CEF:0|a|b', 'LEEF:2.0|', '%ASA-', '] "GET / ', '<', '\u0000', 'a="b\\'])
    expect(parse(line)['parsed'], line).toBe(false)
  expect(parse('{"__proto__":{"x":1},"msg":"m"}')).toMatchObject({ message: 'm' })
})

describe('a parser file that is wrong', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsers-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const file = (pattern: string, extra = '') =>
    `id: x\ntitle: X\ndataset: x\nmatch:\n  process: [x]\n${extra}steps:\n  - cases:\n      - pattern: '${pattern}'\nsamples:\n  - line: a\n    expect: {}\n`

  test('is named with line, cause and suggestion, and the old version stays in force', () => {
    writeFileSync(join(directory, 'x.yml'), file('^(?<x.y>a)$'))
    const set = new ParserSet(directory)
    expect(set.reload()).toEqual([])
    const wrong: [string, RegExp][] = [
      [file('^(?<x.y>a)(?=b)'), /x\.yml:8: .*cannot run in linear time.*no look-around/],
      [file('a', 'step: []\n'), /x\.yml:6: unknown key "step"\. Did you mean "steps"\?/],
      [
        file('a').replace('pattern:', 'patern:'),
        /x\.yml:8: unknown key "patern" in steps\.0\.cases\.0\. Did you mean "pattern"\?/,
      ],
      [file('a').replace('- cases:', '- cases: ['), /x\.yml:\d+: /],
      [file('^(?<__proto__>a)'), /x\.yml:8: .*cannot be a field name/],
    ]
    for (const [text, message] of wrong) {
      writeFileSync(join(directory, 'x.yml'), text)
      expect(set.reload().map(formatProblem).join('\n')).toMatch(message)
      const fields: Flat = { 'process.name': 'x' }
      expect(set.parse(fields, 'a', undefined, 0, () => {})).toEqual({ dataset: 'x', parsed: true })
      expect(fields['x.y']).toBe('a')
    }
  })

  test('is read again when it was changed', async () => {
    writeFileSync(join(directory, 'x.yml'), file('^(?<x.y>a)$'))
    const set = new ParserSet(directory)
    set.reload()
    const changed = new Promise((resolve) => set.watch(resolve))
    writeFileSync(join(directory, 'x.yml'), file('^(?<x.z>b)$'))
    expect(await changed).toEqual([])
    expect(set.parse({ 'process.name': 'x' }, 'b', undefined, 0, () => {}).parsed).toBe(true)
    set.close()
  })
})

const attacks = '../shared/data/attacks/logs'
describe.skipIf(!existsSync(attacks))('real lines of others (skipped without the test data pack)', () => {
  const linesOf = (name: string) =>
    [...readFileSync(join(attacks, name), 'utf8').matchAll(/^log \d+ (?:pass|fail) = (.*)$/gm)].map(
      (match) => match[1]!,
    )

  test.each([
    ['sshd.ini', 'sshd', 0.8],
    ['iptables.ini', 'linux.firewall', 0.95],
    ['cisco_asa.ini', 'cisco.asa', 1],
  ])('%s is recognised as %s', (name, dataset, shareMin) => {
    const results = linesOf(name).map((line) => ({ line, ...parse(line) }))
    const known = results.filter((result: Record<string, unknown>) => result['dataset'] === dataset && result['parsed'])
    const missed = results.filter((result) => !known.includes(result)).map(({ line }) => line)
    expect(known.length / results.length, missed.slice(0, 20).join('\n')).toBeGreaterThanOrEqual(shareMin)
  })

  test('OpenSSH lines of loghub are nearly all understood', () => {
    const path = '../shared/data/logs/loghub_2k_corrected/OpenSSH/OpenSSH_2k.log.gz'
    const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n')
    const missed = lines.filter((line) => !parse(line.trim())['parsed'])
    expect(missed.length / lines.length, missed.slice(0, 20).join('\n')).toBeLessThan(0.2)
  })
})
