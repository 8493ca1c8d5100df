// What the catalogue says of one kind of thing at a time, in the order of ids: worked out once for as long as nothing of it
// begins or ends, because every page of a quarter of a million rows would go over all of them otherwise.
import { createPace } from '#core/pace.ts'
import type { Fact, FactKind } from '../contract.ts'
import { currentFactsInTurns } from '../engine/compute.ts'
import { type ItemAt, itemsInTurns } from './items.ts'

interface Kept {
  kind: FactKind
  /** What was known from … until, exclusive … */
  known: readonly [number, number]
  /** … of what held from … until. */
  valid: readonly [number, number]
  facts: Promise<readonly Fact[]>
}

/** Of one state of the catalogue: the present one, which pages ask for, and a few that were asked for in the past. */
const keptMax = 12
const sortedAtOnce = 4096
const kept = new WeakMap<readonly Fact[], Kept[]>()
const times = new WeakMap<readonly Fact[], Map<FactKind, { known: number[]; valid: number[] }>>()

/** @param facts in the order in which they became known; the same array is taken for the same facts */
export function factsInForce(
  facts: readonly Fact[],
  kind: FactKind,
  { validMs, knownMs }: { validMs: number; knownMs: number },
): Promise<readonly Fact[]> {
  const { known, valid } = timesOf(facts, kind)
  const list = kept.get(facts) ?? []
  kept.set(facts, list)
  const holds = ([from, to]: readonly [number, number], atMs: number): boolean => from <= atMs && atMs < to
  const found = list.findIndex((one) => one.kind === kind && holds(one.known, knownMs) && holds(one.valid, validMs))
  const one =
    found < 0
      ? {
          kind,
          known: spanOf(known, knownMs),
          valid: spanOf(valid, validMs),
          facts: inOrder(facts, kind, validMs, knownMs),
        }
      : list.splice(found, 1)[0]!
  list.unshift(one)
  list.length = Math.min(list.length, keptMax)
  return one.facts
}

async function inOrder(
  facts: readonly Fact[],
  kind: FactKind,
  validMs: number,
  knownMs: number,
): Promise<readonly Fact[]> {
  let runs: Fact[][] = []
  const pace = createPace()
  const current = await currentFactsInTurns(facts, kind, knownMs, validMs)
  for (let from = 0; from < current.length; from += sortedAtOnce) {
    runs.push(current.slice(from, from + sortedAtOnce).sort((a, b) => (a.id < b.id ? -1 : 1)))
    await pace(true)
  }
  while (runs.length > 1) {
    const next: Fact[][] = []
    for (let i = 0; i < runs.length; i += 2) next.push(runs[i + 1] ? await merged(runs[i]!, runs[i + 1]!) : runs[i]!)
    runs = next
  }
  return runs[0] ?? []
}

async function merged(one: readonly Fact[], other: readonly Fact[]): Promise<Fact[]> {
  const pace = createPace()
  const all: Fact[] = []
  let [i, j] = [0, 0]
  while (i < one.length && j < other.length) {
    all.push(one[i]!.id < other[j]!.id ? one[i++]! : other[j++]!)
    await pace(true)
  }
  return all.concat(one.slice(i), other.slice(j))
}

/** From when until when nothing of this kind begins, ends or becomes known. */
export function unchangedAround(facts: readonly Fact[], kind: FactKind, atMs: number): readonly [number, number] {
  const { known, valid } = timesOf(facts, kind)
  const [inKnown, inValid] = [spanOf(known, atMs), spanOf(valid, atMs)]
  return [Math.max(inKnown[0], inValid[0]), Math.min(inKnown[1], inValid[1])]
}

const items = new WeakMap<readonly Fact[], Map<number, Promise<ItemAt>>>()
const itemTimesMax = 4

/** `itemsOf`, once for as long as nothing more becomes known of items. */
export function itemsKnown(facts: readonly Fact[], knownMs: number): Promise<ItemAt> {
  const of = items.get(facts) ?? new Map<number, Promise<ItemAt>>()
  items.set(facts, of)
  const [from] = spanOf(timesOf(facts, 'item').known, knownMs)
  const found = of.get(from) ?? itemsInTurns(facts, knownMs)
  of.delete(from)
  of.set(from, found)
  if (of.size > itemTimesMax) of.delete(of.keys().next().value!)
  return found
}

function timesOf(facts: readonly Fact[], kind: FactKind): { known: number[]; valid: number[] } {
  let found = times.get(facts)
  if (!found) {
    const sets = new Map<FactKind, { known: Set<number>; valid: Set<number> }>()
    for (const fact of facts) {
      let own = sets.get(fact.kind)
      if (!own) {
        own = { known: new Set(), valid: new Set() }
        sets.set(fact.kind, own)
      }
      own.known.add(fact.knownMs)
      own.valid.add(fact.validFromMs)
      if (fact.validToMs !== null) own.valid.add(fact.validToMs)
    }
    const sorted = (all: Set<number>): number[] => [...all].sort((a, b) => a - b)
    found = new Map([...sets].map(([of, { known, valid }]) => [of, { known: sorted(known), valid: sorted(valid) }]))
    times.set(facts, found)
  }
  return found.get(kind) ?? { known: [], valid: [] }
}

/** Between the last of these times that has come and the next. */
function spanOf(sorted: readonly number[], atMs: number): readonly [number, number] {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (sorted[middle]! <= atMs) from = middle + 1
    else to = middle
  }
  return [sorted[from - 1] ?? Number.NEGATIVE_INFINITY, sorted[from] ?? Number.POSITIVE_INFINITY]
}
