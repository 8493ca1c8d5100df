// What the history of an alert says by itself is kept as one English sentence; readers have it in their own words. What
// people wrote, and what is not known here, stays as it is.
import type { en } from '../i18n/words.ts'

type Key = keyof typeof en

/** Values that are words themselves come as the key of theirs. */
export interface Said {
  key: Key
  values: Record<string, string | { key: Key }>
}

const state = '(?:pending|firing|unknown|resolved)'
const severity = '(?:info|low|medium|high|critical)'
const sentences: readonly (readonly [RegExp, Key])[] = [
  [/^Firing$/, 'history.firing'],
  [/^Seen; pending$/, 'history.pending'],
  [/^Opened as unknown: its data is missing$/, 'history.openedUnknown'],
  [new RegExp(`^(?<state>${state}) → unknown: its data is missing$`), 'history.dataMissing'],
  [new RegExp(`^unknown → (?<state>${state}): its data is back$`), 'history.dataBack'],
  [new RegExp(`^(?<state>${state}) → resolved: the condition is over$`), 'history.over'],
  [new RegExp(`^(?<state>${state}) → resolved: not seen for (?<n>\\d+) s$`), 'history.quiet'],
  [new RegExp(`^Severity rose from (?<from>${severity}) to (?<to>${severity})$`), 'history.rose'],
  [/^No longer muted$/, 'history.unmuted'],
  [/^(?<receiver>.+) was told: (?<event>firing|escalated|unknown|resolved)$/s, 'history.told'],
  [/^(?<receiver>.+?) could not be told: (?<error>.*)$/s, 'history.notTold'],
]

const events: Record<string, Key> = {
  firing: 'history.event.firing',
  escalated: 'history.event.escalated',
  unknown: 'history.event.unknown',
  resolved: 'history.event.resolved',
}

export function saidOf({ kind, text }: { kind: string; text: string }): Said | undefined {
  if (kind === 'note' || kind === 'acknowledge' || kind === 'unacknowledge') return undefined
  for (const [pattern, key] of sentences) {
    const groups = pattern.exec(text)?.groups
    if (groups === undefined && !pattern.test(text)) continue
    return {
      key,
      values: Object.fromEntries(Object.entries(groups ?? {}).map(([name, value]) => [name, worded(name, value)])),
    }
  }
  return undefined
}

function worded(name: string, value: string): string | { key: Key } {
  if (name === 'state') return { key: `alert.${value}` as Key }
  if (name === 'from' || name === 'to') return { key: `severity.${value}` as Key }
  if (name === 'event') return { key: events[value]! }
  return value
}
