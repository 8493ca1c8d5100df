const uuid = /[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$)(?:-[0-9a-f]+)*/

/** A rule as lists name it: the title already says what it is, so of an identifier that says nothing only the kind. */
export function shortRule(rule: string): string {
  return rule.replace(uuid, '').replace(/\/$/, '')
}
