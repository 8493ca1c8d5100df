import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { formatProblem } from '#core/yaml-source.ts'
import type { LogSource } from '#security/sigma/1-parse/ast.ts'
import { Correlator } from '#security/sigma/3-evaluate/correlate.ts'
import { SigmaEngine } from '#security/sigma/3-evaluate/engine.ts'
import { creditOf } from '#security/sigma/finding.ts'
import { lift } from '#security/sigma/lift.ts'
import { detectionRuleLicense, loadRules, type RuleSet } from '#security/sigma/load.ts'
import { readPlaceholders } from '#security/sigma/placeholders.ts'
import { unmetReferences } from '#security/sigma/references.ts'
import { type FlatEvent, loadTaxonomy } from '#security/sigma/taxonomy.ts'
import { findRules } from '../config.ts'
import { type Command, type CommandInput, misuse } from './command.ts'
import { huntHistory } from './sigma-hunt.ts'
import { importPack } from './sigma-import.ts'
import { listRules } from './sigma-list.ts'

export const sigma: Command = {
  usage:
    'guanlan sigma check DIR… | sigma eval --rules DIR|ARCHIVE --events FILE.jsonl[.gz]|- [--product P] [--category C] [--service S] [--no-routing true] [--placeholders FILE] [--taxonomy FILE] | sigma hunt --rules FILE|DIR|ARCHIVE or --rule ID… [--from 7d] [--to TIME] [--matches 1000] [--narrow false] [--url http://127.0.0.1:7700] | sigma import DIR|ARCHIVE [--apply] [--config FILE] | sigma list [--noisy] [--url URL]',
  describe:
    "Reads Sigma rules and names each problem with file and line; runs them over events, or over a server's stored history, a JSON line per match; takes SigmaHQ's pack into the data directory; lists the rules in force. The token is read from GUANLAN_TOKEN",
  options: [
    ...['rules', 'events', 'product', 'category', 'service', 'no-routing', 'placeholders', 'taxonomy'],
    ...['from', 'to', 'matches', 'narrow', 'url', 'config'],
  ],
  lists: ['rule'],
  flags: ['apply', 'noisy'],
  run(input) {
    const [verb, ...paths] = input.positionals
    if (verb === 'check' && paths.length > 0) return check(paths, input)
    if (verb === 'eval' && typeof input.options['rules'] === 'string' && typeof input.options['events'] === 'string')
      return evaluate(input)
    if (verb === 'hunt' && (typeof input.options['rules'] === 'string' || (input.lists['rule'] ?? []).length > 0))
      return huntHistory(input)
    if (verb === 'import' && paths[0] !== undefined) return importPack(paths[0], input)
    if (verb === 'list') return listRules(input)
    return Promise.resolve(misuse(this))
  },
}

async function check(paths: readonly string[], { options, json }: CommandInput): Promise<number> {
  let failed = false
  for (const path of paths) {
    const set = await loadRules(path, readOptions(options))
    const taxonomy = taxonomyOf(options)
    // Compiled too: what cannot be compiled would fail at the first event.
    const engine = new SigmaEngine(set.rules, set.filters, { taxonomy, routing: false })
    engine.match({})
    set.problems.push(...unmetReferences(set))
    if (set.files === 0) set.problems.push({ file: path, line: 0, cause: 'no file ends in .yml or .yaml', hint: '' })
    const waiting = set.rules.filter(({ unresolved }) => unresolved.length > 0)
    failed ||= set.problems.length > 0
    if (json) {
      const { rules, correlations, filters, files, problems } = set
      const counts = { rules: rules.length, correlations: correlations.length, filters: filters.length, files }
      const unresolved = waiting.map(({ meta, unresolved: names }) => ({
        file: meta.file,
        id: meta.id,
        placeholders: names,
      }))
      console.log(JSON.stringify({ path, ...counts, problems, unresolved }))
      continue
    }
    for (const problem of set.problems) console.log(formatProblem(problem))
    for (const { meta, unresolved } of waiting)
      console.log(
        `${meta.file}: matches nothing until ${unresolved.map((name) => `%${name}%`).join(', ')} has values (--placeholders)`,
      )
    console.log(summary(path, set))
  }
  return failed ? 1 : 0
}

function summary(path: string, { files, rules, correlations, filters, problems }: RuleSet): string {
  const parts = [`${rules.length} rules`, `${correlations.length} correlations`, `${filters.length} filters`]
  return `${path}: ${files} files, ${parts.join(', ')}: ${problems.length === 0 ? 'all good' : `${problems.length} problems`}`
}

async function evaluate({ options }: CommandInput): Promise<number> {
  const path = String(options['rules'])
  const set = await loadRules(path, readOptions(options))
  for (const problem of set.problems) console.error(formatProblem(problem))
  const taxonomy = taxonomyOf(options)
  const routing = options['no-routing'] === undefined || options['no-routing'] === 'false'
  const engine = new SigmaEngine(set.rules, set.filters, { taxonomy, routing })
  const correlator = new Correlator(set.correlations, set.rules)
  const given = sourceOf(options)
  const counts = { events: 0, unreadable: 0, matches: 0 }
  let line = 0
  const print = (found: object): void => {
    counts.matches++
    console.log(JSON.stringify(found))
  }
  for await (const text of createInterface({ input: inputOf(String(options['events'])) })) {
    line++
    if (text.trim() === '') continue
    let event: FlatEvent
    try {
      event = lift(JSON.parse(text))
    } catch {
      counts.unreadable++
      continue
    }
    counts.events++
    for (const rule of engine.match(event, given)) {
      if (!correlator.isPart(rule.meta)) print({ line, ...creditOf(rule.meta) })
      const atMs = timeOf(event)
      for (const match of correlator.apply(rule.meta, atMs, String(line), (field) => event[field]))
        print({
          ...{ line, ...creditOf(match.correlation.meta), type: match.correlation.type, group: match.group },
          ...{ value: match.value, lines: match.eventIds.map(Number) },
        })
    }
  }
  console.error(
    `${counts.matches} matches in ${counts.events} events (${counts.unreadable} unreadable), ${set.rules.length} rules, ${set.problems.length} problems`,
  )
  return set.problems.length > 0 ? 1 : 0
}

function inputOf(path: string): NodeJS.ReadableStream {
  if (path === '-') return process.stdin
  const file = createReadStream(path)
  return path.endsWith('.gz') ? file.pipe(createGunzip()) : file
}

/** Given by hand, it is the log source of every event. */
function sourceOf(options: CommandInput['options']): LogSource[] | undefined {
  const of = (name: string): string | null => (typeof options[name] === 'string' ? options[name].toLowerCase() : null)
  const source = { product: of('product'), category: of('category'), service: of('service') }
  return Object.values(source).every((part) => part === null) ? undefined : [source]
}

const timeFields = [
  '@timestamp',
  'TimeCreated',
  'TimeCreated_SystemTime',
  'UtcTime',
  'eventTime',
  'timestamp',
  'ts',
] as const

function timeOf(event: FlatEvent): number {
  for (const field of timeFields) {
    const value = event[field]
    if (typeof value === 'number') return value < 1e11 ? value * 1000 : value
    const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
    if (!Number.isNaN(ms)) return ms
  }
  return 0
}

function readOptions(options: CommandInput['options']) {
  const path = options['placeholders']
  return { placeholders: readPlaceholders(typeof path === 'string' ? path : undefined), license: detectionRuleLicense }
}

function taxonomyOf(options: CommandInput['options']) {
  const path = options['taxonomy']
  return loadTaxonomy(typeof path === 'string' ? path : findRules('rules/taxonomy/sigma.yml'))
}
