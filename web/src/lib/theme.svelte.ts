export type Theme = 'system' | 'light' | 'dark'

class ThemeState {
  choice = $state<Theme>((localStorage.getItem('theme') as Theme | null) ?? 'system')
  #systemDark = $state(matchMedia('(prefers-color-scheme: dark)').matches)

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', ({ matches }) => {
      this.#systemDark = matches
      this.apply()
    })
    this.apply()
  }

  get isDark(): boolean {
    return this.choice === 'dark' || (this.choice === 'system' && this.#systemDark)
  }

  set(choice: Theme): void {
    this.choice = choice
    localStorage.setItem('theme', choice)
    this.apply()
  }

  toggle(): void {
    this.set(this.isDark ? 'light' : 'dark')
  }

  apply(): void {
    document.documentElement.dataset['theme'] = this.isDark ? 'dark' : 'light'
  }
}

export const theme = new ThemeState()
