import { en, zh } from './words.ts'

export type Key = keyof typeof en
/** What is written by hand; data are said in the same two. */
export type Language = 'zh' | 'en'
/** Traditional characters are made of the simplified ones when the pages are built. */
export type Script = 'hans' | 'hant'

/** What a reader may choose, each in its own words. English keeps the script in which Chinese was read. */
export const languages: { name: string; language: Language; script?: Script }[] = [
  { name: '简体中文', language: 'zh', script: 'hans' },
  { name: '繁體中文', language: 'zh', script: 'hant' },
  { name: 'English', language: 'en' },
]

const catalogues: Record<Language, Record<Key, string>> = { en, zh }

class I18n {
  language = $state<Language>(initialLanguage())
  script = $state<Script>(initialScript())
  /** Loaded when somebody reads them: most never do. */
  #traditional = $state.raw<Record<Key, string> | undefined>()

  set(language: Language, script: Script = this.script): void {
    this.language = language
    this.script = script
    localStorage.setItem('language', language)
    localStorage.setItem('script', script)
    document.documentElement.lang = language === 'en' ? 'en' : script === 'hant' ? 'zh-Hant' : 'zh-CN'
    if (language === 'zh' && script === 'hant' && !this.#traditional)
      import('./traditional.ts').then(
        ({ traditional }) => {
          this.#traditional = traditional
        },
        // Without them the simplified ones are read.
        () => {},
      )
  }

  is({ language, script }: (typeof languages)[number]): boolean {
    return this.language === language && (script === undefined || this.script === script)
  }

  /** `{name}` is replaced by the value given. */
  t = (key: Key, values: Record<string, string | number> = {}): string => {
    const isTraditional = this.language === 'zh' && this.script === 'hant'
    const words = (isTraditional && this.#traditional) || catalogues[this.language]
    return words[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
  }
}

function initialLanguage(): Language {
  const saved = localStorage.getItem('language')
  if (saved === 'zh' || saved === 'en') return saved
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

function initialScript(): Script {
  const saved = localStorage.getItem('script')
  if (saved === 'hans' || saved === 'hant') return saved
  return /^zh-(hant|tw|hk|mo)/i.test(navigator.language) ? 'hant' : 'hans'
}

export const i18n = new I18n()
export const t = i18n.t
/** For words that data may or may not have, such as the reasons that a definition names. */
export const hasWord = (key: string): key is Key => Object.hasOwn(en, key)
