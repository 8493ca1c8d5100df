// What the catalogue and the rest of the world do not agree on: lists to work off.
import { createPace } from '#core/pace.ts'
import type { Fact } from '../contract.ts'

export interface Gap {
  kind:
    | 'not-on-platform'
    | 'not-in-catalogue'
    | 'no-legal-limit'
    | 'no-promise'
    | 'not-shared'
    | 'unknown-department'
    | 'certificate-unknown'
  id: string
  name: string
  department: string
}

const gapsMax = 5000

/** `itemsInCases`: codes that cases name. */
export async function findGaps(
  facts: readonly Fact[],
  itemsInCases: ReadonlySet<string>,
): Promise<{ gaps: Gap[]; total: number }> {
  const pace = createPace()
  const latest = new Map<string, Fact>()
  for (const fact of facts) {
    await pace(true)
    latest.set(`${fact.kind}/${fact.id}`, fact)
  }
  const present = [...latest.values()].filter(({ removed }) => !removed)
  const items = present.filter(({ kind }) => kind === 'item')
  const certificates = new Set(present.filter(({ kind }) => kind === 'certificate').map(({ id }) => id))
  const codes = new Set(items.map(codeOf))
  const gaps: Gap[] = []
  const add = (kind: Gap['kind'], fact: Fact): void => {
    gaps.push({ kind, id: fact.id, name: text(fact.fields['name']), department: text(fact.fields['department']) })
  }
  for (const item of items) {
    await pace(true)
    if (item.fields['online'] === false) add('not-on-platform', item)
    if ((item.fields['legal.amount'] ?? null) === null) add('no-legal-limit', item)
    else if ((item.fields['promised.amount'] ?? null) === null) add('no-promise', item)
    const issues = text(item.fields['issues'])
    if (issues !== '' && certificates.size > 0 && !certificates.has(issues)) add('certificate-unknown', item)
  }
  for (const resource of present)
    if (resource.kind === 'resource' && resource.fields['required'] === true && resource.fields['registered'] !== true)
      add('not-shared', resource)
  for (const code of itemsInCases)
    if (!codes.has(code)) gaps.push({ kind: 'not-in-catalogue', id: code, name: '', department: '' })
  return { gaps: gaps.slice(0, gapsMax), total: gaps.length }
}

function codeOf({ id, fields }: Fact): string {
  return String(fields['code'] ?? id)
}

function text(value: Fact['fields'][string] | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}
