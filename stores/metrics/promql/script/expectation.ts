// What an eval of a script expects, read from the lines under it.
import { parseDuration } from '#core/duration.ts'
import { compileRegex } from '#core/regex.ts'
import { unquote } from '../strings.ts'
import type { ScriptLine } from './commands.ts'
import { readAt } from './script-error.ts'
import { number, parseSeries, type SeriesNotation } from './series-notation.ts'

export interface TextTest {
  wanted: string
  holds: (text: string) => boolean
}

export interface Expectation {
  fail: TextTest[] | undefined
  warn: TextTest[] | undefined
  info: TextTest[] | undefined
  noWarn: boolean
  noInfo: boolean
  ordered: boolean
  /** Of a string result. */
  text: string | undefined
  rangeVector: { startMs: number; endMs: number; stepMs: number } | undefined
  scalar: number | undefined
  series: SeriesNotation[]
}

const anything: TextTest = { wanted: 'any', holds: () => true }

export function expectations(body: readonly ScriptLine[], mode: string | undefined): Expectation {
  const wanted: Expectation = {
    fail: mode === 'fail' ? [] : undefined,
    warn: mode === 'warn' ? [anything] : undefined,
    info: mode === 'info' ? [anything] : undefined,
    noWarn: false,
    noInfo: false,
    ordered: mode === 'ordered',
    text: undefined,
    rangeVector: undefined,
    scalar: undefined,
    series: [],
  }
  for (const one of body) readAt(one, (text) => readLine(text, wanted))
  for (const kind of ['warn', 'info'] as const)
    if (wanted[kind] && wanted[kind === 'warn' ? 'noWarn' : 'noInfo'])
      throw new Error(`${kind} and no_${kind} cannot be expected together`)
  return wanted
}

function readLine(line: string, wanted: Expectation): void {
  const old = /^expected_fail_(message|regexp)\s+(.*)$/.exec(line)
  if (old) {
    wanted.fail = [...(wanted.fail ?? []), textTest(old[1] === 'regexp' ? 'regex' : 'msg', old[2]!)]
    return
  }
  const range = /^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$/.exec(line)
  if (range) {
    wanted.rangeVector = { startMs: timeMs(range[1]!), endMs: timeMs(range[2]!), stepMs: timeMs(range[3]!) }
    return
  }
  const text = /^expect string\s+(.*)$/.exec(line)
  if (text) {
    wanted.text = unquote(text[1]!)
    return
  }
  const match = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$/.exec(line)
  if (match) {
    const test = match[2] === undefined ? anything : textTest(match[2], match[3]!)
    switch (match[1]) {
      case 'ordered':
        wanted.ordered = true
        return
      case 'no_warn':
        wanted.noWarn = true
        return
      case 'no_info':
        wanted.noInfo = true
        return
      default: {
        const kind = match[1] as 'fail' | 'warn' | 'info'
        wanted[kind] = [...(wanted[kind] ?? []), test]
        return
      }
    }
  }
  if (/^expect\b/.test(line)) throw new Error(`unknown expectation: ${line}`)
  if (/^[-+]?(\d[\d.e+-]*|\.\d+|inf|nan|0x[0-9a-f]+)$/i.test(line.trim())) wanted.scalar = number(line.trim())
  else wanted.series.push(parseSeries(line))
}

function textTest(kind: string, text: string): TextTest {
  const wanted = text.trim()
  // Older scripts name annotations without their position.
  if (kind === 'msg') return { wanted, holds: (got) => got === wanted || got.replace(/ \(\d+:\d+\)$/, '') === wanted }
  const regex = compileRegex(wanted)
  return { wanted: `/${wanted}/`, holds: (got) => regex.test(got) }
}

export function timeMs(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const plain = text.trim().replace(/^[+-]/, '')
  const ms = sign * (parseDuration(plain) ?? Number(plain) * 1000)
  if (Number.isNaN(ms)) throw new Error(`"${text}" is no time or duration`)
  return ms
}
