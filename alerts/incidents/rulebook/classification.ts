// Kinds of incidents as data, and which one a story looks like.
import { z } from 'zod'

const words = z.array(z.string().min(1).max(64)).max(100).default([])
const name = z.string().min(1).max(100)
const id = z.string().regex(/^[a-z0-9-]{1,40}$/)

export const classificationSchema = z.strictObject({
  source: name,
  validFrom: z.iso.date(),
  categories: z
    .array(
      z.strictObject({
        ...{ id, zh: name, en: name },
        kinds: z
          .array(
            z.strictObject({
              ...{ id, zh: name, en: name, about: z.string().max(300).default(''), code: name.optional() },
              ...{ tactics: words, techniques: words, words },
            }),
          )
          .min(1)
          .max(100),
      }),
    )
    .min(1)
    .max(50),
})
export type Classification = z.output<typeof classificationSchema>

export interface Kind {
  id: string
  zh: string
  en: string
  about: string
  code?: string | undefined
  category: { id: string; zh: string; en: string }
}

export interface Seen {
  tactics: readonly string[]
  techniques: readonly string[]
  /** Titles and rules, for words. */
  texts: readonly string[]
}

export interface Likeness {
  kind: string
  /** What spoke for it: `technique T1110`, `word brute force`, `tactic impact`. */
  because: string[]
}

const weight = { technique: 3, word: 2, tactic: 1 } as const
const likelyMax = 4

export function kindsOf(classification: Classification): Map<string, Kind> {
  return new Map(
    classification.categories.flatMap(({ kinds, ...category }) =>
      kinds.map((kind): [string, Kind] => [
        kind.id,
        {
          ...{ id: kind.id, zh: kind.zh, en: kind.en, about: kind.about, code: kind.code },
          category: { id: category.id, zh: category.zh, en: category.en },
        },
      ]),
    ),
  )
}

/** Most likely first; none when nothing speaks for any. A technique says more than a word, and a word more than a tactic. */
export function likely({ categories }: Classification, seen: Seen): Likeness[] {
  const text = seen.texts.join('\n').toLowerCase()
  return categories
    .flatMap(({ kinds }) => kinds)
    .map(({ id: kind, tactics, techniques, words: known }) => {
      // T1110 covers T1110.003.
      const found = [
        ...techniques
          .filter((one) => seen.techniques.some((other) => other === one || other.startsWith(`${one}.`)))
          .map((one) => ['technique', one] as const),
        ...known.filter((word) => text.includes(word.toLowerCase())).map((one) => ['word', one] as const),
        ...tactics.filter((tactic) => seen.tactics.includes(tactic)).map((one) => ['tactic', one] as const),
      ]
      return {
        ...{ kind, because: found.map(([what, value]) => `${what} ${value}`) },
        sum: found.reduce((sum, [what]) => sum + weight[what], 0),
      }
    })
    .filter(({ sum }) => sum > 0)
    .sort((a, b) => b.sum - a.sum)
    .slice(0, likelyMax)
    .map(({ kind, because }) => ({ kind, because }))
}
