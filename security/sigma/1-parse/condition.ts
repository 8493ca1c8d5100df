// Conditions: `selection and not 1 of filter_*`. Not binds closest, then and, then or.
import { any, type Node, type PatternPart } from './ast.ts'
import { matchesGlob } from './pattern.ts'

export class ConditionError extends Error {}

const nestingMax = 200
const tokensMax = 5000

export function parseCondition(text: string, selections: ReadonlyMap<string, Node>): Node {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? []
  if (tokens.length > tokensMax) throw new ConditionError(`the condition has more than ${tokensMax} words`)
  let at = 0
  let depth = 0
  const word = (): string | undefined => tokens[at]?.toLowerCase()
  const selection = (name: string): Node => {
    const found = selections.get(name)
    if (found) return found
    throw new ConditionError(`the condition names "${name}", and there is no such selection`)
  }
  const matching = (pattern: string): Node[] => {
    const names = [...selections.keys()]
    if (pattern.toLowerCase() === 'them')
      return names.filter((name) => !name.startsWith('_')).map((name) => selections.get(name)!)
    // Not as a regular expression: many stars over a long name would take for ever.
    const parts = starsOf(pattern)
    const found = names.filter((name) => matchesGlob(parts, name)).map((name) => selections.get(name)!)
    if (found.length === 0) throw new ConditionError(`no selection is called like "${pattern}"`)
    return found
  }
  const operand = (): Node => {
    const token = tokens[at]
    if (token === undefined) throw new ConditionError('the condition ends where a selection is expected')
    if (token === '(') {
      if (++depth > nestingMax) throw new ConditionError(`the condition is nested deeper than ${nestingMax}`)
      at++
      const inner = disjunction()
      if (tokens[at] !== ')') throw new ConditionError('a bracket of the condition is not closed')
      at++
      depth--
      return inner
    }
    if (token === ')') throw new ConditionError('a bracket of the condition closes what was not opened')
    if (token === '|')
      throw new ConditionError('aggregations behind "|" are no part of Sigma any longer; write a correlation')
    at++
    if (tokens[at]?.toLowerCase() === 'of' && /^(\d+|any|all)$/i.test(token)) {
      const pattern = tokens[at + 1]
      if (pattern === undefined) throw new ConditionError(`"${token} of" what?`)
      at += 2
      const parts = matching(pattern)
      const quantity = token.toLowerCase()
      if (quantity === 'all') return parts.length === 1 ? parts[0]! : { kind: 'and', parts }
      const count = quantity === 'any' ? 1 : Number(quantity)
      if (count <= 1) return parts.length === 1 ? parts[0]! : { kind: 'or', parts }
      return { kind: 'atLeast', count, parts }
    }
    return selection(token)
  }
  const negation = (): Node => {
    let negated = false
    while (word() === 'not') {
      negated = !negated
      at++
    }
    const part = operand()
    return negated ? { kind: 'not', part } : part
  }
  const listOf = (keyword: 'and' | 'or', next: () => Node): Node => {
    const parts = [next()]
    while (word() === keyword) {
      at++
      parts.push(next())
    }
    return parts.length === 1 ? parts[0]! : { kind: keyword, parts }
  }
  const conjunction = (): Node => listOf('and', negation)
  const disjunction = (): Node => listOf('or', conjunction)
  const tree = disjunction()
  if (at < tokens.length) throw new ConditionError(`"${tokens[at]}" stands where "and", "or" or the end is expected`)
  return tree
}

/** In the name of a selection only the star is special. */
function starsOf(pattern: string): PatternPart[] {
  const parts: PatternPart[] = []
  for (const [i, piece] of pattern.split('*').entries()) {
    if (i > 0) parts.push(any)
    if (piece !== '') parts.push(piece)
  }
  return parts
}
