// The engine held against the oracle on near misses: recorded events and regression events with something changed.
// Of every event are asked: the rules that the engine says match, those that matched before the change, and some others of
// its log source; of a share, all rules of its log source.
// node bench/sigma-oracle.bench.ts [events] [of which with all rules] [seed] — npm run test:sigma-oracle
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createGunzip, gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { seededRandom } from '#core/random.ts'
import { SigmaEngine } from '#security/sigma/3-evaluate/engine.ts'
import { lift } from '#security/sigma/lift.ts'
import { detectionRuleLicense, loadRules } from '#security/sigma/load.ts'
import { mutated } from '#security/sigma/oracle/mutate.ts'
import { oracle } from '#security/sigma/oracle/testing.ts'
import { applies, type FlatEvent, loadTaxonomy } from '#security/sigma/taxonomy.ts'

const [wanted = 1_000_000, wholly = 1000, seed = 1] = process.argv.slice(2).map(Number)
const othersAsked = 2
const differencesShown = 20
const root = resolve(import.meta.dirname, '..')
const data = resolve(root, '../shared/data')
const archive = resolve(data, 'sigma/rules/sigma-rules.tar.gz')
if (!existsSync(archive)) {
  console.error('needs shared/data beside the project')
  process.exit(1)
}

const { rules } = await loadRules(archive, { placeholders: new Map(), license: detectionRuleLicense })
const taxonomy = loadTaxonomy(resolve(root, 'rules/taxonomy/sigma.yml'))
const engine = new SigmaEngine(rules, [], { taxonomy })
const oracles = new Map<string, (event: FlatEvent) => boolean>()
const archived = extract()
createReadStream(archive).pipe(createGunzip()).pipe(archived)
for await (const entry of archived) {
  const parts: Buffer[] = []
  for await (const part of entry) parts.push(part as Buffer)
  if (entry.header.name.endsWith('.yml')) oracles.set(entry.header.name, oracle(Buffer.concat(parts).toString('utf8')))
}

const linesOf = (text: string): FlatEvent[] =>
  text
    .trim()
    .split('\n')
    .map((line) => lift(JSON.parse(line)))
const [recordings, regression] = [resolve(data, 'attacks/otrf'), resolve(data, 'sigma/regression/events')]
const recorded = readdirSync(recordings)
  .filter((name) => name.endsWith('.jsonl.gz'))
  .flatMap((name) => linesOf(gunzipSync(readFileSync(resolve(recordings, name))).toString('utf8')))
const cases = readdirSync(regression).flatMap((name) => linesOf(readFileSync(resolve(regression, name), 'utf8')))

const ofSources = new Map<unknown, readonly (typeof rules)[number][]>()
const random = seededRandom(seed)
const counts = { events: 0, asked: 0, held: 0, lost: 0, wholly: 0 }
const differences: string[] = []
const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!
const began = performance.now()
for (; counts.events < wanted; counts.events++) {
  // Half of them from events that rules are known to match.
  const before = pick(random.next() < 0.5 ? cases : recorded)
  const matched = engine.match(before)
  const event = mutated(before, random)
  const sources = taxonomy.sourcesOf(event)
  let mine = ofSources.get(sources)
  if (!mine) {
    mine = rules.filter(({ logsource }) => applies(logsource, sources))
    ofSources.set(sources, mine)
  }
  const ours = new Set(engine.match(event))
  const all = counts.events % Math.max(1, Math.floor(wanted / wholly)) === 0
  if (all) counts.wholly++
  const asked = new Set(all ? mine : [...ours, ...matched])
  for (let i = 0; i < othersAsked && mine.length > 0; i++) asked.add(pick(mine))
  for (const rule of asked) {
    const theirs = applies(rule.logsource, sources) && oracles.get(rule.meta.file)!(event)
    counts.asked++
    if (theirs) counts.held++
    else if (matched.includes(rule)) counts.lost++
    if (theirs === ours.has(rule)) continue
    differences.push(`${rule.meta.file}: engine ${!theirs}, oracle ${theirs}`)
    if (differences.length <= differencesShown) console.error(differences.at(-1), JSON.stringify(event).slice(0, 2000))
  }
}
const seconds = (performance.now() - began) / 1000
console.log(
  `${counts.events} events made from ${cases.length} regression and ${recorded.length} recorded ones, seed ${seed}: ${counts.asked} verdicts compared (${counts.held} matches, ${counts.lost} near misses that matched before the change), ${counts.wholly} events with all rules of their log source; ${differences.length} differences; ${seconds.toFixed(0)} s`,
)
process.exitCode = differences.length > 0 ? 1 : 0
