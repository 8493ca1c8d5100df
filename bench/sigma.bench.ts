// Sigma on the structured Windows lane: recorded events (OTRF), all rules of SigmaHQ's pack in force.
// node bench/sigma.bench.ts [rounds] — npm run bench:sigma
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { SigmaCorrelation, SigmaRule } from '#security/sigma/1-parse/ast.ts'
import { readSigma } from '#security/sigma/1-parse/read.ts'
import { Correlator } from '#security/sigma/3-evaluate/correlate.ts'
import { SigmaEngine } from '#security/sigma/3-evaluate/engine.ts'
import { lift } from '#security/sigma/lift.ts'
import { detectionRuleLicense, loadRules } from '#security/sigma/load.ts'
import { type FlatEvent, loadTaxonomy } from '#security/sigma/taxonomy.ts'

const rounds = Number(process.argv[2] ?? 7)
const root = resolve(import.meta.dirname, '..')
const archive = resolve(root, '../shared/data/sigma/rules/sigma-rules.tar.gz')
const recordings = resolve(root, '../shared/data/attacks/otrf')
if (!existsSync(archive) || !existsSync(recordings)) {
  console.error('needs shared/data/sigma and shared/data/attacks/otrf beside the project')
  process.exit(1)
}
const secondsOf = (work: () => void): number => {
  const from = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1e6
}
const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
const spread = (values: number[]): string => `${Math.round(Math.min(...values))}–${Math.round(Math.max(...values))}`

globalThis.gc?.()
const before = process.memoryUsage()
const loadFrom = performance.now()
const loadCpu = process.cpuUsage()
const loadThread = process.threadCpuUsage()
const { rules } = await loadRules(archive, { placeholders: new Map(), license: detectionRuleLicense })
const loadS = (performance.now() - loadFrom) / 1000
// The clock of a machine that has nothing else to do would say little more than this.
const loadThreadS = Object.values(process.threadCpuUsage(loadThread)).reduce((sum, micros) => sum + micros, 0) / 1e6
const loadCpuS = Object.values(process.cpuUsage(loadCpu)).reduce((sum, micros) => sum + micros, 0) / 1e6
const taxonomy = loadTaxonomy(resolve(root, 'rules/taxonomy/sigma.yml'))
const engine = new SigmaEngine(rules, [], { taxonomy })

const texts = readdirSync(recordings)
  .filter((name) => /^(cmd|psh|wmic)_.*\.jsonl\.gz$/.test(name))
  .flatMap((name) =>
    gunzipSync(readFileSync(resolve(recordings, name)))
      .toString('utf8')
      .trim()
      .split('\n'),
  )
const events = texts.map((text) => lift(JSON.parse(text)))
const compileS = secondsOf(() => {
  for (const event of events) engine.match(event)
})
globalThis.gc?.()
const after = process.memoryUsage()

// Every text made one that never came before, so that nothing that is kept from earlier events could help: what an event
// is of stays what it was, or it would be routed elsewhere.
const routing = new Set(['Channel', 'EventID', 'Provider_Name', 'SourceName'])
let serial = 0
const unique = (text: string): FlatEvent => {
  const document = JSON.parse(text) as Record<string, unknown>
  for (const [name, value] of Object.entries(document))
    if (typeof value === 'string' && value.length > 3 && !routing.has(name)) {
      const at = value.length >> 1
      document[name] = `${value.slice(0, at)}${(serial++).toString(36).padStart(6, '0')}${value.slice(at)}`
    }
  // Through JSON once more: the texts are then as a parser leaves them, not ropes.
  return lift(JSON.parse(JSON.stringify(document)))
}

const repeat = 10
const matchOnly: number[] = []
const neverSeen: number[] = []
const withJson: number[] = []
let counted = engine.counts
for (let round = 0; round <= rounds; round++) {
  Object.assign(engine.counts, { events: 0, tried: 0, matches: 0 })
  const plain = secondsOf(() => {
    for (let i = 0; i < repeat; i++) for (const event of events) engine.match(event)
  })
  counted = { ...engine.counts }
  const parsed = secondsOf(() => {
    for (const text of texts) engine.match(lift(JSON.parse(text)))
  })
  const fresh = texts.map(unique)
  const once = secondsOf(() => {
    for (const event of fresh) engine.match(event)
  })
  // The first round warms up.
  if (round === 0) continue
  neverSeen.push(fresh.length / once)
  matchOnly.push((events.length * repeat) / plain)
  withJson.push(events.length / parsed)
}
const { events: seen, tried, matches } = counted

