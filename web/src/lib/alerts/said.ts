// Some findings say it in both languages.
import { i18n } from '#lib/i18n/index.svelte.ts'

export const said = (
  annotations: Record<string, string>,
  what: 'title' | 'description' | 'summary' | 'rule.title',
  otherwise: string,
): string => (i18n.language === 'zh' && annotations[`${what}.zh`]) || otherwise
