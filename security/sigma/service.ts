// Sigma at work on the stream: rules reloaded without a gap, matches counted per rule, findings told.
import { existsSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Counter, Gauge, type Registry } from 'prom-client'
import { z } from 'zod'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'
import type { RuleMeta, SigmaRule } from './1-parse/ast.ts'
import { Correlator } from './3-evaluate/correlate.ts'
import { SigmaEngine } from './3-evaluate/engine.ts'
import type { SigmaConfig } from './config.ts'
import { correlationFinding, creditOf, findingOf } from './finding.ts'
import { detectionRuleLicense, loadRules, type RuleSet } from './load.ts'
import { packDirectory } from './pack-import.ts'
import { readPlaceholders } from './placeholders.ts'
import { applies, type FlatEvent, loadTaxonomy, readField } from './taxonomy.ts'

export interface SigmaDeps {
  clock: Clock
  logger: Logger
  metrics: Registry
  /** Rules that people switched off, as `sigma/<id>`. */
  disabled(): Promise<ReadonlySet<string>>
  /** Where `sigma import` puts a pack; it exists. */
  imports?: string
}

export interface SigmaRuleStatus {
  id: string
  kind: 'rule' | 'correlation'
  title: string
  description: string
  /** Each '' where the rule does not say it. */
  zh: { title: string; description: string }
  level: RuleMeta['level']
  status: string
  author: string
  license: string
  link: string
  tags: string[]
  logsource: string
  file: string
  enabled: boolean
  /** Placeholders without values: it matches nothing until they have some. */
  unresolved: string[]
  matches: number
  lastMatchMs: number | null
}

/** The same rule on the same things is told again at most this often; the alert stays the same. */
const tellEveryMs = 10_000
const recentMax = 100_000
const quietMs = 300

export type Sigma = ReturnType<typeof createSigma>

