// What kinds of finders and tactics are called in the reader's language; what is not known is shown as it is.
import { hasWord, t } from '#lib/i18n/index.svelte.ts'

const wordOf = (key: string, otherwise: string): string => (hasWord(key) ? t(key) : otherwise)

export const sourceName = (source: string): string => wordOf(`find.source.${source}`, source)
export const tacticName = (tactic: string): string => wordOf(`tactic.${tactic}`, tactic)