const values =
  'title: V\nid: v\nname: v\nlogsource: {}\ndetection: { sel: { k: 1 }, condition: sel }\n---\ntitle: C\ncorrelation:\n  type: value_count\n  rules: [v]\n  group-by: [user]\n  timespan: 1h\n  condition: { field: value, gte: 100000 }\n'
const { documents } = readSigma('v.yml', values, { placeholders: new Map(), license: '' })
const [rule] = documents.filter((one): one is SigmaRule => one.kind === 'rule')
const correlations: number[] = []
const wanted = 300_000
for (let round = 0; round <= rounds; round++) {
  const correlator = new Correlator(
    documents.filter((one): one is SigmaCorrelation => one.kind === 'correlation'),
    [rule!],
  )
  const fields = Array.from({ length: 1800 }, (_, i) => ({ user: 'u', value: `v${i}` }))
  const seconds = secondsOf(() => {
    for (let i = 0; i < wanted; i++) {
      const event: Record<string, unknown> = fields[i % 1800]!
      correlator.apply(rule!.meta, i * 500, '', (field) => event[field])
    }
  })
  if (round > 0) correlations.push(wanted / seconds)
}

// One correlation over more groups than it may keep, each event with a group, a value and an id of its own.
const many = new Correlator(
  documents.filter((one): one is SigmaCorrelation => one.kind === 'correlation'),
  [rule!],
)
const see = (from: number, to: number): void => {
  for (let i = from; i < to; i++) {
    const user = `user-${i}@example.org`
    many.apply(rule!.meta, i, `01jd${i.toString(36).padStart(22, '0')}`, (field) => (field === 'user' ? user : `v${i}`))
  }
}
const million = 1_000_000
globalThis.gc?.()
const memoryOf = (): number => {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1024 ** 2
}
const withoutGroups = memoryOf()
const millionS = secondsOf(() => see(0, million))
const withGroups = memoryOf() - withoutGroups
see(million, 2 * million)
const withTwice = memoryOf() - withoutGroups

const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / texts.length
console.log(
  `${cpus()[0]!.model}, Node ${process.versions.node}; ${rules.length} rules; ${events.length} events of ${Math.round(bytes)} bytes, Sysmon and Security`,
)
console.log(`| | published (rsigma, Rust, M4 Pro) | here, one core, median of ${rounds} (range) | ratio |`)
console.log('| --- | ---: | ---: | ---: |')
const line = (name: string, peer: number, list: number[]): void =>
  console.log(
    `| ${name} | ${peer || '–'} | ${Math.round(median(list))} (${spread(list)}) | ${peer ? (median(list) / peer).toFixed(2) : ''} |`,
  )
line('events/s with routing, JSON parsed before', 29_800, matchOnly)
line('… every text of every event unique', 0, neverSeen)
line('events/s with routing, JSON parsing included', 0, withJson)
line('value_count, 1,800 distinct values, events/s', 0, correlations)
console.log(`rules tried per event ${(tried / seen).toFixed(2)}, matches in each pass ${matches / repeat}`)
console.log(
  `cold load of all rules ${loadS.toFixed(2)} s (processor ${loadCpuS.toFixed(2)} s, of which the thread that waits ${loadThreadS.toFixed(2)} s); compiling the groups that these events need: processor ${compileS.toFixed(2)} s`,
)
console.log(
  `memory: heap +${((after.heapUsed - before.heapUsed) / 1024 ** 2).toFixed(0)} MiB, buffers +${((after.arrayBuffers - before.arrayBuffers) / 1024 ** 2).toFixed(0)} MiB`,
)
console.log(
  `value_count over ${many.kept.groups} groups: ${withGroups.toFixed(0)} MiB, ${Math.round(million / millionS)} events/s; after twice as many ${withTwice.toFixed(0)} MiB, ${many.counts.groupsDropped} dropped and counted`,
)