export function createSigma(config: SigmaConfig, deps: SigmaDeps) {
  const { clock, logger } = deps
  let taxonomy = loadTaxonomy(config.taxonomy)
  const empty: RuleSet = { rules: [], correlations: [], filters: [], files: 0, problems: [] }
  let set = empty
  let placeholders: ReturnType<typeof readPlaceholders> = new Map()
  let off: ReadonlySet<string> = new Set()
  let engine = new SigmaEngine([], [], { taxonomy })
  let correlator = new Correlator([], [])
  const noise = new Map<string, { matches: number; lastMatchMs: number }>()
  const recent = new Map<string, number>()
  const watchers: ReturnType<typeof watch>[] = []
  const matches = new Counter({
    ...{ name: 'guanlan_sigma_matches_total', help: 'Matches of Sigma rules, by level', labelNames: ['level'] },
    registers: [deps.metrics],
  })
  const inForce = new Gauge({
    ...{ name: 'guanlan_sigma_rules', help: 'Sigma rules in force, switched off, and refused', labelNames: ['state'] },
    registers: [deps.metrics],
  })
  new Gauge({
    ...{
      name: 'guanlan_sigma_correlation_dropped',
      help: 'What correlations could not keep, by reason',
      labelNames: ['reason'],
    },
    registers: [deps.metrics],
    collect() {
      for (const [reason, count] of Object.entries(correlator.counts)) this.set({ reason }, count)
    },
  })

  new Gauge({
    ...{
      name: 'guanlan_sigma_correlation_kept',
      help: 'Groups and items that correlations hold in their windows',
      labelNames: ['what'],
    },
    registers: [deps.metrics],
    collect() {
      for (const [what, count] of Object.entries(correlator.kept)) this.set({ what }, count)
    },
  })

  /** While windows are written line by line, what they belong to stays. */
  let saved: Promise<void> = Promise.resolve()
  function* saveWindows(): Iterable<string> {
    const done = Promise.withResolvers<void>()
    saved = done.promise
    try {
      yield* correlator.snapshot()
    } finally {
      done.resolve()
    }
  }

  let closed = false
  let building: Promise<void> = Promise.resolve()
  /** The old rules stay in force until the new ones are ready; one after the other. */
  const build = (): Promise<void> => {
    building = building.catch(() => {}).then(buildNow)
    return building
  }
  const buildNow = async (): Promise<void> => {
    const isOn = ({ meta }: { meta: RuleMeta }): boolean => !off.has(keyOf(meta))
    const rules = set.rules.filter(isOn)
    const correlations = set.correlations.filter(isOn)
    const [all, refused] = [set.rules.length, set.problems.length]
    const next = new SigmaEngine(rules, set.filters, { taxonomy })
    await next.warm(engine.seen)
    await saved
    engine = next
    next
      .prepare(() => engine === next && !closed)
      .catch((error: unknown) => logger.warn({ err: error }, 'Sigma rules could not be compiled ahead'))
    // What was counted so far goes on under the new rules.
    correlator = new Correlator(correlations, rules, { before: correlator })
    inForce.set({ state: 'in force' }, rules.length)
    inForce.set({ state: 'off' }, all - rules.length)
    inForce.set({ state: 'refused' }, refused)
  }

  /** By directory or archive, as it could be read last. */
  let sources = new Map<string, RuleSet>()
  let reading: Promise<void> = Promise.resolve()
  /** The new rules take over between two events; what cannot be read leaves what was in force. One after the other. */
  const reload = (): Promise<void> => {
    reading = reading.catch(() => {}).then(readAgain)
    return reading
  }
  const readAgain = async (): Promise<void> => {
    const next: RuleSet = { rules: [], correlations: [], filters: [], files: 0, problems: [] }
    const orElse = <T>(file: string, before: T, read: () => T): T => {
      try {
        return read()
      } catch (error) {
        next.problems.push(problemOf(file, error))
        return before
      }
    }
    const { placeholders: values } = config
    taxonomy = orElse(config.taxonomy, taxonomy, () => loadTaxonomy(config.taxonomy))
    placeholders = orElse(values, placeholders, () => readPlaceholders(values === '' ? undefined : values))
    const imported = deps.imports === undefined ? undefined : await packDirectory(deps.imports)
    const read = new Map<string, RuleSet>()
    for (const [path, license] of [
      ...config.directories.map((path) => [path, ''] as const),
      ...[...config.packs, ...(imported ? [imported] : [])].map((path) => [path, detectionRuleLicense] as const),
    ]) {
      const loaded = await loadRules(path, { placeholders, license }).catch((error: unknown): RuleSet => {
        const before = sources.get(path) ?? empty
        return { ...before, problems: [problemOf(path, error)] }
      })
      read.set(path, loaded)
      // A pack may be both named and imported: a rule is in force once.
      const known = new Set(path === imported ? [...next.rules, ...next.correlations].map(keyOfRule) : [])
      next.rules.push(...loaded.rules.filter((rule) => !known.has(keyOfRule(rule))))
      next.correlations.push(...loaded.correlations.filter((one) => !known.has(keyOfRule(one))))
      next.filters.push(...loaded.filters)
      next.problems.push(...loaded.problems)
      next.files += loaded.files
    }
    keepOld(next, set)
    for (const problem of next.problems)
      logger.warn({ problem: formatProblem(problem) }, 'a Sigma rule is wrong; what it was stays in force')
    set = next
    sources = read
    off = await deps.disabled()
    await build()
    logger.info(
      { rules: set.rules.length, correlations: set.correlations.length, off: off.size },
      'Sigma rules are in force',
    )
  }

  const tell = (found: Finding[], meta: RuleMeta, key: string, make: () => Finding): void => {
    const noisy = noise.get(keyOf(meta)) ?? { matches: 0, lastMatchMs: 0 }
    noisy.matches++
    noisy.lastMatchMs = clock.nowMs()
    noise.set(keyOf(meta), noisy)
    matches.inc({ level: meta.level })
    const last = recent.get(key)
    if (last !== undefined && clock.nowMs() - last < tellEveryMs) return
    recent.delete(key)
    recent.set(key, clock.nowMs())
    if (recent.size > recentMax) recent.delete(recent.keys().next().value!)
    found.push(make())
  }

  return {
    reload,
    /** @param isNew false for what was told before a crash and is only counted again */
    apply(events: readonly Event[], isNew: boolean): Finding[] {
      const found: Finding[] = []
      for (const event of events) {
        for (const rule of engine.match(event as FlatEvent)) {
          const { meta } = rule
          const [atMs, id] = [event['@timestamp'], event['event.id']]
          if (!correlator.isPart(meta) && config.levels.includes(meta.level)) {
            const finding = findingOf(meta, event as FlatEvent, atMs, id)
            if (isNew) tell(found, meta, `${finding.rule} ${JSON.stringify(finding.labels)}`, () => finding)
          }
          for (const match of correlator.apply(meta, atMs, id, (field) =>
            readField(taxonomy, event as FlatEvent, field),
          ))
            if (isNew)
              tell(
                found,
                match.correlation.meta,
                `${match.correlation.meta.id} ${JSON.stringify(match.group)} ${match.atMs}`,
                () => correlationFinding(match, event as FlatEvent),
              )
        }
      }
      return found
    },
    /** What correlations hold in their windows. */
    snapshot: saveWindows,
    restore: (lines: readonly string[]): void => correlator.restore(lines),
    /** Switched on or off since. */
    async settingsChanged(): Promise<void> {
      off = await deps.disabled()
      await build()
    },
    watch(): void {
      let timer: NodeJS.Timeout | undefined
      const changed = (): void => {
        clearTimeout(timer)
        timer = setTimeout(() => {
          reload().catch((error: unknown) => logger.warn({ err: error }, 'Sigma rules could not be read again'))
        }, quietMs).unref()
      }
      const follow = (path: string, recursive: boolean, isOurs: (name: string | null) => boolean): void => {
        if (!existsSync(path)) return
        const watcher = watch(path, { recursive, persistent: false }, (_, name) => {
          if (isOurs(name)) changed()
        })
        watcher.on('error', () => watcher.close())
        watchers.push(watcher)
      }
      for (const path of [...config.directories, ...(deps.imports ? [deps.imports] : [])])
        follow(path, true, () => true)
      // A file that is replaced by another is seen by its directory only.
      for (const path of [config.taxonomy, config.placeholders])
        if (path !== '') follow(dirname(path), false, (name) => name === null || name === basename(path))
    },
    close(): void {
      closed = true
      for (const watcher of watchers.splice(0)) watcher.close()
    },
    /** In force, for what looks back over history. */
    inForce(): Pick<RuleSet, 'rules' | 'correlations' | 'filters'> {
      const { rules, correlations, filters } = set
      return { rules, correlations, filters }
    },
    get taxonomy() {
      return taxonomy
    },
    placeholders: () => placeholders,
    problems(): readonly SourceProblem[] {
      return set.problems
    },
    rules(): SigmaRuleStatus[] {
      return [...set.rules, ...set.correlations].map((one) => {
        const { meta } = one
        const noisy = noise.get(keyOf(meta))
        return {
          ...{ id: meta.id || meta.name, kind: one.kind, title: meta.title, description: meta.description },
          zh: { title: meta.zh.title, description: meta.zh.description },
          ...{ level: meta.level, status: meta.status, author: meta.author, license: meta.license },
          ...{ link: creditOf(meta).link, tags: meta.tags, file: meta.file, enabled: !off.has(keyOf(meta)) },
          logsource: one.kind === 'rule' ? sourceText(one) : one.type,
          unresolved: one.kind === 'rule' ? one.unresolved : [],
          ...{ matches: noisy?.matches ?? 0, lastMatchMs: noisy?.lastMatchMs ?? null },
        }
      })
    },
    /** Rules whose log source any of these events is of. */
    fedBy(events: Iterable<FlatEvent>): Set<string> {
      const sources = [...new Set([...events].flatMap((event) => taxonomy.sourcesOf(event)))]
      const fed = set.rules.filter(({ logsource }) => applies(logsource, sources))
      return new Set(fed.map(({ meta }) => meta.id || meta.name))
    },
    /** How often rules matched, and of which log sources events were. */
    memory: (): string => JSON.stringify({ noise: [...noise], sources: engine.seen }),
    /** @throws Error on what is no such text */
    async remember(text: string): Promise<void> {
      const read = memorySchema.parse(JSON.parse(text))
      for (const [key, value] of read.noise) noise.set(key, value)
      await engine.warm(read.sources)
    },
  }
}

