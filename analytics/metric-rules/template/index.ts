// Labels and annotations with Go templates, as Prometheus expands them.
import { CodedError } from '#core/errors.ts'
import type { Labels } from '#core/sample.ts'
import { execute } from './execute.ts'
import { functionNames, templateFunctions } from './functions.ts'
import { parseTemplate, type Template } from './parse.ts'
import { StringMap, Struct, TemplateError, type Value } from './values.ts'

export interface TemplateSample {
  labels: Labels
  value: number
}

export interface ExpandInput {
  labels: Labels
  value: number
  externalLabels: Labels
  externalUrl: string
  nowMs: number
  query(expression: string): Promise<TemplateSample[]>
}

const variables = ['$labels', '$externalLabels', '$externalURL', '$value']
const queriesMax = 50

/** Executed again once the query has been answered: a template itself is synchronous. */
class NeedsQuery extends Error {
  readonly expression: string
  constructor(expression: string) {
    super(expression)
    this.expression = expression
  }
}

export class CompiledTemplate {
  readonly source: string
  readonly #template: Template | undefined

  /** @throws Error with what is wrong */
  constructor(source: string) {
    this.source = source
    this.#template = source.includes('{{') ? parseTemplate(source, functionNames, variables) : undefined
  }

  /** @throws TemplateError, or what a query in it threw */
  async expand(input: ExpandInput): Promise<string> {
    const template = this.#template
    if (!template) return this.source
    const answers = new Map<string, Value>()
    const functions = templateFunctions({
      externalUrl: input.externalUrl,
      nowMs: input.nowMs,
      query: (expression) => {
        const known = answers.get(expression)
        if (known === undefined) throw new NeedsQuery(expression)
        return known
      },
    })
    const labels = new StringMap(Object.entries(input.labels))
    const externalLabels = new StringMap(Object.entries(input.externalLabels))
    const { value, externalUrl } = input
    const dot = new Struct({ Labels: labels, ExternalLabels: externalLabels, ExternalURL: externalUrl, Value: value })
    const given = { $labels: labels, $externalLabels: externalLabels, $externalURL: externalUrl, $value: value }
    for (;;) {
      try {
        return execute(template, dot, given, functions)
      } catch (error) {
        if (!(error instanceof NeedsQuery)) throw error
        if (answers.size >= queriesMax) throw new TemplateError(`more than ${queriesMax} queries`)
        answers.set(error.expression, await answer(error.expression, input))
      }
    }
  }
}

async function answer(expression: string, input: ExpandInput): Promise<Value> {
  try {
    const samples = await input.query(expression)
    return samples.map(
      (sample) => new Struct({ Labels: new StringMap(Object.entries(sample.labels)), Value: sample.value }),
    )
  } catch (error) {
    if (error instanceof CodedError) throw new TemplateError(`error calling query: ${error.message}`)
    throw error
  }
}
