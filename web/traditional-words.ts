// Words in traditional characters at no price for who reads others: `*.zh.ts?traditional` is the file converted by OpenCC
// (forms of Hong Kong) while it is built. Keys are Latin letters and stay.
import { createRequire } from 'node:module'
import type { Plugin } from 'vite'

export function traditionalWords(): Plugin {
  let convert: ((text: string) => string) | undefined
  return {
    name: 'guanlan-traditional-words',
    enforce: 'pre',
    transform: (code, id) => {
      if (!/\.zh\.ts\?(.*&)?traditional\b/.test(id)) return undefined
      convert ??= (createRequire(import.meta.url)('opencc-js') as typeof import('opencc-js')).Converter({
        from: 'cn',
        to: 'hk',
      })
      return { code: convert(code), map: null }
    },
  }
}
