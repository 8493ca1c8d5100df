// Every rule that ships has events that must and events that must not match.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { SigmaCorrelation, SigmaRule } from './1-parse/ast.ts'
import { readSigma } from './1-parse/read.ts'
import { Correlator } from './3-evaluate/correlate.ts'
import { SigmaEngine } from './3-evaluate/engine.ts'
import { type FlatEvent, loadTaxonomy } from './taxonomy.ts'

const root = resolve(import.meta.dirname, '../..')
const taxonomy = loadTaxonomy(resolve(root, 'rules/taxonomy/sigma.yml'))
const files = globSync('rules/sigma/**/*.yml', { cwd: root }).sort()

test('there are rules', () => expect(files.length).toBeGreaterThan(15))

describe.each(files)('%s', (file) => {
  const text = readFileSync(resolve(root, file), 'utf8')
  const { documents, problems } = readSigma(file, text, { placeholders: new Map(), license: '' })
  const rules = documents.filter((one): one is SigmaRule => one.kind === 'rule')
  const correlations = documents.filter((one): one is SigmaCorrelation => one.kind === 'correlation')
  const eventsOf = (name: string): FlatEvent[] =>
    JSON.parse(readFileSync(resolve(root, file.replace(/\.yml$/, `.events/${name}`)), 'utf8'))
  const firedOn = (events: FlatEvent[]): number => {
    const engine = new SigmaEngine(rules, [], { taxonomy })
    const correlator = new Correlator(correlations, rules)
    return events.reduce((sum, event, i) => {
      const matched = engine.match(event)
      if (correlations.length === 0) return sum + matched.length
      return (
        sum + matched.flatMap(({ meta }) => correlator.apply(meta, i * 1000, String(i), (field) => event[field])).length
      )
    }, 0)
  }

  test('reads, and says who wrote it and what it is about', () => {
    expect(problems).toEqual([])
    for (const { meta } of documents) {
      expect([meta.author, meta.license, meta.id.length, meta.tags.length > 0]).toEqual([
        'Guanlan',
        'Apache-2.0',
        36,
        true,
      ])
    }
    expect(existsSync(resolve(root, file.replace(/\.yml$/, '.events')))).toBe(true)
  })
  test('says in Chinese what it says in English', () => {
    for (const { meta } of documents) {
      const { title, description, falsepositives } = meta.zh
      expect([title, description]).toEqual([expect.stringMatching(/\p{Script=Han}/u), expect.stringMatching(/。$/)])
      expect(falsepositives !== '').toBe(meta.falsepositives.length > 0)
    }
  })
  test('matches what it must', () => {
    const events = eventsOf('match.json')
    expect(firedOn(events)).toBe(correlations.length > 0 ? 1 : events.length)
  })
  test('leaves alone what it must', () => {
    expect(firedOn(eventsOf('no-match.json'))).toBe(0)
  })
})
