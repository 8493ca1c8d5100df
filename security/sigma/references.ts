// What correlations and filters refer to by id or name, and is not there: it would wait for ever and say nothing.
import { type SourceProblem, suggest } from '#core/yaml-source.ts'
import type { RuleMeta, SigmaCorrelation } from './1-parse/ast.ts'
import type { RuleSet } from './load.ts'

/** Of rules that are all there: a part of a pack may well refer to another part. */
export function unmetReferences({ rules, correlations, filters }: RuleSet): SourceProblem[] {
  const known = new Set([...rules, ...correlations].flatMap(({ meta }) => namesOf(meta)))
  const missing = (meta: RuleMeta, names: readonly string[]): SourceProblem[] =>
    names
      .filter((name) => !known.has(name))
      .map((name) => ({
        ...{
          file: meta.file,
          line: meta.line,
          cause: `"${meta.title}" refers to "${name}", and there is no such rule`,
        },
        hint: suggest(name, known),
      }))
  return [
    ...correlations.flatMap(({ meta, rules: names }) => missing(meta, names)),
    ...filters.flatMap(({ meta, rules: names }) => (names === 'any' ? [] : missing(meta, names))),
    ...correlations.filter((one) => refersToItself(one, correlations)).map(({ meta }) => circular(meta)),
  ]
}

const namesOf = ({ id, name }: RuleMeta): string[] => [id, name].filter((one) => one !== '')

function circular({ file, line, title }: RuleMeta): SourceProblem {
  return { file, line, cause: `"${title}" refers to itself, through others or directly: it can never match`, hint: '' }
}

function refersToItself(from: SigmaCorrelation, all: readonly SigmaCorrelation[]): boolean {
  const seen = new Set<SigmaCorrelation>()
  const open = [from]
  for (let one = open.pop(); one; one = open.pop())
    for (const name of one.rules)
      for (const next of all) {
        if (!namesOf(next.meta).includes(name)) continue
        if (next === from) return true
        if (!seen.has(next)) open.push(next)
        seen.add(next)
      }
  return false
}
