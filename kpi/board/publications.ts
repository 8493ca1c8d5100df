// What the catalogue has published, by version, and what each version said: so that figures that were counted with some of
// them know which are new to them.
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical.ts'
import type { Fact } from '../contract.ts'

export type Publications = Readonly<Record<string, string>>

const known = new WeakMap<readonly Fact[], Map<number, { digest: string; knownMs: number }>>()

/** Those in force by a time. */
export function publicationsAt(facts: readonly Fact[], atMs: number): Publications {
  const found: Record<string, string> = {}
  for (const [version, { digest, knownMs }] of digestsOf(facts)) if (knownMs <= atMs) found[version] = digest
  return found
}

function digestsOf(facts: readonly Fact[]): Map<number, { digest: string; knownMs: number }> {
  const before = known.get(facts)
  if (before) return before
  const hashes = new Map<number, { hash: ReturnType<typeof createHash>; knownMs: number }>()
  for (const fact of facts) {
    let one = hashes.get(fact.version)
    if (!one) {
      one = { hash: createHash('sha256'), knownMs: fact.knownMs }
      hashes.set(fact.version, one)
    }
    one.hash.update(canonicalJson(fact))
  }
  const made = new Map(
    [...hashes].map(([version, { hash, knownMs }]) => [version, { digest: hash.digest('hex').slice(0, 32), knownMs }]),
  )
  known.set(facts, made)
  return made
}

/** Every one of them is still there and says the same: what is more is new. */
export function goesOnFrom(before: Publications, now: Publications): boolean {
  return Object.entries(before).every(([version, digest]) => now[version] === digest)
}

/** Codes of the items that one knows of and the other does not. */
export function itemsBetween(facts: readonly Fact[], before: Publications, now: Publications): string[] {
  const codes = new Set<string>()
  for (const { kind, id, version, fields } of facts)
    if (kind === 'item' && Object.hasOwn(now, version) && !Object.hasOwn(before, version))
      codes.add(String(fields['code'] ?? id))
  return [...codes]
}

/** Cases about which one knows of an adjudication and the other does not. */
export function adjudicatedBetween(facts: readonly Fact[], before: Publications, now: Publications): string[] {
  const ids = new Set<string>()
  for (const { kind, version, fields } of facts)
    if (kind === 'adjudication' && Object.hasOwn(now, version) && !Object.hasOwn(before, version))
      ids.add(String(fields['case'] ?? ''))
  return [...ids]
}

/** The facts of these publications. */
export function factsOf(facts: readonly Fact[], publications: Publications): Fact[] {
  return facts.filter(({ version }) => Object.hasOwn(publications, version))
}
