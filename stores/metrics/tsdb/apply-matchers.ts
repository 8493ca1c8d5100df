// Matchers over postings: the same for the head and for a block.
import type { Matcher } from '../store.ts'
import { inOrderOfCost, matcherTest, type ValueLists } from './matchers.ts'
import { everySeries, intersect, subtract, union } from './postings.ts'

/** Series for which all matchers hold, ascending. A missing label matches as the empty string, as in Prometheus. */
export function applyMatchers(lists: ValueLists, matchers: readonly Matcher[]): Uint32Array {
  let found: Uint32Array | undefined
  for (const matcher of inOrderOfCost(matchers)) {
    found = applyOne(lists, matcher, found)
    if (found.length === 0) return found
  }
  return found ?? everySeries(lists.seriesCount)
}

function applyOne(lists: ValueLists, matcher: Matcher, among: Uint32Array | undefined): Uint32Array {
  const { values, test } = matcherTest(matcher)
  const { name } = matcher
  if (test('')) {
    // The empty string matches: all but those that carry the label with a value that does not.
    const excluded = lists.listsOf(name, (value) => !test(value))
    const all = among ?? everySeries(lists.seriesCount)
    return excluded.length === 0 ? all : subtract(all, union(excluded))
  }
  const wanted = values
    ? values.map((value) => lists.listOf(name, value)).filter((list) => list !== undefined)
    : lists.listsOf(name, test)
  if (wanted.length === 0) return new Uint32Array(0)
  return among ? intersect(among, union(wanted)) : union(wanted)
}
