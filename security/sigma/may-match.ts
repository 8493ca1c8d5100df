// What an event must hold for a rule to match it, as far as a store can tell: its log source, and a text of the rule's
// guard. Only printable ASCII is asked for, of which upper and lower case are the same to everyone.
import type { MayHold } from '#stores/events/store.ts'
import type { SigmaRule } from './1-parse/ast.ts'
import { guardOf } from './2-compile/group.ts'
import { shapes, type Taxonomy } from './taxonomy.ts'

/** Beyond so many texts the engine is faster than a store. */
const textsMax = 200

/** @returns undefined when nothing can be left out */
export function mayMatch(rules: readonly SigmaRule[], taxonomy: Taxonomy): MayHold | undefined {
  const each = rules.map((rule) => ({ source: sourceOf(rule, taxonomy), text: textOf(rule, taxonomy) }))
  const whole = unionOf(each.map(({ source, text }) => both(source, text)))
  if (!whole || textsIn(whole) <= textsMax) return whole
  const sources = unionOf(each.map(({ source }) => source))
  return sources && textsIn(sources) <= textsMax ? sources : undefined
}

function both(a: MayHold | undefined, b: MayHold | undefined): MayHold | undefined {
  return a && b ? { all: [a, b] } : (a ?? b)
}

/** Many rules are of one log source. */
function unionOf(conditions: readonly (MayHold | undefined)[]): MayHold | undefined {
  const distinct = new Map<string, MayHold>()
  for (const one of conditions) {
    if (!one) return undefined
    distinct.set(JSON.stringify(one), one)
  }
  return { any: [...distinct.values()] }
}

function sourceOf({ logsource }: SigmaRule, taxonomy: Taxonomy): MayHold | undefined {
  const ways = taxonomy.waysOf(logsource)
  if (!ways) return undefined
  const any: MayHold[] = []
  for (const way of ways) {
    const all: MayHold[] = []
    for (const { field, values } of way) {
      const texts = values.map(asciiOf)
      if (values.includes('*') || texts.includes('')) continue
      all.push({ any: texts.map((text) => ({ fields: namesOf(field, taxonomy), text })) })
    }
    if (all.length === 0) return undefined
    any.push(all.length === 1 ? all[0]! : { all })
  }
  return { any }
}

function textOf(rule: SigmaRule, taxonomy: Taxonomy): MayHold | undefined {
  const guard = guardOf(rule)
  if (!guard) return undefined
  const any: MayHold[] = []
  for (const { field, text } of guard) {
    if (field === null) return undefined
    const ascii = asciiOf(text)
    if (ascii === '') return undefined
    any.push({ fields: namesOf(field, taxonomy), text: ascii })
  }
  return { any }
}

function namesOf(field: string, taxonomy: Taxonomy): string[] {
  return [...new Set(shapes.flatMap((shape) => taxonomy.namesOf(field, shape)))]
}

/** The longest piece that is the same to everyone. */
function asciiOf(text: string): string {
  let longest = ''
  for (const [piece] of text.matchAll(/[ -~]+/g)) if (piece.length > longest.length) longest = piece
  return longest.toLowerCase()
}

/** How many texts it asks for. */
function textsIn(condition: MayHold): number {
  if ('text' in condition) return 1
  return ('any' in condition ? condition.any : condition.all).reduce((sum, one) => sum + textsIn(one), 0)
}
