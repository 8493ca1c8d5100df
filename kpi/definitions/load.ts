// Definitions from files, each with its plan; what is wrong is said with file and line.
import { isUtf8 } from 'node:buffer'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalJson } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { formatProblem, readYaml, type SourceProblem, suggest, type YamlSource } from '#core/yaml-source.ts'
import { channels, outcomes } from '#stores/cases/case.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import { caseFieldNames, isCaseField } from '../cases/case-fields.ts'
import { compare, parseRational } from '../rational.ts'
import { zoneOf } from '../time/zone.ts'
import { compileArithmetic, isNothing } from './arithmetic.ts'
import { type Definition, definitionSchema, type Patch } from './definition.ts'
import { compareText } from './order.ts'
import { fieldsOf, type Plan, planOf, valuesOf } from './plan.ts'

export interface LoadedDefinition {
  plan: Plan
  file: string
  source: YamlSource<Definition>
}

export interface LoadedDefinitions {
  /** The newest version of each. */
  byId: Map<string, LoadedDefinition>
  /** All versions of each, by when they come into force. */
  versions: Map<string, LoadedDefinition[]>
  problems: SourceProblem[]
  files: number
}

export function loadDefinitions(directory: string): LoadedDefinitions {
  const versions = new Map<string, LoadedDefinition[]>()
  const problems: SourceProblem[] = []
  let files = 0
  const names = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map(({ name }) => name)
  for (const name of names.sort(compareText)) {
    files++
    const file = join(directory, name)
    const loaded = readDefinition(file)
    problems.push(...loaded.problems)
    if (!loaded.definition) continue
    const { id } = loaded.definition.plan.definition
    versions.set(id, [...(versions.get(id) ?? []), loaded.definition])
  }
  for (const [id, all] of versions) {
    const { sound, problems: found } = inSequence(all)
    problems.push(...found)
    versions.set(id, sound)
  }
  const byId = new Map([...versions].map(([id, all]) => [id, all.at(-1)!]))
  return { byId, versions, problems, files }
}

export function readDefinition(file: string): { definition?: LoadedDefinition; problems: SourceProblem[] } {
  const bytes = readFileSync(file)
  if (!isUtf8(bytes))
    return {
      problems: [{ file, line: 1, cause: 'it is not UTF-8 text', hint: 'Save it as UTF-8: names would be lost.' }],
    }
  const source = readYaml(file, bytes.toString('utf8'), definitionSchema)
  if (!source.value) return { problems: source.problems }
  const problems = inspect(source.value, file, source)
  if (problems.length > 0) return { problems }
  return { definition: { plan: planOf(source.value), file, source }, problems: [] }
}

/** The newest version. @throws CodedError `not-found` or `kpi.definition` */
export function findDefinition(directory: string, wanted: string): LoadedDefinition {
  return findVersions(directory, wanted).at(-1)!
}

/**
 * All versions of an id in a directory, by when they come into force; of `id@1.0.0` that one, of a file what is in it.
 * @throws CodedError `not-found` or `kpi.definition`
 */
export function findVersions(directory: string, wanted: string): LoadedDefinition[] {
  if (/\.ya?ml$/.test(wanted) && statSync(wanted, { throwIfNoEntry: false })?.isFile()) {
    const { definition, problems } = readDefinition(wanted)
    if (definition) return [definition]
    const [problem] = problems
    throw new CodedError('kpi.definition', { kpi: wanted, cause: formatProblem(problem!), hint: problem!.hint })
  }
  const { byId, versions, problems } = loadDefinitions(directory)
  const [id = '', version] = wanted.split('@')
  const broken = problems.find(({ file }) =>
    new RegExp(`^id: *${id.replace(/\W/g, '\\$&')} *$`, 'm').test(readFileSync(file, 'utf8')),
  )
  if (broken) throw new CodedError('kpi.definition', { kpi: wanted, cause: formatProblem(broken), hint: broken.hint })
  const found = versions.get(id)
  if (found && version === undefined) return found
  const one = found?.filter(({ plan }) => plan.definition.version === version) ?? []
  if (one.length > 0) return one
  if (found)
    throw new CodedError('not-found', {
      what: `Version ${version!.slice(0, 20)} of the KPI ${id} (there are ${found.map(({ plan }) => plan.definition.version).join(', ')})`,
    })
  throw new CodedError('not-found', {
    what: `The KPI ${wanted.slice(0, 64)}. ${suggest(wanted, byId.keys()) || `There are: ${[...byId.keys()].join(', ')}`}.`,
  })
}

