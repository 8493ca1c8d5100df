import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { SigmaRule } from '../1-parse/ast.ts'
import { readSigma } from '../1-parse/read.ts'
import { loadTaxonomy } from '../taxonomy.ts'
import { SigmaEngine } from './engine.ts'

const taxonomy = loadTaxonomy(resolve(import.meta.dirname, '../../../rules/taxonomy/sigma.yml'))
const engineOf = (detection: string, product = ''): SigmaEngine => {
  const logsource = product === '' ? '{}' : `{ product: ${product} }`
  const { documents } = readSigma('t.yml', `title: T\nid: t\nlogsource: ${logsource}\ndetection: ${detection}\n`, {
    placeholders: new Map(),
    license: '',
  })
  return new SigmaEngine(documents as SigmaRule[], [], { taxonomy })
}

test('new rules are compiled for the log sources that the old ones saw', async () => {
  const [before, next] = [engineOf('{ s: { a: x }, condition: s }'), engineOf('{ s: { a: y }, condition: s }')]
  for (const dataset of ['sshd', 'nginx.access', 'sshd']) before.match({ 'event.dataset': dataset })
  expect(next.groups()).toEqual([])
  await next.warm(before.seen)
  expect(next.groups().map(({ sources }) => sources)).toEqual(before.groups().map(({ sources }) => sources))
  expect(next.match({ 'event.dataset': 'sshd', a: 'y' })).toHaveLength(1)
  const third = engineOf('{ s: { a: z }, condition: s }')
  await third.warm(next.seen)
  expect(third.groups()).toHaveLength(2)
})

describe('what no event was of yet', () => {
  const images = Array.from({ length: 1200 }, (_, i) => `\\tool-${i}.exe`).join(', ')
  const many = (): SigmaEngine => engineOf(`{ s: { 'Image|endswith': [${images}] }, condition: s }`, 'windows')
  const created = { Channel: 'Microsoft-Windows-Sysmon/Operational', EventID: 1, Image: 'C:\\tool-7.exe' }

  test('is compiled ahead where the first event would wait, and is no log source that was seen', async () => {
    const engine = many()
    await engine.prepare(() => true)
    const prepared = engine.groups().map(({ sources }) => sources)
    expect(prepared.length).toBeGreaterThan(5)
    expect(prepared.every((sources) => sources.includes('windows/'))).toBe(true)
    expect(engine.seen).toEqual([])
    expect(engine.match(created)).toHaveLength(1)
    expect(engine.groups()).toHaveLength(prepared.length)
    expect(engine.seen).toHaveLength(1)
    const few = engineOf('{ s: { a: x }, condition: s }')
    await few.prepare(() => true)
    expect(few.groups()).toEqual([])
  })

  test('is left when other rules have come, and an event that comes meanwhile finds its own', async () => {
    const engine = many()
    let asked = 0
    const work = engine.prepare(() => ++asked < 20)
    expect(engine.match(created)).toHaveLength(1)
    await work
    expect(asked).toBeGreaterThanOrEqual(20)
    expect(engine.match(created)).toHaveLength(1)
    expect(engine.groups().length).toBeLessThan(5)
  })
})

test('what every object inherits is no field of an event', () => {
  const engine = engineOf("{ s: { 'constructor|exists': true }, t: { __proto__: '*object*' }, condition: 1 of them }")
  expect(engine.match({ 'event.dataset': 'sshd' })).toEqual([])
})
