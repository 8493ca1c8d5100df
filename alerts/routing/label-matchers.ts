// Alertmanager's matchers over a plain set of labels: `a="b", c=~"d|e"`, with or without braces around the list.
import { compileRegex } from '#core/regex.ts'

export type Labels = Readonly<Record<string, string>>
export type LabelMatcher = (labels: Labels) => boolean

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
    const [, name, operator, raw] = match as unknown as [string, string, string, string]
    matchers.push(labelMatcher(name, operator, raw.startsWith('"') ? unescaped(raw.slice(1, -1)) : raw.trim()))
  }
  return matchers
}

/** A missing label is empty; a regular expression must match the whole value. */
export function labelMatcher(name: string, operator: string, value: string): LabelMatcher {
  const read = (labels: Labels): string => (Object.hasOwn(labels, name) ? labels[name]! : '')
  if (operator === '=') return (labels) => read(labels) === value
  if (operator === '!=') return (labels) => read(labels) !== value
  const regex = compileRegex(value, { anchored: true })
  return operator === '=~' ? (labels) => regex.test(read(labels)) : (labels) => !regex.test(read(labels))
}

/** `\n`, `\"` and `\\` are escapes; a backslash before anything else stays, as regular expressions need it. */
function unescaped(text: string): string {
  return text.replace(/\\([n"\\])/g, (_, char: string) => (char === 'n' ? '\n' : char))
}
