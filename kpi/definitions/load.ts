// Definitions from files, each with its plan; what is wrong is said with file and line.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { formatProblem, readYaml, type SourceProblem, suggest, type YamlSource } from '#core/yaml-source.ts'
import { isCaseField } from '../cases/case-fields.ts'
import { type Definition, definitionSchema } from './definition.ts'
import { compareText } from './order.ts'
import { type Plan, planOf } from './plan.ts'

export interface LoadedDefinition {
  plan: Plan
  file: string
  source: YamlSource<Definition>
}

export interface LoadedDefinitions {
  byId: Map<string, LoadedDefinition>
  problems: SourceProblem[]
  files: number
}

export function loadDefinitions(directory: string): LoadedDefinitions {
  const byId = new Map<string, LoadedDefinition>()
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
    const before = byId.get(id)
    if (before)
      problems.push({
        file,
        line: loaded.definition.source.lineOf(['id']),
        cause: `the id ${id} is that of ${before.file}`,
        hint: '',
      })
    else byId.set(id, loaded.definition)
  }
  return { byId, problems, files }
}

export function readDefinition(file: string): { definition?: LoadedDefinition; problems: SourceProblem[] } {
  const source = readYaml(file, readFileSync(file, 'utf8'), definitionSchema)
  if (!source.value) return { problems: source.problems }
  const problems = inspect(source.value, file, source)
  if (problems.length > 0) return { problems }
  return { definition: { plan: planOf(source.value), file, source }, problems: [] }
}

/** By id in a directory, or a file of its own. @throws CodedError `not-found` or `kpi.definition` */
export function findDefinition(directory: string, wanted: string): LoadedDefinition {
  if (/\.ya?ml$/.test(wanted) && statSync(wanted, { throwIfNoEntry: false })?.isFile()) {
    const { definition, problems } = readDefinition(wanted)
    if (definition) return definition
    const [problem] = problems
    throw new CodedError('kpi.definition', { kpi: wanted, cause: formatProblem(problem!), hint: problem!.hint })
  }
  const { byId } = loadDefinitions(directory)
  const found = byId.get(wanted)
  if (found) return found
  throw new CodedError('not-found', {
    what: `The KPI ${wanted.slice(0, 64)}. ${suggest(wanted, byId.keys()) || `There are: ${[...byId.keys()].join(', ')}`}.`,
  })
}

/** What the schema cannot see: names that refer to nothing, filters and sums that cannot be read. */
function inspect(definition: Definition, file: string, source: YamlSource<Definition>): SourceProblem[] {
  const problems: SourceProblem[] = []
  const say = (path: PropertyKey[], cause: string, hint = ''): void => {
    problems.push({ file, line: source.lineOf(path), cause, hint })
  }
  for (const [name, { default: chosen, options }] of Object.entries(definition.switches))
    if (!Object.hasOwn(options, chosen))
      say(
        ['switches', name, 'default'],
        `switch ${name} has no option "${chosen}"`,
        suggest(chosen, Object.keys(options)),
      )
  definition.tests.forEach(({ switches }, i) => {
    for (const [name, option] of Object.entries(switches)) {
      if (!Object.hasOwn(definition.switches, name))
        say(
          ['tests', i, 'switches', name],
          `there is no switch "${name}"`,
          suggest(name, Object.keys(definition.switches)),
        )
      else if (!Object.hasOwn(definition.switches[name]!.options, option))
        say(
          ['tests', i, 'switches', name],
          `switch ${name} has no option "${option}"`,
          suggest(option, Object.keys(definition.switches[name]!.options)),
        )
    }
  })
  for (const [i, target] of definition.targets.entries())
    for (const key of ['value', 'near'] as const)
      if (target[key] !== undefined && /\/0+$/.test(target[key])) say(['targets', i, key], 'it divides by zero')
  try {
    const { fields } = planOf(definition)
    if (definition.fact === 'case')
      for (const field of fields)
        if (!isCaseField(field))
          say(
            lineWith(definition, field),
            `a case has no field "${field}"`,
            'See docs/kpi/fields.md; what a mapping adds is extra.<name>.',
          )
  } catch (error) {
    const what = error instanceof CodedError ? `${error.message}. ${error.hint}` : (error as Error).message
    say([], what)
  }
  return problems
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