/** Versions of one id: numbered apart, of the same kind of fact, and never two in force on one day. */
function inSequence(all: readonly LoadedDefinition[]): { sound: LoadedDefinition[]; problems: SourceProblem[] } {
  const problems: SourceProblem[] = []
  const sound: LoadedDefinition[] = []
  const from = ({ plan }: LoadedDefinition): string => plan.definition.valid.from
  for (const one of [...all].sort((a, b) => compareText(from(a), from(b)))) {
    const { id, version, valid, fact, zone } = one.plan.definition
    const say = (path: PropertyKey[], cause: string, hint: string): void => {
      problems.push({ file: one.file, line: one.source.lineOf(path), cause, hint })
    }
    const before = sound.at(-1)
    const twin = sound.find(({ plan }) => plan.definition.version === version)
    if (twin) {
      say(['version'], `version ${version} of ${id} is that of ${twin.file}`, 'Another version has another number.')
      continue
    }
    if (before) {
      const { valid: earlier, version: number, fact: kind, zone: place } = before.plan.definition
      if (earlier.to === undefined || earlier.to > valid.from) {
        const until = earlier.to === undefined ? 'without end' : `until ${earlier.to}`
        say(
          ['valid', 'from'],
          `${id} ${version} comes into force on ${valid.from}, when ${number} (${before.file}) is in force ${until}`,
          earlier.from === valid.from
            ? 'One of them begins later.'
            : `Write valid: { from: ${earlier.from}, to: ${valid.from} } in ${before.file}.`,
        )
        continue
      }
      if (kind !== fact || place !== zone) {
        const name = kind === fact ? 'zone' : 'fact'
        const hint = 'What is counted, and by which clock, stays the same: give it another id.'
        say([name], `${id} ${number} has ${name}: ${kind === fact ? place : kind}`, hint)
        continue
      }
    }
    sound.push(one)
  }
  return { sound, problems }
}

/** What the schema cannot see: names that refer to nothing, filters and sums that cannot be read. */
function inspect(definition: Definition, file: string, source: YamlSource<Definition>): SourceProblem[] {
  const problems: SourceProblem[] = []
  const say: Say = (path, cause, hint = '') => {
    problems.push({ file, line: source.lineOf(path), cause, hint })
  }
  for (const [name, { default: chosen, options }] of Object.entries(definition.switches))
    if (!Object.hasOwn(options, chosen))
      say(
        ['switches', name, 'default'],
        `switch ${name} has no option "${chosen}"`,
        suggest(chosen, Object.keys(options)),
      )
  const mustBe = (name: string, option: string, path: PropertyKey[]): void => {
    const known = Object.hasOwn(definition.switches, name) ? definition.switches[name]!.options : undefined
    if (!known) say(path, `there is no switch "${name}"`, suggest(name, Object.keys(definition.switches)))
    else if (!Object.hasOwn(known, option))
      say(path, `switch ${name} has no option "${option}"`, suggest(option, Object.keys(known)))
  }
  definition.tests.forEach(({ switches }, i) => {
    for (const [name, option] of Object.entries(switches)) mustBe(name, option, ['tests', i, 'switches', name])
  })
  for (const [name, { options }] of Object.entries(definition.switches))
    for (const [option, { with: others }] of Object.entries(options))
      for (const [other, patches] of Object.entries(others))
        for (const chosen of Object.keys(patches))
          mustBe(other, chosen, ['switches', name, 'options', option, 'with', other, chosen])
  if (!isZone(definition.zone))
    say(['zone'], `"${definition.zone.slice(0, 60)}" is no time zone`, 'Write Asia/Shanghai.')
  inspectTimes(definition, say)
  inspectTargets(definition, say)
  try {
    const { fields, measures } = planOf(definition)
    const isNamed = (name: string): boolean => definition.fact !== 'case' || isCaseField(name)
    const noField = (name: string): [string, string] => [
      `a case has no field "${name}"`,
      suggest(name, caseFieldNames) || 'See docs/kpi/fields.md; what a mapping adds is extra.<name>.',
    ]
    for (const field of fields) if (!isNamed(field)) say(lineWith(definition, field), ...noField(field))
    for (const [i, name] of definition.dimensions.entries())
      if (!isNamed(name)) say(['dimensions', i], ...noField(name))
    if (definition.over !== undefined && !isNamed(definition.over)) say(['over'], ...noField(definition.over))
    for (const { text, measure } of measures)
      if (text !== '' && text === definition.denominator.sum && isNothing(measure.evaluate))
        say(['denominator', 'sum'], 'it divides by zero')
    eachPatch(definition, ({ over, denominator }, path) => {
      if (over !== undefined && !isNamed(over)) say([...path, 'over'], ...noField(over))
      const below = measures.find(({ text }) => text !== '' && text === denominator?.sum)
      if (below && isNothing(below.measure.evaluate)) say([...path, 'denominator', 'sum'], 'it divides by zero')
    })
    if (definition.fact === 'case') inspectWords(definition, say)
  } catch (error) {
    const what = error instanceof CodedError ? `${error.message}. ${error.hint}` : (error as Error).message
    say(lineOfFault(definition), what)
  }
  return problems
}

type Say = (path: PropertyKey[], cause: string, hint?: string) => void

function isZone(name: string): boolean {
  try {
    zoneOf(name)
    return true
  } catch {
    return false
  }
}

const endHint = '`to` is the first day that it does not hold any more: later than `from`.'

