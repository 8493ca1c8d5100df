// kill -9 of the metric store at random moments under remote write, while blocks are written and joined: every
// acknowledged sample is there once with its value, none was invented, stale markers, native histograms and what came
// out of order included. Looked at twice: on the disk as the kill left it, and by query after the start.
// npm run test:crash:metrics -- [rounds] [seed] — 40 for the figure in docs/benchmarks.md
import { copyFile, link, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Writer } from 'protobufjs'
// @ts-expect-error: it has no declarations.
import { compress as untyped } from 'snappyjs'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { isStaleNaN } from '#core/sample.ts'
import { Journal, journalDefaults } from '#pipeline/log/journal/journal.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'
import { isSame, labelsOf, sampleAt, seriesOf, stepMs, writeSeries } from './metric-series.ts'
import { testProcess } from './process.ts'

const compress: (bytes: Uint8Array) => Buffer = untyped
const rounds = Number(process.argv[2] ?? 40)
const seed = Number(process.argv[3] ?? 1)
const random = seededRandom(seed)
const senders = 3
const seriesPerSender = 20
const stepsPerRequest = 5
const queryEvery = 10
const directory = await mkdtemp(join(tmpdir(), 'guanlan-crash-metrics-'))
const observatory = await testProcess(directory, { GUANLAN_METRICS_HEAD_SAMPLES_MAX: '20000' })
const { url } = observatory
const baseMs = Math.floor((systemClock.nowMs() - 12 * 3_600_000) / stepMs) * stepMs

const sent = new Map<number, Set<number>>()
const acknowledged = new Map<number, Set<number>>()
let samplesAcknowledged = 0

interface Batch {
  series: number
  steps: number[]
}

interface Sender {
  /** Steps that are held back, to come after later ones. */
  held: Map<number, number[]>
  nextStep: number
  /** Sent, and the process was killed before the answer. */
  inDoubt: Batch[] | undefined
}

const states: Sender[] = Array.from({ length: senders }, () => ({ held: new Map(), nextStep: 0, inDoubt: undefined }))

function nextBatches(sender: Sender, number: number): Batch[] {
  const from = sender.nextStep
  sender.nextStep += stepsPerRequest
  return Array.from({ length: seriesPerSender }, (_, i) => {
    const series = number * seriesPerSender + i
    const late = sender.held.get(series) ?? []
    const steps: number[] = []
    const held: number[] = []
    for (let step = from; step < from + stepsPerRequest; step++) (random.next() < 0.1 ? held : steps).push(step)
    sender.held.set(series, held)
    // What was held back comes out of order; now and then something comes again that was acknowledged before.
    steps.push(...late)
    const repeated = from - 1 - Math.floor(random.next() * 50)
    if (random.next() < 0.2 && acknowledged.get(series)?.has(repeated)) steps.push(repeated)
    return { series, steps }
  }).filter(({ steps }) => steps.length > 0)
}

async function load(number: number, stop: AbortSignal): Promise<void> {
  const sender = states[number]!
  while (!stop.aborted) {
    // Half of what is in doubt is sent again, as a sender would; of the rest nothing is promised.
    const again = random.next() < 0.5 ? sender.inDoubt : undefined
    sender.inDoubt = undefined
    const batches = again ?? nextBatches(sender, number)
    const writer = Writer.create()
    for (const { series, steps } of batches) {
      writeSeries(writer, series, steps, baseMs)
      note(sent, series, steps)
    }
    try {
      const response = await fetch(`${url}/api/v1/write`, {
        method: 'POST',
        body: new Uint8Array(compress(writer.finish())),
        headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      })
      if (response.status === 204)
        for (const { series, steps } of batches) samplesAcknowledged += note(acknowledged, series, steps)
      else if (response.status < 500) throw new Error(`refused with ${response.status}: ${await response.text()}`)
      else sender.inDoubt = batches
    } catch (error) {
      if (!stop.aborted && observatory.child.signalCode === null && !(error instanceof TypeError)) throw error
      sender.inDoubt = batches
      await new Promise((done) => setTimeout(done, 5))
    }
  }
}

function note(known: Map<number, Set<number>>, series: number, steps: readonly number[]): number {
  const set = known.get(series) ?? new Set()
  const before = set.size
  for (const step of steps) set.add(step)
  known.set(series, set)
  return set.size - before
}

interface Findings {
  samples: number
  stale: number
  histograms: number
  blocks: number
  replayed: number
}

