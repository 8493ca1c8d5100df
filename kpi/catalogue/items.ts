// Which row of the catalogue an item had at a time: the last that was said of a span that had begun by then, unless it had
// ended as well. What is said of a later span does not undo what held before.
import type { Fact } from '../contract.ts'

/** @param facts in the order in which they became known */
export function itemsOf(
  facts: readonly Fact[],
  knownMs: number,
): (code: string, atMs: number) => Fact['fields'] | undefined {
  const byCode = new Map<string, Fact[]>()
  for (const fact of facts) {
    if (fact.kind !== 'item' || fact.knownMs > knownMs || fact.removed) continue
    const code = String(fact.fields['code'] ?? fact.id)
    const list = byCode.get(code)
    if (list) list.push(fact)
    else byCode.set(code, [fact])
  }
  return (code, atMs) => {
    const last = byCode.get(code)?.findLast(({ validFromMs }) => validFromMs <= atMs)
    return last && (last.validToMs === null || atMs < last.validToMs) ? last.fields : undefined
  }
}
