// Alertmanager's matchers over a plain set of labels: `a="b", c=~"d|e"`, with or without braces around the list.
import { compileRegex } from '#core/regex.ts'

export type Labels = Readonly<Record<string, string>>
export type MatchOperator = '=' | '!=' | '=~' | '!~'
export interface LabelMatcher {
  name: string
  operator: MatchOperator
  value: string
  matches(labels: Labels): boolean
}

const one = /\s*([a-zA-Z_][\w.:]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^",{}]*)\s*(,|$)/sy

/** @throws Error or CodedError `regex.unsupported`, in words for the one who wrote it. */
export function parseLabelMatchers(text: string): LabelMatcher[] {
  const trimmed = text.trim()
  const list = trimmed.startsWith('{') && trimmed.endsWith('}') ? trimmed.slice(1, -1).trim() : trimmed
  const matchers: LabelMatcher[] = []
  one.lastIndex = 0
  while (one.lastIndex < list.length) {
    const match = one.exec(list)
    if (!match) throw new Error(`${text} is not a list of matchers; write name="value", with =, !=, =~ or !~`)
    const [, name, operator, raw] = match as unknown as [string, string, MatchOperator, string]
    matchers.push(labelMatcher(name, operator, raw.startsWith('"') ? unescaped(raw.slice(1, -1)) : raw.trim()))
  }
  return matchers
}

/** A missing label is empty; a regular expression must match the whole value. */
export function labelMatcher(name: string, operator: MatchOperator, value: string): LabelMatcher {
  const read = (labels: Labels): string => (Object.hasOwn(labels, name) ? labels[name]! : '')
  const regex = operator === '=~' || operator === '!~' ? compileRegex(value, { anchored: true }) : undefined
  const isEqual = operator === '=' || operator === '=~'
  return {
    ...{ name, operator, value },
    matches: (labels) => (regex ? regex.test(read(labels)) : read(labels) === value) === isEqual,
  }
}

/** In the form in which Alertmanager writes it into a group's key. */
export function matcherText({ name, operator, value }: Omit<LabelMatcher, 'matches'>): string {
  const escaped = value.replace(/[\\\n"]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
  return `${name}${operator}"${escaped}"`
}

/** `\n`, `\"` and `\\` are escapes; a backslash before anything else stays, as regular expressions need it. */
export function unescaped(text: string): string {
  return text.replace(/\\([n"\\])/g, (_, char: string) => (char === 'n' ? '\n' : char))
}
