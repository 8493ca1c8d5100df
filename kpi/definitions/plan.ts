// A definition ready to count. Every filter that any choice could need is one bit of a fact's signature, so that what was
// counted once per signature answers every combination of switches: what-if needs no second look at the cases.
import { CodedError } from '#core/errors.ts'
import { suggest } from '#core/yaml-source.ts'
import { compileKql, parseKql } from '#stores/events/kql/index.ts'
import type { Fact, Switches } from '../contract.ts'
import { parseRational, type Rational } from '../rational.ts'
import { type CompiledMeasure, compileArithmetic } from './arithmetic.ts'
import type { Aggregation, Cohort, Definition, Patch } from './definition.ts'

/** Bit operations are exact up to here. */
export const atomsMax = 31
const bitsMax = 32

export interface Plan {
  definition: Definition
  /** One per bit. */
  atoms: { text: string; matches: (fields: Fact['fields']) => boolean }[]
  /** One per distinct sum; the first is always the count. */
  measures: { text: string; measure: CompiledMeasure }[]
  /** Fields that anything of it reads. */
  fields: string[]
  /** Cohorts that any choice uses. */
  cohorts: Cohort[]
}

/** What one choice of switches counts, in bits. */
export interface Formula {
  switches: Switches
  cohort: Cohort
  aggregation: Aggregation
  over: string
  /** Of the population when all of `require` hold and `population` or any of `allow` does. */
  population: number
  allow: number[]
  require: number[]
  exclude: { reason: string; atom: number }[]
  numerator: { all: number[]; any: number[]; measure: number }
  denominator: { all: number[]; measure: number }
  credit: { atom: number; value: Rational }[]
}

const always = '*'
/** Why a case does not count that an appeal has taken out: the first reason, whatever else would leave it out. */
export const adjudicated = 'adjudicated'

export function planOf(definition: Definition): Plan {
  const atoms = new Map<string, number>()
  const measures = new Map<string, number>([['', 0]])
  const cohorts = new Set<Cohort>([definition.cohort])
  const filter = (text: string | undefined): void => {
    if (text !== undefined && text !== always && !atoms.has(text)) atoms.set(text, atoms.size)
  }
  const take = (patch: Patch): void => {
    for (const text of [patch.require, patch.allow, patch.numeratorAnd, patch.numeratorOr, patch.denominatorAnd])
      filter(text)
    for (const { where } of [...(patch.exclude ?? []), ...(patch.credit ?? [])]) filter(where)
    for (const line of [patch.numerator, patch.denominator]) {
      filter(line?.where)
      const sum = line?.sum
      if (sum !== undefined && !measures.has(sum)) measures.set(sum, measures.size)
    }
    if (patch.cohort) cohorts.add(patch.cohort)
  }
  filter(definition.population)
  take({
    exclude: exclusionsOf(definition),
    credit: definition.credit,
    numerator: definition.numerator,
    denominator: definition.denominator,
  })
  for (const { options } of Object.values(definition.switches))
    for (const option of Object.values(options)) {
      take(option)
      for (const others of Object.values(option.with)) for (const patch of Object.values(others)) take(patch)
    }
  if (atoms.size > atomsMax) throw new SyntaxError(`it has ${atoms.size} different filters, more than ${atomsMax}`)
  // Each measure has a bit as well: that a fact lacks it.
  if (atoms.size + measures.size > bitsMax)
    throw new SyntaxError(`it has ${atoms.size} different filters and ${measures.size} sums, more than ${bitsMax}`)
  const compiled = [...measures.keys()].map((text) => ({ text, measure: compileArithmetic(text === '' ? '1' : text) }))
  const fields = new Set(compiled.flatMap(({ measure }) => measure.fields))
  for (const text of atoms.keys()) for (const field of fieldsOf(text)) fields.add(field)
  return {
    definition,
    atoms: [...atoms.keys()].map((text) => ({
      text,
      matches: compileKql(text) as unknown as (fields: Fact['fields']) => boolean,
    })),
    measures: compiled,
    fields: [...fields],
    cohorts: [...cohorts],
  }
}

/** Every indicator of cases leaves out what was adjudicated about itself; no definition has to say so. */
function exclusionsOf({ id, fact, exclude }: Definition): Definition['exclude'] {
  return fact === 'case' ? [{ reason: adjudicated, where: `adjudicated:"${id}"` }, ...exclude] : exclude
}

