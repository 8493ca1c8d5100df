import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodedError } from '#core/errors.ts'
import { parse, parseBytes } from './parse.ts'
import { formatQuery, printExpr } from './print.ts'
import { parseSeries } from './script/series-notation.ts'

interface Case {
  suite: 'expression' | 'series'
  input: string | null
  inputBase64?: string
  inputRepeat?: { prefix: string; body: string; bodyTimes: number; middle: string; suffix: string; suffixTimes: number }
  fail: boolean
  errMsg?: string | null
  errors?: { msg: string; start: number; end: number }[]
  errorCounts?: { firstStart: number; firstEnd: number }[]
}

const file = resolve(import.meta.dirname, '../../../../shared/data/promql/parser-inputs.json')

function refusal(one: Case): CodedError | undefined {
  const repeat = one.inputRepeat
  const text = repeat
    ? repeat.prefix + repeat.body.repeat(repeat.bodyTimes) + repeat.middle + repeat.suffix.repeat(repeat.suffixTimes)
    : (one.input ?? '')
  try {
    if (one.suite === 'series') parseSeries(text)
    else if (one.inputBase64) parseBytes(Buffer.from(one.inputBase64, 'base64'))
    else parse(text)
    return undefined
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
}

describe('parser', () => {
  it.skipIf(!existsSync(file))("gives Prometheus's verdict on all its inputs, and its positions", () => {
    const cases = JSON.parse(readFileSync(file, 'utf8')) as Case[]
    const score = { verdicts: 0, refused: 0, positions: 0, texts: 0 }
    const wrong: string[] = []
    for (const one of cases) {
      const error = refusal(one)
      if ((error !== undefined) === one.fail) score.verdicts++
      else wrong.push(one.input ?? '')
      if (one.suite !== 'expression' || !one.fail || !error) continue
      score.refused++
      const count = one.errorCounts?.[0]
      const wanted = one.errors?.[0] ?? { start: count!.firstStart, end: count!.firstEnd }
      if (error.values['position'] === wanted.start && error.values['end'] === wanted.end) score.positions++
      if (error.values['cause'] === one.errMsg) score.texts++
    }
    console.log(
      `parser: ${score.verdicts}/${cases.length} verdicts, ${score.positions}/${score.refused} first errors at the same position, ${score.texts}/${score.refused} with the same text`,
    )
    expect(wrong).toEqual([])
    expect(score.positions / score.refused).toBeGreaterThan(0.97)
  })

  it('ends on any text with a tree or a coded error', () => {
    const piece = fc.constantFrom(
      'm',
      'sum',
      'by',
      '(',
      ')',
      '{',
      '}',
      '[',
      ']',
      '5m',
      '1',
      '"a"',
      '=',
      '=~',
      '@',
      'offset',
      '-',
      '+',
      '^',
      ',',
      ':',
      'rate',
      'fill',
      'on',
      '`',
      "'",
      '#',
      '\\',
      '>/',
      'step()',
      'anchored',
      '\ud800',
      '\n',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          parse(pieces.join(' '))
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError)
        }
      }),
      { numRuns: 3000, seed: 7 },
    )
  })

  it('refuses the deep, the long and the endless quickly', () => {
    for (const text of [
      '('.repeat(100_000),
      '-'.repeat(100_000),
      `m[${'('.repeat(100_000)}`,
      `1${' + 1'.repeat(50_000)}`,
      `m${'[1m:]'.repeat(50_000)}`,
      'x'.repeat(2_000_000),
    ])
      expect(() => parse(text)).toThrow(CodedError)
  })

  it.each([
    'sum by (a, b) (rate(x_total{job="api",le!~"a.*"}[5m] offset 1m))',
    '-(a + on (x) group_left (y) b) ^ 2',
    'max_over_time(rate(m[5m])[1h:30s] @ 12.000 offset -5m)',
    'm @ end() and ignoring (z) n',
    'a + fill_left (1) b',
    'rate(m[step() + 5m] anchored)',
    '{"http.requests","service.name"="x"}',
    'histogram_quantile(0.9, sum without (instance) (h))',
    'count_values("v", m) == bool 2',
    'h </ 2.5',
  ])('prints %s so that it reads the same', (text) => {
    const printed = printExpr(parse(text))
    expect(printExpr(parse(printed))).toBe(printed)
    const pretty = formatQuery(parse(`${text} or ${text} or ${text} or ${text}`))
    expect(printExpr(parse(pretty))).toBe(`${printed} or ${printed} or ${printed} or ${printed}`)
  })

  it('keeps the experimental set behind its option', () => {
    for (const text of [
      'limitk(1, m)',
      'a + fill(0) b',
      'integral(m[5m])',
      'start_timestamp(m)',
      'mad_over_time(m[5m])',
      'end()',
    ])
      expect(() => parse(text, { experimental: false }), text).toThrow(CodedError)
    for (const text of ['办件', 'http.requests', 'm{服务="a"}']) {
      expect(() => parse(text), text).toThrow(CodedError)
      expect(printExpr(parse(text, { experimental: false, unquotedNames: true }))).toContain('"')
    }
  })

  it('what has become stable is no experiment', () => {
    for (const text of ['rate(m[5m] smoothed)', 'm[5m + 1m]', 'first_over_time(m[1h])'])
      expect(printExpr(parse(text, { experimental: false }))).toBe(text)
  })
})
