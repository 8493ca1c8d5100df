// Runs a template tree. Bounded in output, in steps and in depth, so that no rule can hold up the others.
import type { TemplateFunction } from './functions.ts'
import type { Node, Operand, Pipe, Template } from './parse.ts'
import { isTrue, StringMap, Struct, TemplateError, textOf, typeName, type Value } from './values.ts'

const outputCharsMax = 256 * 1024
const stepsMax = 100_000
const depthMax = 100

class Leave extends Error {
  readonly how: 'break' | 'continue'
  constructor(how: 'break' | 'continue') {
    super(how)
    this.how = how
  }
}

interface Variable {
  name: string
  value: Value
}

export function execute(
  template: Template,
  dot: Value,
  variables: Record<string, Value>,
  functions: ReadonlyMap<string, TemplateFunction>,
): string {
  let output = ''
  let steps = 0
  let depth = 0
  const scope: Variable[] = [
    { name: '$', value: dot },
    ...Object.entries(variables).map(([name, value]) => ({ name, value })),
  ]

  const write = (text: string): void => {
    output += text
    if (output.length > outputCharsMax)
      throw new TemplateError(`the output is longer than ${outputCharsMax} characters`)
  }
  const step = (): void => {
    if (++steps > stepsMax) throw new TemplateError(`more than ${stepsMax} steps`)
  }
  const variable = (name: string): Variable => {
    const found = scope.findLast((one) => one.name === name)
    if (!found) throw new TemplateError(`undefined variable: ${name}`)
    return found
  }

  const operandValue = (operand: Operand, at: Value): Value => {
    switch (operand.kind) {
      case 'constant':
        return operand.value
      case 'dot':
        return at
      case 'variable':
        return variable(operand.name).value
      case 'pipe':
        return pipeline(operand.pipe, at)
      case 'fields':
        return operand.names.reduce(field, operandValue(operand.of, at))
      case 'function':
        return call(operand.name, [], at)
    }
  }

  const call = (name: string, args: (() => Value)[], _at: Value): Value => {
    step()
    if (name === 'and' || name === 'or') {
      if (args.length === 0) throw new TemplateError(`wrong number of args for ${name}: want at least 1 got 0`)
      let value: Value = null
      for (const arg of args) {
        value = arg()
        if (isTrue(value) === (name === 'or')) return value
      }
      return value
    }
    const fn = functions.get(name)
    if (!fn) throw new TemplateError(`function ${JSON.stringify(name)} not defined`)
    const [min, max] = fn.args
    if (args.length < min || args.length > max)
      throw new TemplateError(
        `wrong number of args for ${name}: want ${max === Number.POSITIVE_INFINITY ? `at least ${min}` : min} got ${args.length}`,
      )
    try {
      return fn.run(...args.map((arg) => arg()))
    } catch (error) {
      if (error instanceof TemplateError && !error.message.startsWith('error calling'))
        throw new TemplateError(`error calling ${name}: ${error.message}`)
      throw error
    }
  }

  const pipeline = (pipe: Pipe, at: Value): Value => {
    step()
    let value: Value = null
    pipe.commands.forEach(([head, ...rest], i) => {
      const args = rest.map((one) => () => operandValue(one, at))
      if (i > 0) {
        const last = value
        args.push(() => last)
      }
      if (head!.kind === 'function') value = call(head!.name, args, at)
      else {
        if (args.length > 0) throw new TemplateError("can't give argument to non-function")
        value = operandValue(head!, at)
      }
    })
    return value
  }

  const assign = (pipe: Pipe, value: Value): void => {
    for (const name of pipe.variables) {
      if (pipe.declares) scope.push({ name, value })
      else variable(name).value = value
    }
  }

  const range = (node: Extract<Node, { kind: 'if' | 'with' | 'range' }>, at: Value): void => {
    const value = pipeline(node.pipe, at)
    const items = itemsOf(value)
    if (items.length === 0) list(node.otherwise, at)
    for (const [key, item] of items) {
      step()
      const known = scope.length
      const { variables: names, declares } = node.pipe
      const values = names.length === 1 ? [item] : [key, item]
      names.forEach((name, i) => {
        if (declares) scope.push({ name, value: values[i] ?? null })
        else variable(name).value = values[i] ?? null
      })
      try {
        list(node.body, item)
      } catch (error) {
        if (!(error instanceof Leave)) throw error
        if (error.how === 'break') return
      } finally {
        scope.length = known
      }
    }
  }

  const list = (nodes: readonly Node[], at: Value): void => {
    for (const node of nodes) one(node, at)
  }

  const one = (node: Node, at: Value): void => {
    step()
    switch (node.kind) {
      case 'text':
        write(node.text)
        return
      case 'action': {
        const value = pipeline(node.pipe, at)
        if (node.pipe.variables.length > 0) assign(node.pipe, value)
        else write(textOf(value))
        return
      }
      case 'break':
      case 'continue':
        throw new Leave(node.kind)
      case 'range':
      case 'if':
      case 'with': {
        const known = scope.length
        try {
          if (node.kind === 'range') {
            range(node, at)
            return
          }
          const value = pipeline(node.pipe, at)
          assign(node.pipe, value)
          if (isTrue(value)) list(node.body, node.kind === 'with' ? value : at)
          else list(node.otherwise, at)
        } finally {
          scope.length = known
        }
        return
      }
      case 'template': {
        const body = template.defined.get(node.name)
        if (!body) throw new TemplateError(`template ${JSON.stringify(node.name)} not defined`)
        if (++depth > depthMax) throw new TemplateError('exceeded maximum template depth')
        const inner = node.pipe ? pipeline(node.pipe, at) : null
        const outer = scope.splice(0, scope.length, { name: '$', value: inner })
        list(body, inner)
        scope.splice(0, scope.length, ...outer)
        depth--
      }
    }
  }

  list(template.body, dot)
  return output
}

function field(value: Value, name: string): Value {
  if (value instanceof StringMap) return value.entries.get(name) ?? ''
  if (value instanceof Struct) {
    if (Object.hasOwn(value.fields, name)) return value.fields[name]!
    throw new TemplateError(`can't evaluate field ${name} in type ${typeName(value)}`)
  }
  if (value === null) throw new TemplateError(`nil data; no entry for key ${JSON.stringify(name)}`)
  throw new TemplateError(`can't evaluate field ${name} in type ${typeName(value)}`)
}

function itemsOf(value: Value): [Value, Value][] {
  if (Array.isArray(value)) return value.map((item, i) => [BigInt(i), item])
  if (value instanceof StringMap) return [...value.entries].sort(([a], [b]) => (a < b ? -1 : 1))
  if (typeof value === 'bigint') {
    if (value > BigInt(stepsMax)) throw new TemplateError(`more than ${stepsMax} steps`)
    return Array.from({ length: Number(value) }, (_, i) => [BigInt(i), BigInt(i)])
  }
  if (value === null) return []
  throw new TemplateError(`range can't iterate over ${textOf(value)}`)
}
