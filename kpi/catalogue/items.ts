// Which row of the catalogue an item had at a time: the last that was said of a span that had begun by then, unless it had
// ended as well. What is said of a later span does not undo what held before.
import { createPace } from '#core/pace.ts'
import type { Fact } from '../contract.ts'

export type ItemAt = (code: string, atMs: number) => Fact['fields'] | undefined

/** @param facts in the order in which they became known */
export function itemsOf(facts: readonly Fact[], knownMs: number): ItemAt {
  const items = createItems(knownMs)
  for (const fact of facts) items.take(fact)
  return items.at
}

/** The same of a province's catalogue, while others have their turn. */
export async function itemsInTurns(facts: readonly Fact[], knownMs: number): Promise<ItemAt> {
  const items = createItems(knownMs)
  const pace = createPace()
  for (const fact of facts) {
    items.take(fact)
    await pace(true)
  }
  return items.at
}

function createItems(knownMs: number): { take(fact: Fact): void; at: ItemAt } {
  /** Most items have one row only. */
  const byCode = new Map<string, Fact | Fact[]>()
  const isInForce = ({ validToMs }: Fact, atMs: number): boolean => validToMs === null || atMs < validToMs
  return {
    take: (fact) => {
      if (fact.kind !== 'item' || fact.knownMs > knownMs || fact.removed) return
      const code = String(fact.fields['code'] ?? fact.id)
      const before = byCode.get(code)
      if (before === undefined) byCode.set(code, fact)
      else if (Array.isArray(before)) before.push(fact)
      else byCode.set(code, [before, fact])
    },
    at: (code, atMs) => {
      const rows = byCode.get(code)
      const last = Array.isArray(rows)
        ? rows.findLast(({ validFromMs }) => validFromMs <= atMs)
        : rows && rows.validFromMs <= atMs
          ? rows
          : undefined
      return last && isInForce(last, atMs) ? last.fields : undefined
    },
  }
}