/** The switches as given, completed by their defaults. @throws CodedError `kpi.switch` */
export function switchesOf(definition: Definition, given: Switches): Switches {
  const known = Object.keys(definition.switches)
  for (const [name, option] of Object.entries(given)) {
    const options = Object.hasOwn(definition.switches, name)
      ? Object.keys(definition.switches[name]!.options)
      : undefined
    if (!options) throw wrongSwitch(definition.id, name, known)
    if (!options.includes(option))
      throw wrongSwitch(
        definition.id,
        `${name}=${option}`,
        options.map((one) => `${name}=${one}`),
      )
  }
  return Object.fromEntries(known.map((name) => [name, given[name] ?? definition.switches[name]!.default]))
}

export function formulaOf(plan: Plan, given: Switches): Formula {
  const { definition } = plan
  const switches = switchesOf(definition, given)
  const bit = new Map(plan.atoms.map(({ text }, i) => [text, i]))
  const atom = (text: string | undefined): number => (text === undefined || text === always ? -1 : bit.get(text)!)
  const measure = (text: string | undefined): number => plan.measures.findIndex((one) => one.text === (text ?? ''))
  const formula: Formula = {
    ...{ switches, cohort: definition.cohort, aggregation: definition.aggregation, over: definition.over ?? 'item' },
    ...{ population: atom(definition.population), allow: [], require: [] },
    exclude: exclusionsOf(definition).map(({ reason, where }) => ({ reason, atom: atom(where) })),
    numerator: { all: [atom(definition.numerator.where)], any: [], measure: measure(definition.numerator.sum) },
    denominator: { all: [atom(definition.denominator.where)], measure: measure(definition.denominator.sum) },
    credit: definition.credit.map(({ where, value }) => ({ atom: atom(where), value: parseRational(value)! })),
  }
  for (const patch of patchesOf(definition, switches)) {
    if (patch.cohort) formula.cohort = patch.cohort
    if (patch.aggregation) formula.aggregation = patch.aggregation
    if (patch.over) formula.over = patch.over
    if (patch.require) formula.require.push(atom(patch.require))
    if (patch.allow) formula.allow.push(atom(patch.allow))
    for (const { reason, where } of patch.exclude ?? []) formula.exclude.push({ reason, atom: atom(where) })
    if (patch.numerator) {
      if (patch.numerator.where) formula.numerator.all[0] = atom(patch.numerator.where)
      if (patch.numerator.sum) formula.numerator.measure = measure(patch.numerator.sum)
    }
    if (patch.denominator) {
      if (patch.denominator.where) formula.denominator.all[0] = atom(patch.denominator.where)
      if (patch.denominator.sum) formula.denominator.measure = measure(patch.denominator.sum)
    }
    if (patch.numeratorAnd) formula.numerator.all.push(atom(patch.numeratorAnd))
    if (patch.numeratorOr) formula.numerator.any.push(atom(patch.numeratorOr))
    if (patch.denominatorAnd) formula.denominator.all.push(atom(patch.denominatorAnd))
    for (const { where, value } of patch.credit ?? [])
      formula.credit.push({ atom: atom(where), value: parseRational(value)! })
  }
  return formula
}

/** In the order of the switches, each followed by what it changes in company of the others. */
function patchesOf(definition: Definition, switches: Switches): Patch[] {
  return Object.entries(switches).flatMap(([name, option]) => {
    const chosen = definition.switches[name]!.options[option]!
    const besides = Object.entries(chosen.with).flatMap(([other, patches]) => patches[switches[other]!] ?? [])
    return [chosen, ...besides]
  })
}

/** Names of the fields that a filter reads. @throws SyntaxError for a word without a field */
export function fieldsOf(text: string): string[] {
  const found: string[] = []
  const walk = (node: ReturnType<typeof parseKql>): void => {
    if ('parts' in node) node.parts.forEach(walk)
    else if ('part' in node) walk(node.part)
    else if ('value' in node) {
      if (!node.field) throw new SyntaxError('a word without a field: write field:word')
      if (node.field.pieces.length > 1) throw new SyntaxError('a wildcard in the name of a field')
      found.push(node.field.pieces[0]!)
    }
  }
  walk(parseKql(text))
  return found
}

/** What a filter asks fields to be, word for word. */
export function valuesOf(text: string): { field: string; value: string }[] {
  const found: { field: string; value: string }[] = []
  const walk = (node: ReturnType<typeof parseKql>): void => {
    if ('parts' in node) node.parts.forEach(walk)
    else if ('part' in node) walk(node.part)
    else if (node.kind === 'is' && node.field?.pieces.length === 1 && node.value.pieces.length === 1)
      found.push({ field: node.field.pieces[0]!, value: node.value.pieces[0]! })
  }
  walk(parseKql(text))
  return found
}

function wrongSwitch(kpi: string, given: string, known: string[]): CodedError {
  return new CodedError('kpi.switch', {
    kpi,
    given,
    hint: suggest(given, known) || (known.length > 0 ? `There are: ${known.join(', ')}.` : 'It has no switches.'),
  })
}