/** Opens a copy of what the kill left, with the log applied as a start would. */
async function autopsy(): Promise<Findings> {
  const copy = join(directory, 'copy')
  await copyOf(join(directory, 'data/log/samples'), join(copy, 'log/samples'), '.log')
  await copyOf(join(directory, 'data/metrics'), join(copy, 'metrics'), '.block')
  const store = new Tsdb(
    { ...tsdbDefaults, directory: join(copy, 'metrics') },
    { clock: systemClock, logger: silentLogger },
  )
  const log = new Journal({ ...journalDefaults, directory: join(copy, 'log') }, { clock: systemClock })
  await store.open()
  await log.open()
  const findings: Findings = { samples: 0, stale: 0, histograms: 0, blocks: (await store.stats()).blocks, replayed: 0 }
  for (let offset = await store.position(); ; ) {
    const records = await log.read('samples', offset, { bytesMax: 1e7, waitMs: 0 })
    for (const record of records) await store.append(record.payload, record.offset + 1, record.key)
    findings.replayed += records.length
    if (records.length === 0) break
    offset = records.at(-1)!.offset + 1
  }
  const problems: string[] = []
  const found = await store.select({
    matchers: [{ name: 'job', op: '=', value: 'crash' }],
    ...{ fromMs: 0, toMs: baseMs + 1e9, seriesMax: 1e6, samplesMax: 1e9 },
  })
  const unseen = new Set(acknowledged.keys())
  for (const { labels, timestampsMs, values, histograms } of found) {
    const series = seriesOf(labels)
    unseen.delete(series)
    if (!isDeepStrictEqual(labels, labelsOf(series))) problems.push(`labels ${JSON.stringify(labels)}`)
    const there = new Set<number>()
    let lastMs = 0
    timestampsMs.forEach((timestampMs, i) => {
      const step = (timestampMs - baseMs) / stepMs
      const value = histograms?.[i] ?? values[i]!
      if (!sent.get(series)?.has(step)) problems.push(`never sent: series ${series}, step ${step}`)
      else if (!isSame(value, sampleAt(series, step))) problems.push(`another value: series ${series}, step ${step}`)
      if (timestampMs <= lastMs) problems.push(`twice: series ${series}, step ${step}`)
      lastMs = timestampMs
      there.add(step)
      findings.samples++
      if (typeof value !== 'number') findings.histograms++
      else if (isStaleNaN(value)) findings.stale++
    })
    for (const step of acknowledged.get(series) ?? [])
      if (!there.has(step)) problems.push(`lost: series ${series}, step ${step}`)
  }
  for (const series of unseen) problems.push(`lost: the whole of series ${series}`)
  await log.close()
  await store.close()
  await rm(copy, { recursive: true })
  if (problems.length > 0) fail(problems)
  return findings
}

/** What is written once is linked; the newest file of the log is cut when it is opened, so it is copied. */
async function copyOf(from: string, to: string, suffix: string): Promise<void> {
  await mkdir(to, { recursive: true })
  const names = (await readdir(from)).filter((name) => name.endsWith(suffix)).sort()
  for (const [i, name] of names.entries())
    await (suffix === '.log' && i === names.length - 1 ? copyFile : link)(join(from, name), join(to, name))
}

/** The running observatory gives the same, over HTTP. PromQL shows no stale markers. */
async function askThe(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  for (let i = 0; !/consumer="consumer-metrics"\} 0\b/.test(await (await fetch(`${url}/metrics`)).text()); i++) {
    if (i === 400) throw new Error('the metric store did not catch up')
    await new Promise((done) => setTimeout(done, 50))
  }
  const toMs = baseMs + Math.max(...states.map(({ nextStep }) => nextStep)) * stepMs
  const rangeMs = toMs - baseMs + stepMs
  let samples = 0
  for (let series = 0; series < senders * seriesPerSender; series += 7) {
    const { __name__, ...labels } = labelsOf(series)
    const selector = `${__name__}{${Object.entries(labels).map(([name, value]) => `${name}="${value}"`)}}`
    const query = new URLSearchParams({ query: `${selector}[${rangeMs}ms]`, time: String(toMs / 1000) })
    const response = await fetch(`${url}/api/v1/query?${query}`, { headers })
    const { data } = (await response.json()) as {
      data: { result: { values?: [number, string][]; histograms?: [number, { count: string }][] }[] }
    }
    const [result] = data.result
    const times = [...(result?.values ?? []), ...(result?.histograms ?? [])].map(([time]) => Math.round(time * 1000))
    const steps = new Set(times.map((timeMs) => (timeMs - baseMs) / stepMs))
    samples += times.length
    const isStale = (step: number): boolean => {
      const value = sampleAt(series, step)
      return typeof value === 'number' && isStaleNaN(value)
    }
    const problems = [...(acknowledged.get(series) ?? [])].filter((step) => !isStale(step) && !steps.has(step))
    if (steps.size !== times.length) fail([`twice by query: series ${series}`])
    if (problems.length > 0) fail(problems.map((step) => `lost by query: series ${series}, step ${step}`))
    for (const [time, text] of result?.values ?? []) {
      const step = (Math.round(time * 1000) - baseMs) / stepMs
      const value = Number(text.replace('Inf', 'Infinity'))
      if (!isSame(value, sampleAt(series, step))) fail([`another value by query: series ${series}, step ${step}`])
    }
  }
  return samples
}

function fail(problems: readonly string[]): never {
  console.error(`${problems.length} problems; data in ${directory}, seed ${seed}`)
  for (const problem of problems.slice(0, 10)) console.error(`  ${problem}`)
  observatory.child.kill('SIGKILL')
  process.exit(1)
}

await observatory.start()
const token = await observatory.token()
const starts: number[] = []
let last: Findings | undefined
let replayed = 0
for (let round = 1; round <= rounds; round++) {
  const stop = new AbortController()
  const loading = states.map((_, number) => load(number, stop.signal))
  await new Promise((done) => setTimeout(done, 50 + random.next() * 1200))
  const gone = observatory.end('SIGKILL')
  stop.abort()
  await gone
  await Promise.all(loading)
  last = await autopsy()
  replayed += last.replayed
  starts.push(await observatory.start())
  if (round % queryEvery !== 0 && round !== rounds) continue
  const asked = await askThe(token)
  console.log(
    `round ${round}: ${samplesAcknowledged} acknowledged, ${last.samples} there once (${last.stale} stale markers, ${last.histograms} histograms), ${last.blocks} blocks, ${replayed} records replayed so far; ${asked} compared by query`,
  )
}
starts.sort((a, b) => a - b)
console.log(
  `${rounds} kills; start after a kill: median ${starts[Math.floor(starts.length / 2)]!.toFixed(0)} ms, slowest ${starts.at(-1)!.toFixed(0)} ms`,
)
await observatory.end('SIGTERM')
await rm(directory, { recursive: true, force: true })