function inspectTimes({ valid, targets }: Definition, say: Say): void {
  if (valid.to !== undefined && valid.to <= valid.from) say(['valid', 'to'], 'it ends before it begins', endHint)
  targets.forEach(({ from, to }, i) => {
    if (from !== undefined && to !== undefined && to <= from)
      say(['targets', i, 'to'], 'it ends before it begins', endHint)
  })
}

const ratioHint = 'Write a share such as 80%, 4/5 or 0.8.'

/** A target divides by nothing, what is near lies before it, and no two are for the same cells at the same time. */
function inspectTargets({ targets, direction }: Definition, say: Say): void {
  targets.forEach(({ value, near, where, from = '', to = '9999' }, i) => {
    const [wanted, from_] = [value, near].map((text) => (text === undefined ? undefined : parseRational(text)))
    if (value !== undefined && !wanted) say(['targets', i, 'value'], 'it divides by zero', ratioHint)
    if (near !== undefined && !from_) say(['targets', i, 'near'], 'it divides by zero', ratioHint)
    if (near !== undefined && value === undefined)
      say(['targets', i, 'near'], 'near what? There is no value', 'Give `value`, or leave `near` out.')
    if (wanted && from_ && compare(from_, wanted) * (direction === 'up' ? 1 : -1) > 0)
      say(
        ['targets', i, 'near'],
        `what is near lies beyond the target, of which ${direction} is better`,
        `Give one ${direction === 'up' ? 'below' : 'above'} ${value}, or turn \`direction\` round.`,
      )
    const same = targets.findIndex(
      (other, j) =>
        j < i &&
        canonicalJson(other.where) === canonicalJson(where) &&
        (other.from ?? '') < to &&
        from < (other.to ?? '9999'),
    )
    if (same >= 0)
      say(
        ['targets', i],
        `it is for the same cells and days as target ${same + 1}`,
        'Tell them apart by `where`, or by days: `from` and `to`.',
      )
  })
}

/** Words that a field of a case can never hold. */
function inspectWords(definition: Definition, say: Say): void {
  const words: Record<string, readonly string[]> = {
    ...{ channel: channels, channels, outcome: outcomes, state: ['open', 'closed'] },
  }
  eachFilter(definition, (text, path) => {
    for (const { field, value } of valuesOf(text)) {
      const known = Object.hasOwn(words, field) ? words[field]! : undefined
      if (known && !known.includes(value))
        say(path, `${field} is never "${value}"`, suggest(value, known) || `It is one of ${known.join(', ')}.`)
    }
  })
}

function eachPatch(definition: Definition, take: (patch: Patch, path: PropertyKey[]) => void): void {
  take(definition, [])
  for (const [name, { options }] of Object.entries(definition.switches))
    for (const [option, patch] of Object.entries(options)) {
      const path = ['switches', name, 'options', option]
      take(patch, path)
      for (const [other, patches] of Object.entries(patch.with))
        for (const [chosen, more] of Object.entries(patches)) take(more, [...path, 'with', other, chosen])
    }
}

function eachFilter(definition: Definition, take: (text: string, path: PropertyKey[]) => void): void {
  if (definition.population !== undefined) take(definition.population, ['population'])
  eachPatch(definition, (patch, path) => {
    for (const key of ['require', 'allow', 'numeratorAnd', 'numeratorOr', 'denominatorAnd'] as const)
      if (patch[key] !== undefined) take(patch[key], [...path, key])
    for (const key of ['numerator', 'denominator'] as const)
      if (patch[key]?.where !== undefined) take(patch[key].where, [...path, key, 'where'])
    for (const key of ['exclude', 'credit'] as const)
      for (const [i, { where }] of patch[key]?.entries() ?? []) take(where, [...path, key, i, 'where'])
  })
}

/** The first filter or sum that cannot be read. */
function lineOfFault(definition: Definition): PropertyKey[] {
  let found: PropertyKey[] | undefined
  const attempt = (work: () => unknown, path: PropertyKey[]): void => {
    try {
      work()
    } catch {
      found ??= path
    }
  }
  eachFilter(definition, (text, path) => attempt(() => [fieldsOf(text), compileKql(text)], path))
  eachPatch(definition, ({ numerator, denominator }, path) => {
    for (const [key, line] of Object.entries({ numerator, denominator }))
      if (line?.sum !== undefined) attempt(() => compileArithmetic(line.sum!), [...path, key, 'sum'])
  })
  return found ?? []
}

/** Where a field is named, as far as it can be told. */
function lineWith(definition: Definition, field: string): PropertyKey[] {
  for (const key of ['population', 'numerator', 'denominator', 'exclude', 'credit'] as const)
    if (JSON.stringify(definition[key] ?? '').includes(field)) return [key]
  for (const [name, { options }] of Object.entries(definition.switches))
    for (const [option, patch] of Object.entries(options))
      if (JSON.stringify(patch).includes(field)) return ['switches', name, 'options', option]
  return []
}
