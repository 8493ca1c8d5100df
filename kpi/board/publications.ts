// What the catalogue has published, by version, and what each version said: so that figures that were counted with some of
// them know which are new to them.
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical.ts'
import { createPace } from '#core/pace.ts'
import type { Fact } from '../contract.ts'

export type Publications = Readonly<Record<string, string>>

type Digests = ReadonlyMap<number, { digest: string; knownMs: number }>

const known = new WeakMap<readonly Fact[], Digests>()

/** Those in force by a time. */
export function publicationsAt(facts: readonly Fact[], atMs: number): Publications {
  const found: Record<string, string> = {}
  for (const [version, { digest, knownMs }] of digestsOf(facts)) if (knownMs <= atMs) found[version] = digest
  return found
}

/**
 * Works out what each of them said, while others have their turn; what is asked then finds it ready.
 * @param before facts of which it was worked out already: what goes on from them is added
 */
export async function readPublications(facts: readonly Fact[], before: readonly Fact[]): Promise<void> {
  if (known.has(facts)) return
  const goesOn = before.length <= facts.length && before.every((fact, i) => fact === facts[i])
  const digests = goesOn ? known.get(before) : undefined
  const fresh = digests ? facts.slice(before.length) : facts
  const reading = createDigests()
  const pace = createPace()
  for (const fact of fresh) {
    reading.take(fact)
    await pace(true)
  }
  const made = reading.done()
  // A publication that was known in part is read as a whole.
  if (digests && [...made.keys()].some((version) => digests.has(version))) return
  known.set(facts, new Map([...(digests ?? []), ...made]))
}

function digestsOf(facts: readonly Fact[]): Digests {
  const before = known.get(facts)
  if (before) return before
  const reading = createDigests()
  for (const fact of facts) reading.take(fact)
  const made = reading.done()
  known.set(facts, made)
  return made
}

function createDigests(): { take(fact: Fact): void; done(): Digests } {
  const hashes = new Map<number, { hash: ReturnType<typeof createHash>; knownMs: number }>()
  return {
    take: (fact) => {
      let one = hashes.get(fact.version)
      if (!one) {
        one = { hash: createHash('sha256'), knownMs: fact.knownMs }
        hashes.set(fact.version, one)
      }
      one.hash.update(canonicalJson(fact))
    },
    done: () =>
      new Map(
        [...hashes].map(([version, { hash, knownMs }]) => [
          version,
          { digest: hash.digest('hex').slice(0, 32), knownMs },
        ]),
      ),
  }
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
