// Label matchers in Alertmanager's words: name, one of = != =~ !~, value with or without quotes. Regular expressions must
// match the whole value.
import { compileRegex } from '#core/regex.ts'
import type { Alert } from '../alert.ts'
import { unescaped } from '../routing/label-matchers.ts'

type Labelled = Pick<Alert, 'rule' | 'severity' | 'labels'>
export type Matcher = (alert: Labelled) => boolean

/** @throws Error or CodedError `regex.unsupported`, in words for the one who wrote it. */
export function parseMatcher(text: string): Matcher {
  const match = /^\s*([a-zA-Z_][\w.]*)\s*(=~|!~|!=|=)\s*(.*?)\s*$/s.exec(text)
  if (!match) throw new Error(`${text} is not a matcher; write name="value", with =, !=, =~ or !~`)
  const [, name, operator, raw] = match as unknown as [string, string, string, string]
  const value = unquote(raw)
  const read = (alert: Labelled): string => labelOf(alert, name)
  if (operator === '=') return (alert) => read(alert) === value
  if (operator === '!=') return (alert) => read(alert) !== value
  const regex = compileRegex(value, { anchored: true })
  return operator === '=~' ? (alert) => regex.test(read(alert)) : (alert) => !regex.test(read(alert))
}

/** `rule`, `alertname` and `severity` can be matched like labels; a missing label is empty, as in Prometheus. */
export function labelOf(alert: Labelled, name: string): string {
  if (Object.hasOwn(alert.labels, name)) return alert.labels[name]!
  if (name === 'rule') return alert.rule
  if (name === 'severity') return alert.severity
  if (name === 'alertname') return alert.rule.slice(alert.rule.indexOf('/') + 1)
  return ''
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text
  if (text.length < 2 || !text.endsWith('"')) throw new Error(`${text} lacks its closing quote`)
  return unescaped(text.slice(1, -1))
}