const part = z.string().nullable()
const memorySchema = z.object({
  noise: z.array(z.tuple([z.string(), z.object({ matches: z.number(), lastMatchMs: z.number() })])),
  sources: z.array(z.array(z.object({ product: part, category: part, service: part })).max(100)).max(1000),
})

function keyOf(meta: RuleMeta): string {
  return `sigma/${meta.id || meta.name || meta.title}`
}

function keyOfRule({ meta }: { meta: RuleMeta }): string {
  return keyOf(meta)
}

function sourceText({ logsource: { product, category, service } }: SigmaRule): string {
  return [product, category, service].filter((part) => part !== null).join('/')
}

function problemOf(path: string, error: unknown): SourceProblem {
  const hint = 'What was read from it before stays in force.'
  if (error instanceof CodedError && error.code === 'rule.invalid') {
    const { file, line, cause } = error.values
    return { file: String(file), line: Number(line), cause: String(cause), hint }
  }
  const { code, message } = error as NodeJS.ErrnoException
  return { file: path, line: 0, cause: code === 'ENOENT' ? 'there is no such file or directory' : message, hint }
}

/** Of a file that cannot be read any more, the rules that were in force stay. */
function keepOld(next: RuleSet, before: RuleSet): void {
  const broken = new Set(next.problems.map(({ file }) => file))
  const known = new Set([...next.rules, ...next.correlations].map(({ meta }) => keyOf(meta)))
  for (const rule of before.rules) if (broken.has(rule.meta.file) && !known.has(keyOf(rule.meta))) next.rules.push(rule)
  for (const one of before.correlations)
    if (broken.has(one.meta.file) && !known.has(keyOf(one.meta))) next.correlations.push(one)
}
