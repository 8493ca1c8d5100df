import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { en, zh } from './words.ts'

const root = join(import.meta.dirname, '../..')
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(svelte|ts)$/.test(name) && !name.includes('i18n/'))
  .map((name) => readFileSync(join(root, name), 'utf8'))
  .join('\n')

test('both languages have the same strings, with the same placeholders', () => {
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort())
  const holes = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort()
  for (const key of Object.keys(en) as (keyof typeof en)[]) expect([key, holes(zh[key])]).toEqual([key, holes(en[key])])
})

test('no string is unused, and none is written into a page', () => {
  const dynamic = [...sources.matchAll(/(?:t|wordOf)\(`([\w.]+)\$\{/g)].map(([, prefix]) => prefix!)
  const unused = Object.keys(en).filter(
    (key) => !sources.includes(`'${key}'`) && !dynamic.some((prefix) => key.startsWith(prefix)),
  )
  expect(unused).toEqual([])
  const pages = sources.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>/g, '')
  expect([...pages.matchAll(/>\s*([A-Z][a-z]+ [a-z]+[^<{]*)</g)].map(([, text]) => text)).toEqual([])
})
