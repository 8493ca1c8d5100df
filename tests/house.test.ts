// Keeps the arrows of design: imports only go down, and the parts in the middle do not know one another.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')

/** What each layer may import besides itself. `web` shares only types, and only with `server/http`. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  collectors: ['core'],
  pipeline: ['core', 'stores'],
  stores: ['core', 'pipeline/log'],
  analytics: ['core', 'stores'],
  security: ['core', 'stores'],
  kpi: ['core', 'stores'],
  alerts: ['core', 'stores'],
  server: ['core', 'collectors', 'pipeline', 'stores', 'analytics', 'security', 'kpi', 'alerts'],
}

const importPattern =
  /^\s*(?:import|export)\s+(?<type>type\s)?[^'"]*?from\s+['"](?<path>[^'"]+)['"]|import\(\s*['"](?<dynamic>[^'"]+)['"]\s*\)/gm

interface Import {
  file: string
  target: string
  typeOnly: boolean
}

function sourceFiles(folder: string): string[] {
  // A layer that has no code yet has no folder in a checkout.
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(node_modules|build|\.svelte-kit|testdata)\//.test(file))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found: Import[] = []
  for (const match of text.matchAll(importPattern)) {
    const path = match.groups?.['path'] ?? match.groups?.['dynamic'] ?? ''
    const target = path.startsWith('#')
      ? path.slice(1).replace(/^lib\//, 'web/src/lib/')
      : path.startsWith('.')
        ? relative(root, resolve(root, dirname(file), path))
        : ''
    if (target !== '' && !target.startsWith('$'))
      found.push({ file, target, typeOnly: match.groups?.['type'] !== undefined })
  }
  return found
}

const isTest = (file: string) => /\.test\.ts$|conformance\.ts$|\/testing\.ts$/.test(file)

describe('the house', () => {
  for (const [layer, allowed] of Object.entries(mayImport)) {
    it(`${layer} imports only ${allowed.length === 0 ? 'itself' : allowed.join(', ')}`, () => {
      const wrong = sourceFiles(layer)
        .filter((file) => !isTest(file))
        .flatMap(importsOf)
        .filter(
          ({ target }) => ![layer, ...allowed].some((prefix) => target === prefix || target.startsWith(`${prefix}/`)),
        )
      expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([])
    })
  }

  it('web shares only types, and only with server/http', () => {
    const wrong = sourceFiles('web')
      .flatMap(importsOf)
      .filter(({ target }) => !target.startsWith('web/'))
      .filter(({ target, typeOnly }) => !(typeOnly && target.startsWith('server/http/')))
    expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([])
  })

  it('product code takes time and chance from core, except at the edge', () => {
    const edge = /^(core\/(clock|random)\.ts|web\/|bench\/|tests\/)/
    const wrong = Object.keys(mayImport)
      .flatMap(sourceFiles)
      .filter((file) => !isTest(file) && !edge.test(file))
      .filter((file) => /\b(Math\.random|Date\.now)\(\)/.test(readFileSync(join(root, file), 'utf8')))
    expect(wrong).toEqual([])
  })

  it('finds the imports that it judges', () => {
    const files = Object.keys(mayImport).flatMap(sourceFiles)
    expect(files.length).toBeGreaterThan(10)
    expect(importsOf('core/component.ts')).toEqual([])
    expect(importsOf('stores/events/store.ts')).toEqual([
      { file: 'stores/events/store.ts', target: 'core/event.ts', typeOnly: true },
    ])
  })
})
