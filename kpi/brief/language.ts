// Simplified and traditional characters. Everything is written in simplified ones; what is printed in traditional ones is
// converted as a whole at the end, names of places and departments included, for reading: records keep what they are.
import { createRequire } from 'node:module'
import type { ConverterFunction } from 'opencc-js'

export const briefLanguages = ['zh-Hans', 'zh-Hant'] as const
export type BriefLanguage = (typeof briefLanguages)[number]

let toTraditional: ConverterFunction | undefined

/** OpenCC's tables are a megabyte: they are read when the first traditional document is made. */
export function inLanguage(text: string, language: BriefLanguage): string {
  if (language === 'zh-Hans') return text
  if (!toTraditional) {
    const openCc = createRequire(import.meta.url)('opencc-js') as typeof import('opencc-js')
    toTraditional = openCc.Converter({ from: 'cn', to: 'hk' })
  }
  return toTraditional(text)
}

/** Every text in a tree of plain objects and lists. */
export function treeInLanguage<T>(tree: T, language: BriefLanguage): T {
  if (language === 'zh-Hans') return tree
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') return inLanguage(part, language)
    if (Array.isArray(part)) return part.map(walk)
    if (part === null || typeof part !== 'object') return part
    return Object.fromEntries(Object.entries(part).map(([name, one]) => [name, walk(one)]))
  }
  return walk(tree) as T
}
