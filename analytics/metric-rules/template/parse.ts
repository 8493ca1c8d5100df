// Tokens to a tree. Every function that is named must exist: that is said when the rule is loaded, not when it fires.
import { unquote } from '#stores/metrics/promql/strings.ts'
import { lex, type Token } from './lex.ts'
import { TemplateError, type Value } from './values.ts'

export type Operand =
  | { kind: 'constant'; value: Value }
  | { kind: 'dot' }
  | { kind: 'function'; name: string }
  | { kind: 'variable'; name: string }
  | { kind: 'fields'; of: Operand; names: string[] }
  | { kind: 'pipe'; pipe: Pipe }

export interface Pipe {
  variables: string[]
  declares: boolean
  commands: Operand[][]
}

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'action'; pipe: Pipe }
  | { kind: 'if' | 'with' | 'range'; pipe: Pipe; body: Node[]; otherwise: Node[] }
  | { kind: 'template'; name: string; pipe: Pipe | undefined }
  | { kind: 'break' | 'continue' }

export interface Template {
  body: Node[]
  defined: Map<string, Node[]>
}

const depthMax = 100

export function parseTemplate(
  source: string,
  functions: { has(name: string): boolean },
  variables: readonly string[],
): Template {
  const tokens = lex(source)
  const defined = new Map<string, Node[]>()
  const scope: string[] = ['$', ...variables]
  let at = 0
  let depth = 0
  let loops = 0
  const fail = (cause: string): never => {
    throw new TemplateError(cause)
  }
  const next = (): Token => tokens[at++] ?? fail('unexpected EOF')
  const textAt = (): string => {
    const token = tokens[at]
    return token && 'text' in token && token.kind !== 'text' && token.kind !== 'string' ? token.text : ''
  }
  const isClose = (): boolean => tokens[at]?.kind === 'close'

  const operand = (): Operand | undefined => {
    const token = tokens[at]
    if (!token || token.kind === 'close' || token.kind === 'open' || token.kind === 'text') return undefined
    let found: Operand
    switch (token.kind) {
      case 'word':
        at++
        if (token.text === 'true' || token.text === 'false') found = { kind: 'constant', value: token.text === 'true' }
        else if (token.text === 'nil') found = { kind: 'constant', value: null }
        else {
          if (!functions.has(token.text)) fail(`function ${JSON.stringify(token.text)} not defined`)
          found = { kind: 'function', name: token.text }
        }
        break
      case 'variable':
        at++
        if (!scope.includes(token.text)) fail(`undefined variable ${JSON.stringify(token.text)}`)
        found = { kind: 'variable', name: token.text }
        break
      case 'string':
        at++
        found = { kind: 'constant', value: unquote(token.text) }
        break
      case 'char':
        at++
        found = {
          kind: 'constant',
          value: BigInt(unquote(`"${token.text.slice(1, -1).replaceAll('"', '\\"')}"`).codePointAt(0) ?? 0),
        }
        break
      case 'number':
        at++
        found = { kind: 'constant', value: numberOf(token.text) }
        break
      case 'field':
        found = { kind: 'dot' }
        break
      default:
        if (token.text === '.') {
          at++
          found = { kind: 'dot' }
        } else if (token.text === '(') {
          at++
          found = { kind: 'pipe', pipe: pipeline() }
          if (textAt() !== ')') fail('unclosed left paren')
          at++
        } else return undefined
    }
    const names: string[] = []
    for (
      let one = tokens[at];
      one?.kind === 'field' && (!one.spaced || (found.kind === 'dot' && names.length === 0 && token.kind === 'field'));
      one = tokens[at]
    ) {
      names.push(one.text.slice(1))
      at++
    }
    return names.length > 0 ? { kind: 'fields', of: found, names } : found
  }

  const pipeline = (): Pipe => {
    if (++depth > depthMax) fail('the expression is nested too deeply')
    const pipe: Pipe = { variables: [], declares: false, commands: [] }
    const start = at
    const names: string[] = []
    while (tokens[at]?.kind === 'variable') {
      names.push(textAt())
      at++
      if (textAt() !== ',') break
      at++
      if (tokens[at]?.kind !== 'variable') fail('a variable is expected after the comma')
    }
    if (names.length > 0 && (textAt() === ':=' || textAt() === '=')) {
      pipe.declares = textAt() === ':='
      for (const name of names)
        if (!pipe.declares && !scope.includes(name)) fail(`undefined variable ${JSON.stringify(name)}`)
      pipe.variables = names
      at++
    } else at = start
    for (;;) {
      const command: Operand[] = []
      for (let one = operand(); one; one = operand()) command.push(one)
      if (command.length === 0) fail('missing value for command')
      const [head] = command
      if (pipe.commands.length > 0 && head?.kind === 'constant')
        fail(`non executable command in pipeline stage ${pipe.commands.length + 1}`)
      pipe.commands.push(command)
      if (textAt() !== '|') break
      at++
    }
    // Only now: a variable is not known in its own value.
    if (pipe.declares) scope.push(...pipe.variables)
    depth--
    return pipe
  }

  const close = (): void => {
    if (!isClose()) fail(`unexpected ${JSON.stringify(textAt())} in operand`)
    at++
  }

  /** Until an `else` or `end`, whose word is left to the caller. */
  const list = (top: boolean): { nodes: Node[]; ended: 'else' | 'end' | 'eof' } => {
    if (++depth > depthMax) fail('blocks are nested too deeply')
    const nodes: Node[] = []
    for (;;) {
      if (at >= tokens.length) {
        if (!top) fail('unexpected EOF')
        depth--
        return { nodes, ended: 'eof' }
      }
      const token = next()
      if (token.kind === 'text') {
        nodes.push(token)
        continue
      }
      const word = tokens[at]?.kind === 'word' ? textAt() : ''
      if (word === 'end' || word === 'else') {
        if (top) fail(`unexpected {{${word}}}`)
        at++
        depth--
        return { nodes, ended: word }
      }
      const node = action(word, top)
      if (node) nodes.push(node)
    }
  }

  const control = (kind: 'if' | 'with' | 'range'): Node => {
    const known = scope.length
    const pipe = pipeline()
    close()
    if (kind === 'range') loops++
    const { nodes: body, ended } = list(false)
    if (kind === 'range') loops--
    let otherwise: Node[] = []
    if (ended === 'else') {
      const word = textAt()
      if (tokens[at]?.kind === 'word' && (word === 'if' || word === 'with') && word === kind) {
        at++
        otherwise = [control(word)]
        scope.length = known
        return { kind, pipe, body, otherwise }
      }
      close()
      const rest = list(false)
      if (rest.ended === 'else') fail('expected end; found {{else}}')
      otherwise = rest.nodes
    }
    close()
    scope.length = known
    return { kind, pipe, body, otherwise }
  }

  const nameOf = (): string => {
    const token = next()
    if (token.kind !== 'string') return fail('a template name in quotes is expected')
    return unquote(token.text)
  }

  const action = (word: string, top: boolean): Node | undefined => {
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        at++
        return control(word)
      case 'define':
      case 'block': {
        at++
        if (word === 'define' && !top) fail('unexpected {{define}}')
        const name = nameOf()
        const pipe = word === 'block' ? pipeline() : undefined
        close()
        const outer = scope.splice(1)
        const { nodes, ended } = list(false)
        if (ended === 'else') fail('unexpected {{else}} in define clause')
        close()
        scope.splice(1, scope.length, ...outer)
        defined.set(name, nodes)
        return word === 'block' ? { kind: 'template', name, pipe } : undefined
      }
      case 'template': {
        at++
        const name = nameOf()
        const pipe = isClose() ? undefined : pipeline()
        close()
        return { kind: 'template', name, pipe }
      }
      case 'break':
      case 'continue':
        at++
        if (loops === 0) fail(`{{${word}}} outside {{range}}`)
        close()
        return { kind: word }
      default: {
        if (isClose()) fail('missing value for command')
        const pipe = pipeline()
        close()
        return { kind: 'action', pipe }
      }
    }
  }

  return { body: list(true).nodes, defined }
}

function numberOf(text: string): Value {
  const plain = text.replaceAll('_', '')
  if (/^[+-]?(\d+|0[xX][0-9a-fA-F]+)$/.test(plain))
    return plain.startsWith('-') ? -BigInt(plain.slice(1)) : BigInt(plain.replace('+', ''))
  return Number(plain)
}
