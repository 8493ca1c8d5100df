import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { SigmaRule } from '../1-parse/ast.ts'
import { readSigma } from '../1-parse/read.ts'
import { loadTaxonomy } from '../taxonomy.ts'
import { SigmaEngine } from './engine.ts'

const taxonomy = loadTaxonomy(resolve(import.meta.dirname, '../../../rules/taxonomy/sigma.yml'))
const engineOf = (detection: string): SigmaEngine => {
  const { documents } = readSigma('t.yml', `title: T\nid: t\nlogsource: {}\ndetection: ${detection}\n`, {
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

test('what every object inherits is no field of an event', () => {
  const engine = engineOf("{ s: { 'constructor|exists': true }, t: { __proto__: '*object*' }, condition: 1 of them }")
  expect(engine.match({ 'event.dataset': 'sshd' })).toEqual([])
})
