// Dashboards ask the same texts again and again: a tree is made once and shared, as nobody changes one after the parser.
import type { Expr } from './ast.ts'
import { type ParseOptions, parse } from './parse.ts'

const treesMax = 500
/** Longer ones are rare, and their trees large. */
const charsMax = 4096

const trees = new Map<string, Expr>()

/** @throws CodedError `query.invalid` with `position` and `end`; what is refused is read anew each time. */
export function parsedOnce(text: string, options: Required<ParseOptions>): Expr {
  if (text.length > charsMax) return parse(text, options)
  const key = `${Number(options.experimental)}${Number(options.unquotedNames)}${text}`
  const known = trees.get(key)
  const tree = known ?? parse(text, options)
  // The one asked for longest ago goes.
  if (known) trees.delete(key)
  else if (trees.size >= treesMax) trees.delete(trees.keys().next().value!)
  trees.set(key, tree)
  return tree
}
