// A query as a condition for DuckDB. Values from outside are bound, never written into the text.
import { columns, freeTextFields, isAddress, isColumn, isDate, isText } from '../columns.ts'
import { type Comparison, hasWildcard, type Kql, textOf, type Value } from './ast.ts'
import { boundOf, isAny, operandOf, wholeTexts } from './match.ts'
import { invalid } from './parse.ts'
import { escapeRegex, fold, matchesPieces, needsBoundary, wildcardSource } from './text.ts'
import { blockOf, dateSpan, numberOf, numeralSource, wordsOf } from './value.ts'

/** Names that occur in the JSON column `rest` of some stored event. */
export interface SqlScope {
  restFields: ReadonlySet<string>
  nowMs: number
}

export interface SqlCondition {
  text: string
  values: string[]
}

type Test = (operand: string) => string

const wildcardFieldsMax = 256

export function sqlOf(tree: Kql, scope: SqlScope): SqlCondition {
  const values: string[] = []
  const bind = (value: string): string => {
    values.push(value)
    return `$${values.length}`
  }
  const condition = (node: Kql): string => {
    switch (node.kind) {
      case 'all':
        return 'true'
      case 'and':
      case 'or':
        return `(${node.parts.map(condition).join(` ${node.kind} `)})`
      case 'not':
        // A field that is missing makes a condition unknown, and its negation must be true.
        return `not coalesce(${condition(node.part)}, false)`
      case 'compare':
        return onField(node.field, (name, operand) => comparison(name, node.comparison, node.value)(operand))
      case 'is':
        return node.field
          ? onField(node.field, (name, operand, isLong) => valueTest(name, node.value, isLong)(operand))
          : freeText(node.value)
    }
  }

  const onField = (field: Value, test: (name: string, operand: string, isLong: boolean) => string): string => {
    const names = hasWildcard(field) ? namesLike(field) : [textOf(field)]
    if (names.length === 0) return 'false'
    return `(${names.map((name) => onName(name, test)).join(' or ')})`
  }

  const namesLike = (field: Value): string[] => {
    const names = [...new Set([...Object.keys(columns), ...scope.restFields])].filter((name) =>
      matchesPieces(name, field.pieces),
    )
    if (names.length > wildcardFieldsMax)
      throw invalid(`${names.length} fields match`, field.position, 'Name the field more exactly.')
    return names
  }

  const onName = (name: string, test: (name: string, operand: string, isLong: boolean) => string): string => {
    const places: string[] = []
    if (isColumn(name)) places.push(test(name, columnOf(name), columns[name] === 'long' || columns[name] === 'date'))
    if (scope.restFields.has(name)) {
      const key = bind(`${JSON.stringify(name)}:`)
      const path = bind(`$.${JSON.stringify(name)}[*]`)
      const inner = test(name, 'x', false)
      places.push(
        `(contains(rest, ${key}) and len(list_filter(json_extract_string(rest, ${path}), lambda x: ${inner})) > 0)`,
      )
    }
    return places.length === 0 ? 'false' : `(${places.join(' or ')})`
  }

  const valueTest = (name: string, value: Value, isLong: boolean): Test => {
    if (isAny(value)) return (x) => `${x} is not null`
    if (isDate(name)) {
      const { fromMs, toMs } = dateSpan(value, scope.nowMs)
      return (x) => `(${asNumber(x, isLong)} >= ${fromMs} and ${asNumber(x, isLong)} < ${toMs})`
    }
    if (isText(name)) return textTest(value)
    const text = textOf(value)
    if (hasWildcard(value)) return (x) => like(isLong ? `cast(${x} as varchar)` : x, value)
    const block = isAddress(name) ? blockOf(text) : undefined
    if (block) return (x) => blockTest(x, block)
    const number = isColumn(name) && columns[name] !== 'long' ? undefined : numberOf(text)
    if (isLong) return (x) => (number === undefined ? 'false' : `${x} = ${literal(number)}`)
    if (number === undefined) return (x) => `${x} = ${bind(text)}`
    return (x) => `(${x} = ${bind(text)} or ${asNumber(x, false)} = ${literal(number)})`
  }

  const like = (x: string, value: Value): string => {
    const pattern = value.pieces.map((piece) => piece.replace(/[\\%_]/g, '\\$&')).join('%')
    return `${x} like ${bind(pattern)} escape '\\'`
  }

  const blockTest = (x: string, [network, bits]: NonNullable<ReturnType<typeof blockOf>>): string => {
    if (network.kind() === 'ipv4') {
      const mapped = `regexp_replace(${x}, '^(?i:::ffff:)', '')`
      return `regexp_full_match(${mapped}, ${bind(ipv4BlockSource(network.toByteArray(), bits))})`
    }
    // There is no cheap form for IPv6: a function of the process decides, for the rows that can be IPv6 at all.
    return `(contains(${x}, ':') and ip_in_block(${x}, ${bind(`${network.toString()}/${bits}`)}))`
  }

  const textTest = (value: Value): Test => {
    if (hasWildcard(value)) {
      const source = wildcardSource(value.pieces.map(fold))
      return (x) => `regexp_matches(lower(${x}), ${bind(source)})`
    }
    const text = fold(textOf(value))
    if (text === '') return (x) => `${x} = ''`
    const phrases = value.quoted ? [text] : wordsOf(text)
    return (x) => `(${phrases.map((phrase) => phraseTest(x, phrase)).join(' or ')})`
  }

  const phraseTest = (x: string, phrase: string): string => {
    const contains = `contains(lower(${x}), ${bind(phrase)})`
    if (!needsBoundary(phrase)) return contains
    return `(${contains} and regexp_matches(lower(${x}), ${bind(wildcardSource([phrase]))}))`
  }

  const comparison = (name: string, operator: Comparison, value: Value): Test => {
    const { text, number, span } = operandOf(name, operator, value, scope.nowMs)
    const isLong = isColumn(name) && (columns[name] === 'long' || columns[name] === 'date')
    return (x) => {
      const inColumn = isLong && x !== 'x'
      if (span) return `${asNumber(x, inColumn)} ${operator} ${boundOf(span, operator)}`
      if (number !== undefined) return `${asNumber(x, inColumn)} ${operator} ${literal(number)}`
      return `${inColumn ? `cast(${x} as varchar)` : x} ${operator} ${bind(text)}`
    }
  }

  const freeText = (value: Value): string => {
    if (isAny(value)) return 'true'
    const parts = [textTest(value)('message'), original(value)]
    for (const name of freeTextFields.whole) {
      if (hasWildcard(value)) parts.push(like(quote(name), value))
      else parts.push(`${quote(name)} in (${wholeTexts(value).map(bind).join(', ')})`)
    }
    const arrays = [...freeTextFields.text, ...freeTextFields.whole].filter((name) => scope.restFields.has(name))
    for (const name of arrays)
      parts.push(
        onName(name, (field, x) =>
          isText(field)
            ? textTest(value)(x)
            : hasWildcard(value)
              ? like(x, value)
              : `${x} in (${wholeTexts(value).map(bind).join(', ')})`,
        ),
      )
    return `(${parts.join(' or ')})`
  }

  /** A single word cannot span the place where the kept beginning of a line meets its message: see `original.ts`. */
  const original = (value: Value): string => {
    const words = value.quoted ? [textOf(value)] : wordsOf(textOf(value))
    const single = !hasWildcard(value) && words.every((word) => /^[0-9A-Za-z_\u00c0-\u024f]+$/.test(word))
    const operand = single ? '"event.original"[2:]' : originalExpression
    return `("event.original" <> '=' and ${textTest(value)(operand)})`
  }

  return { text: condition(tree), values }
}

/** `event.original` as it was: see `original.ts`. */
export const originalExpression = `case when starts_with("event.original", '=') then "event.original"[2:] || message else "event.original"[2:] end`

function columnOf(name: string): string {
  return name === 'event.original' ? `(${originalExpression})` : quote(name)
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** As in `numberOf`: what is not a plain numeral is no number. */
function asNumber(x: string, isLong: boolean): string {
  return isLong ? x : `case when regexp_full_match(${x}, '${numeralSource}') then try_cast(${x} as double) end`
}

function literal(number: number): string {
  return Number.isInteger(number) && Math.abs(number) < 1e15 ? String(number) : `${number}::double`
}

function ipv4BlockSource(bytes: number[], bits: number): string {
  const parts = bytes.map((byte, i) => {
    const fixed = Math.min(8, Math.max(0, bits - i * 8))
    if (fixed === 8) return String(byte)
    if (fixed === 0) return '\\d{1,3}'
    const from = byte & (0xff << (8 - fixed))
    const count = 1 << (8 - fixed)
    return `(?:${Array.from({ length: count }, (_, offset) => from + offset).join('|')})`
  })
  return parts.map((part) => (part.includes('\\') || part.includes('|') ? part : escapeRegex(part))).join('\\.')
}
