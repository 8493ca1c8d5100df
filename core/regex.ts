// Regular expressions from users and rules, in linear time.
//
// V8's irregexp is twenty times faster than RE2JS but backtracks. V8 also has a linear engine, and can hand over to it
// when backtracking gets out of hand (50,000 steps). So: RE2JS decides what is legal (RE2 syntax), the `l` flag tells
// whether V8 could run the same pattern in linear time, and only then irregexp runs it; all else runs in RE2JS.
// Measured on a failed-login line with four groups: irregexp 0.14 µs, RE2JS 3.7 µs; `(.*a){12}x` over 20,000 a: 18 ms.
import { setFlagsFromString } from 'node:v8'
import { RE2JS } from 're2js'
import { CodedError } from './errors.ts'

setFlagsFromString('--enable-experimental-regexp-engine')
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')

export interface LinearRegex {
  readonly source: string
  test(text: string): boolean
  /** Named groups that took part in the first match, or null without a match. */
  groups(text: string): Record<string, string> | null
}

export interface RegexOptions {
  ignoreCase?: boolean
  /** `^` and `$` match at line ends. */
  multiline?: boolean
  /** `.` matches a line feed too. */
  dotAll?: boolean
  /** The whole text must match. */
  anchored?: boolean
}

const patternCharsMax = 8192

/** @throws CodedError `regex.unsupported` for look-around, back-references, bad syntax and patterns over 8,192 characters. */
export function compileRegex(pattern: string, options: RegexOptions = {}): LinearRegex {
  if (pattern.length > patternCharsMax)
    throw unsupported(`${pattern.slice(0, 40)}…`, `longer than ${patternCharsMax} characters`)
  const source = options.anchored ? `^(?:${pattern})$` : pattern
  let re2: RE2JS
  try {
    re2 = RE2JS.compile(source, re2Flags(options))
    // `a)|(` would be legal between the brackets of the anchors only.
    if (options.anchored && pattern.includes(')')) RE2JS.compile(pattern, re2Flags(options))
  } catch (error) {
    throw unsupported(pattern, (error as Error).message, error)
  }
  const native = nativeTwin(source, options)
  return native ? nativeRegex(pattern, native) : re2Regex(pattern, re2)
}

function unsupported(pattern: string, cause: string, error?: unknown): CodedError {
  return new CodedError('regex.unsupported', { pattern, cause }, { cause: error })
}

function re2Flags(options: RegexOptions): number {
  let flags = 0
  if (options.ignoreCase) flags |= RE2JS.CASE_INSENSITIVE
  if (options.multiline) flags |= RE2JS.MULTILINE
  if (options.dotAll) flags |= RE2JS.DOTALL
  return flags
}

// Syntax that both engines accept but read differently: inline flags, \z \A \Q \C \x{…} \p, POSIX classes, (?P<…>,
// and non-BMP text (RE2 reads code points). Such patterns stay in RE2JS.
const differs = /\(\?[a-zA-Z-]+[:)]|\(\?P|\\[zAQCpPxuUa0-9]|\[\[?:|[\uD800-\uDFFF]/

function nativeTwin(source: string, options: RegexOptions): RegExp | undefined {
  if (options.ignoreCase || differs.test(source)) return undefined
  const flags = `${options.multiline ? 'm' : ''}${options.dotAll ? 's' : ''}`
  try {
    new RegExp(source, `${flags}l`)
    return new RegExp(source, flags)
  } catch {
    return undefined
  }
}

function nativeRegex(source: string, regex: RegExp): LinearRegex {
  return {
    source,
    test: (text) => regex.test(text),
    groups: (text) => {
      const match = regex.exec(text)
      if (!match) return null
      const groups: Record<string, string> = {}
      if (match.groups) {
        for (const name in match.groups) {
          const value = match.groups[name]
          if (value !== undefined) groups[name] = value
        }
      }
      return groups
    },
  }
}

function re2Regex(source: string, regex: RE2JS): LinearRegex {
  const names = Object.keys(regex.namedGroups())
  return {
    source,
    test: (text) => regex.matcher(text).find(),
    groups: (text) => {
      const matcher = regex.matcher(text)
      if (!matcher.find()) return null
      const groups: Record<string, string> = {}
      for (const name of names) {
        const value = matcher.group(name)
        if (value !== null && value !== undefined) groups[name] = value
      }
      return groups
    },
  }
}
