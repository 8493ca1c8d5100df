// The Chinese words in traditional characters: the same files, converted when the pages are built (see vite.config.ts).
import type { Key } from './index.svelte.ts'

const files = import.meta.glob<Record<string, Record<string, string>>>('./*.zh.ts', {
  eager: true,
  query: 'traditional',
})

export const traditional = Object.assign(
  {},
  ...Object.values(files).flatMap((exports) => Object.values(exports)),
) as Record<Key, string>
