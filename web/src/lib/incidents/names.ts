// What data calls things, in the reader's language.
import { i18n, type Key, t } from '#lib/i18n/index.svelte.ts'
import type { IncidentRulebook, Severity } from '#lib/types.ts'

type Named = { id: string; zh: string; en: string }

export const say = (text: { en: string; zh: string } | undefined): string => text?.[i18n.language] ?? ''

export const nameIn = (list: readonly Named[] | undefined, id: string | null | undefined): string => {
  const found = list?.find((one) => one.id === id)
  return found ? found[i18n.language] : (id ?? '')
}

export const kindName = (rulebook: IncidentRulebook | undefined, id: string | null): string =>
  nameIn(
    rulebook?.categories.flatMap(({ kinds }) => kinds),
    id,
  )

export const severityName = (severity: Severity): string => t(`severity.${severity}` as Key)
