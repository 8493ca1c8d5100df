import { en, zh } from './words.ts'

export type Key = keyof typeof en
export type Language = 'zh' | 'en'

const catalogues: Record<Language, Record<Key, string>> = { en, zh }

class I18n {
  language = $state<Language>(initial())

  set(language: Language): void {
    this.language = language
    localStorage.setItem('language', language)
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  }

  /** `{name}` is replaced by the value given. */
  t = (key: Key, values: Record<string, string | number> = {}): string =>
    catalogues[this.language][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

function initial(): Language {
  const saved = localStorage.getItem('language')
  if (saved === 'zh' || saved === 'en') return saved
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

export const i18n = new I18n()
export const t = i18n.t
/** For words that data may or may not have, such as the reasons that a definition names. */
export const hasWord = (key: string): key is Key => Object.hasOwn(en, key)
