// Prometheus's rule files, read with file and line: groups of recording and alerting rules.
// https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
import { z } from 'zod'
import { parseDuration } from '#core/duration.ts'
import { CodedError } from '#core/errors.ts'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import { type ParseOptions, parseQuery } from '#stores/metrics/promql/index.ts'
import { CompiledTemplate } from './template/index.ts'

/** Read as Go does: what is no text is as it was written, and nothing is an empty text. */
export const scalarText = z.union([z.string(), z.null()]).transform((value) => value ?? '')

export const promDuration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'not a valid duration string, such as 30s, 5m or 1h30m')
  .transform((text) => parseDuration(text)!)

const whole = z
  .string()
  .regex(/^[-+]?\d+$/, 'not a whole number')
  .transform(Number)

const texts = z.union([z.record(z.string(), scalarText), z.null().transform(() => ({}))])

const ruleSchema = z.strictObject({
  record: scalarText.optional(),
  alert: scalarText.optional(),
  expr: scalarText,
  for: promDuration.optional(),
  keep_firing_for: promDuration.optional(),
  labels: texts.optional(),
  annotations: texts.optional(),
})

const groupSchema = z.strictObject({
  name: scalarText,
  interval: promDuration.optional(),
  query_offset: promDuration.optional(),
  limit: whole.optional(),
  labels: texts.optional(),
  rules: z.union([z.array(ruleSchema), z.null().transform(() => [])]).default([]),
})

const fileSchema = z.union([
  z.strictObject({ groups: z.union([z.array(groupSchema), z.null().transform(() => [])]).default([]) }),
  z.null().transform(() => ({ groups: [] })),
])

export interface MetricRule {
  kind: 'alert' | 'record'
  name: string
  expr: string
  forMs: number
  keepFiringForMs: number
  labels: Record<string, string>
  annotations: Record<string, string>
  labelTemplates: [string, CompiledTemplate][]
  annotationTemplates: [string, CompiledTemplate][]
  file: string
  line: number
}

export interface RuleGroup {
  name: string
  file: string
  intervalMs: number
  queryOffsetMs: number
  /** 0: none. */
  limit: number
  rules: MetricRule[]
}

export interface RuleFileResult {
  groups: RuleGroup[]
  problems: SourceProblem[]
}

export interface RuleFileDefaults {
  intervalMs: number
  queryOffsetMs?: number
  /** What expressions may use; everything unless said. */
  promql?: ParseOptions
}

export function readRuleFile(file: string, text: string, defaults: RuleFileDefaults): RuleFileResult {
  const source = readYaml(file, text, fileSchema, 8 * 1024 * 1024, 'go')
  const problems = [...source.problems]
  const problem = (path: readonly PropertyKey[], cause: string, hint = ''): void =>
    void problems.push({ file, line: source.lineOf(path), cause, hint })
  const seen = new Set<string>()
  const groups = (source.value?.groups ?? []).map((group, g): RuleGroup => {
    const at = ['groups', g] as const
    if (group.name === '') problem(at, 'Groupname must not be empty')
    if (seen.has(group.name)) problem([...at, 'name'], `groupname: "${group.name}" is repeated in the same file`)
    seen.add(group.name)
    for (const [name] of Object.entries(group.labels ?? {}))
      checkLabelName(name, (cause) => problem([...at, 'labels', name], cause))
    return {
      ...{ name: group.name, file },
      intervalMs: group.interval || defaults.intervalMs,
      queryOffsetMs: group.query_offset ?? defaults.queryOffsetMs ?? 0,
      limit: group.limit ?? 0,
      rules: group.rules.map((rule, r) => {
        const path = [...at, 'rules', r] as const
        return compiled(
          rule,
          group.labels ?? {},
          { file, line: source.lineOf(path), promql: defaults.promql },
          (key, cause, hint) => problem(key === '' ? path : [...path, ...key.split('\0')], cause, hint),
        )
      }),
    }
  })
  return { groups, problems }
}

type Tell = (key: string, cause: string, hint?: string) => void

function compiled(
  rule: z.output<typeof ruleSchema>,
  groupLabels: Record<string, string>,
  { file, line, promql }: { file: string; line: number; promql: ParseOptions | undefined },
  tell: Tell,
): MetricRule {
  const { record = '', alert = '', expr } = rule
  const kind = alert !== '' ? 'alert' : 'record'
  if (record !== '' && alert !== '') tell('record', 'only one of "record" and "alert" must be set')
  if (record === '' && alert === '') tell('', 'one of "record" or "alert" must be set')
  if (expr === '') tell('expr', 'field "expr" must be set in rule')
  else
    try {
      parseQuery(expr, promql)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      tell('expr', `could not parse expression: ${error.message}`, error.hint)
    }
  if (kind === 'record') {
    if (Object.keys(rule.annotations ?? {}).length > 0)
      tell('annotations', 'invalid field "annotations" in recording rule')
    if (rule.for) tell('for', 'invalid field "for" in recording rule')
    if (rule.keep_firing_for) tell('keep_firing_for', 'invalid field "keep_firing_for" in recording rule')
    // Any text names a series; an expression in the wrong place is the common mistake.
    if (/[{}]/.test(record))
      tell('record', `braces present in the recording rule name; should it be in expr?: ${record}`)
  }
  for (const name of Object.keys(rule.labels ?? {})) checkLabelName(name, (cause) => tell(`labels\0${name}`, cause))
  for (const name of Object.keys(rule.annotations ?? {}))
    if (name === '') tell(`annotations\0${name}`, `invalid annotation name: ${name}`)
  const labels = { ...groupLabels, ...rule.labels }
  const annotations = { ...rule.annotations }
  const templates = (which: 'labels' | 'annotations', all: Record<string, string>): [string, CompiledTemplate][] =>
    kind === 'record'
      ? []
      : Object.entries(all).flatMap(([name, text]): [string, CompiledTemplate][] => {
          try {
            return [[name, new CompiledTemplate(text)]]
          } catch (error) {
            tell(
              `${which}\0${name}`,
              `${which === 'labels' ? 'label' : 'annotation'} "${name}": template: ${(error as Error).message}`,
            )
            return []
          }
        })
  return {
    ...{ kind, expr, labels, annotations, file, line },
    name: kind === 'alert' ? alert : record,
    forMs: rule.for ?? 0,
    keepFiringForMs: rule.keep_firing_for ?? 0,
    labelTemplates: templates('labels', labels),
    annotationTemplates: templates('annotations', annotations),
  }
}

function checkLabelName(name: string, tell: (cause: string) => void): void {
  if (name === '__name__' || name === '') tell(`invalid label name: ${name}`)
}
