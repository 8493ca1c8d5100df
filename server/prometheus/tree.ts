// A query's tree in the shape of Prometheus's /api/v1/parse_query (web/api/v1/translate_ast.go): what query builders read.
import {
  type Duration,
  type DurationExpr,
  type Expr,
  formatValue,
  type Subquery,
  signatures,
  typeOf,
  type VectorSelector,
} from '#stores/metrics/promql/index.ts'

export type Tree = Record<string, unknown>

export function treeOf(expr: Expr): Tree {
  switch (expr.kind) {
    case 'number':
      return { type: 'numberLiteral', val: formatValue(expr.value) }
    case 'string':
      return { type: 'stringLiteral', val: expr.value }
    case 'paren':
      return { type: 'parenExpr', expr: treeOf(expr.expr) }
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: treeOf(expr.expr) }
    case 'selector':
      return { type: 'vectorSelector', ...selectorTree(expr) }
    case 'matrix':
      return { type: 'matrixSelector', ...selectorTree(expr.selector), ...durationTree('range', expr.range) }
    case 'subquery':
      return {
        ...{ type: 'subquery', expr: treeOf(expr.expr) },
        ...durationTree('range', expr.range),
        ...durationTree('step', expr.step ?? 0),
        ...modifierTree(expr),
      }
    case 'aggregate': {
      const { op, without, grouping, param } = expr
      return {
        ...{ type: 'aggregation', op, expr: treeOf(expr.expr), param: param ? treeOf(param) : null },
        ...{ grouping, without },
      }
    }
    case 'binary': {
      const { op, left, right, returnBool, matching } = expr
      const { card, labels, on, include, fill } = matching
      const isMatched = typeOf(left) === 'vector' && typeOf(right) === 'vector'
      return {
        ...{ type: 'binaryExpr', op, lhs: treeOf(left), rhs: treeOf(right), bool: returnBool },
        matching: isMatched
          ? { card, labels, on, include, fillValues: { lhs: fill.left ?? null, rhs: fill.right ?? null } }
          : null,
      }
    }
    case 'call': {
      const { args, optional = 0, variadic = false, returns } = signatures[expr.name]!
      return {
        type: 'call',
        func: { name: expr.name, argTypes: args, variadic: variadic ? -1 : optional, returnType: returns },
        args: expr.args.map(treeOf),
      }
    }
  }
}

function selectorTree(selector: VectorSelector): Tree {
  const { name, matchers, extended } = selector
  // A name before the braces comes last, as there.
  const ordered = name === '' ? matchers : [...matchers.slice(1), ...matchers.slice(0, 1)]
  return {
    name,
    matchers: ordered.map(({ name, op, value }) => ({ name, value, type: op })),
    ...modifierTree(selector),
    ...{ anchored: extended === 'anchored', smoothed: extended === 'smoothed' },
  }
}

function modifierTree({ at, offset }: Pick<VectorSelector | Subquery, 'at' | 'offset'>): Tree {
  return {
    ...durationTree('offset', offset),
    timestamp: at && 'atMs' in at ? at.atMs : null,
    startOrEnd: at && 'at' in at ? at.at : null,
  }
}

/** `range` and `rangeExpr`: milliseconds, or what they are worked out from. */
function durationTree(name: string, duration: Duration): Tree {
  return typeof duration === 'number'
    ? { [name]: duration, [`${name}Expr`]: null }
    : { [name]: 0, [`${name}Expr`]: durationExprTree(duration, false) }
}

function durationExprTree(expr: DurationExpr, wrapped: boolean): Tree {
  const node = (op: string, lhs: Tree | null, rhs: Tree | null): Tree => ({
    type: 'durationExpr',
    op,
    lhs,
    rhs,
    wrapped,
  })
  switch (expr.kind) {
    case 'seconds':
      return { type: 'numberLiteral', val: formatValue(expr.seconds), duration: expr.isDuration }
    case 'step':
    case 'range':
      return node(expr.kind, null, null)
    case 'negate':
      return node('-', null, durationExprTree(expr.expr, false))
    case 'paren':
      return durationExprTree(expr.expr, true)
    case 'calculate':
      return node(expr.op, durationExprTree(expr.left, false), durationExprTree(expr.right, false))
  }
}
