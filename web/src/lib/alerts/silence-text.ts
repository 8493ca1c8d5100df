// What a silence is about, as people write it and as Alertmanager's API has it.
export interface SilenceMatcher {
  name: string
  value: string
  isRegex: boolean
  isEqual: boolean
}

const one = /\s*([a-zA-Z_][\w.:]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"{}]+))\s*(?:,|(?=\s|$))/y

/** `alertname="Disk" host=~"db-.*"`, with commas or spaces between. @returns undefined when it cannot be read */
export function parseMatchers(text: string): SilenceMatcher[] | undefined {
  const inner = text.trim().replace(/^\{(.*)\}$/s, '$1')
  const found: SilenceMatcher[] = []
  one.lastIndex = 0
  while (one.lastIndex < inner.length) {
    const match = one.exec(inner)
    if (!match) return undefined
    const [, name, operator, quoted, plain] = match as unknown as [string, string, string, string | undefined, string]
    const value = quoted === undefined ? plain : quoted.replace(/\\(["\\])/g, '$1')
    found.push({ name, value, isRegex: operator.endsWith('~'), isEqual: operator.startsWith('=') })
    while (/\s/.test(inner[one.lastIndex] ?? '')) one.lastIndex++
  }
  return found.length === 0 ? undefined : found
}

export function matcherText({ name, value, isRegex, isEqual }: SilenceMatcher): string {
  const operator = isEqual ? (isRegex ? '=~' : '=') : isRegex ? '!~' : '!='
  return `${name}${operator}"${value.replace(/["\\]/g, '\\$&')}"`
}
