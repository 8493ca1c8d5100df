// SigmaHQ's pack: every rule loads, every regression case matches on exactly its lines, and the engine agrees with the
// oracle on whatever else fires.
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createGunzip, gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { beforeAll, describe, expect, test } from 'vitest'
import { seededRandom } from '#core/random.ts'
import type { SigmaRule } from './1-parse/ast.ts'
import { SigmaEngine } from './3-evaluate/engine.ts'
import { lift } from './lift.ts'
import { detectionRuleLicense, loadRules } from './load.ts'
import { mutated } from './oracle/mutate.ts'
import { oracle } from './oracle/testing.ts'
import { applies, type FlatEvent, loadTaxonomy, type Taxonomy } from './taxonomy.ts'

const root = resolve(import.meta.dirname, '../..')
const data = resolve(root, '../shared/data/sigma')
const otrf = resolve(root, '../shared/data/attacks/otrf')
const archive = resolve(data, 'rules/sigma-rules.tar.gz')
const present = existsSync(archive)

interface Case {
  rule_id: string
  events: string
  matching_lines: number[]
}

describe.skipIf(!present)("SigmaHQ's pack (needs shared/data/sigma)", () => {
  let rules: SigmaRule[]
  let taxonomy: Taxonomy
  let engine: SigmaEngine
  const oracles = new Map<string, (event: FlatEvent) => boolean>()
  const cases: (Case & { documents: FlatEvent[] })[] = []

  beforeAll(async () => {
    taxonomy = loadTaxonomy(resolve(root, 'rules/taxonomy/sigma.yml'))
    const set = await loadRules(archive, { placeholders: new Map(), license: detectionRuleLicense })
    expect(set.problems).toEqual([])
    rules = set.rules
    engine = new SigmaEngine(rules, [], { taxonomy })
    await eachText((file, text) => oracles.set(file, oracle(text)))
    for (const one of JSON.parse(readFileSync(resolve(data, 'regression/index.json'), 'utf8')) as Case[]) {
      const lines = readFileSync(resolve(data, 'regression', one.events), 'utf8')
        .trim()
        .split('\n')
      cases.push({ ...one, documents: lines.map((line) => lift(JSON.parse(line))) })
    }
  })

  test('all 3,780 rules load, each with its author and the licence', () => {
    expect(rules).toHaveLength(3780)
    for (const { meta } of rules)
      expect([meta.file, meta.author !== '', meta.license]).toEqual([meta.file, true, 'DRL 1.1'])
  })

  test('every case matches on exactly its lines, with routing', () => {
    let right = 0
    for (const { rule_id, documents, matching_lines } of cases) {
      const hits = documents.flatMap((event, i) =>
        engine.match(event).some(({ meta }) => meta.id === rule_id) ? [i + 1] : [],
      )
      expect([rule_id, hits]).toEqual([rule_id, matching_lines])
      right++
    }
    expect(right).toBe(101)
  })

  /** Every rule of the event's log sources, asked of both. */
  const differences = (event: FlatEvent): string[] => {
    const sources = taxonomy.sourcesOf(event)
    const ours = new Set(engine.match(event).map(({ meta }) => meta.file))
    return rules.flatMap(({ meta, logsource }) => {
      const theirs = applies(logsource, sources) && oracles.get(meta.file)!(event)
      return theirs === ours.has(meta.file) ? [] : [`${meta.file}: engine ${ours.has(meta.file)}, oracle ${theirs}`]
    })
  }

  test('on every event of the cases the same rules fire as by the oracle', () => {
    for (const { documents } of cases) for (const event of documents) expect(differences(event)).toEqual([])
  })

  test('also without routing, on a share of them', () => {
    const all = new SigmaEngine(rules, [], { taxonomy, routing: false })
    for (const event of cases.slice(0, 12).map(({ documents }) => documents[0]!)) {
      const ours = all
        .match(event)
        .map(({ meta }) => meta.file)
        .sort()
      const theirs = rules
        .filter(({ meta }) => oracles.get(meta.file)!(event))
        .map(({ meta }) => meta.file)
        .sort()
      expect(ours).toEqual(theirs)
    }
  })

  test('near misses: some of an event changed, and both still agree', () => {
    const random = seededRandom(11)
    for (let round = 0; round < 150; round++) {
      const { documents } = cases[Math.floor(random.next() * cases.length)]!
      expect(differences(mutated(documents[0]!, random))).toEqual([])
    }
  })

  test.skipIf(!existsSync(otrf))(
    'on recorded attacks the listed rules fire on the listed lines, and both agree on a sample',
    () => {
      const index = JSON.parse(readFileSync(resolve(otrf, 'index.json'), 'utf8')) as {
        file: string
        rules: { rule_id: string; lines: number[] }[]
      }[]
      const random = seededRandom(5)
      let fired = 0
      for (const { file } of index) {
        const path = resolve(otrf, file.endsWith('.gz') ? file : `${file}.gz`)
        if (!existsSync(path)) continue
        const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n')
        for (const line of lines) {
          const event = lift(JSON.parse(line))
          fired += engine.match(event).length
          if (random.next() < 0.01) expect(differences(event)).toEqual([])
        }
      }
      expect(fired).toBeGreaterThan(40)
    },
    120_000,
  )
})

function eachText(take: (file: string, text: string) => void): Promise<void> {
  return new Promise((done, reject) => {
    const reader = extract()
    reader.on('entry', ({ name }, stream, next) => {
      const parts: Buffer[] = []
      stream.on('data', (part) => parts.push(part as Buffer))
      stream.on('end', () => {
        if (name.endsWith('.yml')) take(name, Buffer.concat(parts).toString('utf8'))
        next()
      })
    })
    reader.on('finish', () => done())
    reader.on('error', reject)
    createReadStream(archive).pipe(createGunzip()).pipe(reader)
  })
}
