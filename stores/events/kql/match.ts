// A query as a function of one event, for rules and the live tail. It agrees with the SQL of every store: a property test
// holds them together.
import type { Event, FieldScalar, FieldValue } from '#core/event.ts'
import { columns, freeTextFields, isAddress, isColumn, isDate, isText } from '../columns.ts'
import { type Comparison, hasWildcard, type Kql, textOf, type Value } from './ast.ts'
import { invalid, parseKql } from './parse.ts'
import { compileWildcard, containsPhrase, fold, matchesPieces } from './text.ts'
import { blockOf, dateSpan, inBlock, numberOf, wordsOf } from './value.ts'

export type EventMatcher = (event: Event) => boolean
type ScalarTest = (value: FieldScalar) => boolean

/** @throws CodedError `query.invalid` */
export function compileKql(query: string, options: { nowMs?: number } = {}): EventMatcher {
  return matcherOf(parseKql(query), options.nowMs ?? 0)
}

function matcherOf(tree: Kql, nowMs: number): EventMatcher {
  switch (tree.kind) {
    case 'all':
      return () => true
    case 'and': {
      const parts = tree.parts.map((part) => matcherOf(part, nowMs))
      return (event) => parts.every((part) => part(event))
    }
    case 'or': {
      const parts = tree.parts.map((part) => matcherOf(part, nowMs))
      return (event) => parts.some((part) => part(event))
    }
    case 'not': {
      const part = matcherOf(tree.part, nowMs)
      return (event) => !part(event)
    }
    case 'compare':
      return onField(tree.field, (name) => comparisonTest(name, tree.comparison, tree.value, nowMs))
    case 'is':
      return tree.field ? onField(tree.field, (name) => valueTest(name, tree.value, nowMs)) : freeText(tree.value)
  }
}

function onField(field: Value, testOf: (name: string) => ScalarTest): EventMatcher {
  if (!hasWildcard(field)) {
    const name = textOf(field)
    const test = testOf(name)
    return (event) => some(Object.hasOwn(event, name) ? event[name] : undefined, test)
  }
  const tests = new Map<string, ScalarTest>()
  const test = (name: string): ScalarTest => {
    let made = tests.get(name)
    if (!made) {
      made = testOf(name)
      if (tests.size < wildcardFieldsMax) tests.set(name, made)
    }
    return made
  }
  return (event) => {
    for (const name in event) if (matchesPieces(name, field.pieces) && some(event[name], test(name))) return true
    return false
  }
}

const wildcardFieldsMax = 4096

function some(value: FieldValue | undefined, test: ScalarTest): boolean {
  if (value === undefined || value === null) return false
  return Array.isArray(value) ? value.some((one) => some(one, test)) : test(value)
}

function valueTest(name: string, value: Value, nowMs: number): ScalarTest {
  if (isAny(value)) return () => true
  if (isDate(name)) {
    const { fromMs, toMs } = dateSpan(value, nowMs)
    return (one) => {
      const ms = numberOf(String(one))
      return ms !== undefined && ms >= fromMs && ms < toMs
    }
  }
  if (isText(name)) return textTest(value)
  if (hasWildcard(value)) return (one) => matchesPieces(String(one), value.pieces)
  const text = textOf(value)
  if (isAddress(name)) {
    const block = blockOf(text)
    if (block) return (one) => typeof one === 'string' && inBlock(one, block)
  }
  const number = isWhole(name) ? undefined : numberOf(text)
  if (number === undefined) return (one) => String(one) === text
  return (one) => String(one) === text || numberOf(String(one)) === number
}

/** Keyword columns hold text even where it looks like a number. */
function isWhole(name: string): boolean {
  return isColumn(name) && columns[name] !== 'long'
}

function textTest(value: Value): ScalarTest {
  const text = fold(textOf(value))
  if (hasWildcard(value)) {
    const matches = compileWildcard(value.pieces.map(fold))
    return (one) => matches(fold(String(one)))
  }
  if (text === '') return (one) => String(one) === ''
  if (value.quoted) return (one) => containsPhrase(fold(String(one)), text)
  const words = wordsOf(text)
  return (one) => {
    const folded = fold(String(one))
    return words.some((word) => containsPhrase(folded, word))
  }
}

function comparisonTest(name: string, comparison: Comparison, value: Value, nowMs: number): ScalarTest {
  const { text, number, span } = operandOf(name, comparison, value, nowMs)
  const bound = span ? boundOf(span, comparison) : number
  if (bound === undefined) return (one) => compares(String(one), comparison, text)
  return (one) => {
    const other = numberOf(String(one))
    return other !== undefined && compares(other, comparison, bound)
  }
}

/** @throws CodedError `query.invalid` for what has no order */
export function operandOf(name: string, comparison: Comparison, value: Value, nowMs: number) {
  if (hasWildcard(value)) throw invalid(`A wildcard after ${comparison}`, value.position, 'Compare with one value.')
  if (isAddress(name))
    throw invalid(`${name} holds addresses, which have no order here`, value.position, `Write ${name}:"10.0.0.0/8".`)
  if (isText(name)) throw invalid(`${name} holds text, which has no order`, value.position, `Write ${name}:word.`)
  const text = textOf(value)
  if (isDate(name)) return { text, number: undefined, span: dateSpan(value, nowMs) }
  return { text, number: isWhole(name) ? undefined : numberOf(text), span: undefined }
}

/** `> 2026-11-24` begins after that day, `<= 2026-11-24` ends with it. */
export function boundOf(span: { fromMs: number; toMs: number }, comparison: Comparison): number {
  return comparison === '>' || comparison === '<=' ? span.toMs - 1 : span.fromMs
}

function compares<T extends number | string>(one: T, comparison: Comparison, other: T): boolean {
  switch (comparison) {
    case '<':
      return one < other
    case '<=':
      return one <= other
    case '>':
      return one > other
    case '>=':
      return one >= other
  }
}

function freeText(value: Value): EventMatcher {
  if (isAny(value)) return () => true
  const inText = textTest(value)
  const whole = wholeTest(value)
  return (event) => {
    for (const name of freeTextFields.text) if (some(event[name], inText)) return true
    for (const name of freeTextFields.whole) if (some(event[name], whole)) return true
    return false
  }
}

function wholeTest(value: Value): ScalarTest {
  if (hasWildcard(value)) return (one) => matchesPieces(String(one), value.pieces)
  const texts = new Set(wholeTexts(value))
  return (one) => texts.has(String(one))
}

/** What a field must equal for a free text: the text itself or, unquoted, one of its words. */
export function wholeTexts(value: Value): string[] {
  const text = textOf(value)
  return value.quoted ? [text] : [...new Set([text, ...wordsOf(text)])]
}

/** `*` alone. */
export function isAny(value: Value): boolean {
  return !value.quoted && value.pieces.length === 2 && value.pieces.every((piece) => piece === '')
}
