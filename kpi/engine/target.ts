// What a value is measured against. No official number is a state of its own: none is invented.
import type { KpiValue } from '../contract.ts'
import type { Definition } from '../definitions/definition.ts'
import { compare, parseRational, type Rational, textOf } from '../rational.ts'

type Target = Definition['targets'][number]
type Exemption = Definition['exemptions'][number]

/** The target that a cell is measured against at a time, and what exempts it. */
export function ruleFor(
  { targets, exemptions }: Pick<Definition, 'targets' | 'exemptions'>,
  dimensions: Record<string, string>,
  atMs: number,
): { target: Target | undefined; exemption: Exemption | undefined } {
  const covers = (where: Record<string, string>): boolean =>
    Object.entries(where).every(([name, value]) => matches(name, value, dimensions))
  const inForce = (from: string | undefined, to: string | undefined): boolean =>
    (from === undefined || Date.parse(from) <= atMs) && (to === undefined || atMs < Date.parse(to))
  return {
    // The most specific that covers the cell.
    target: targets
      .filter(({ where, from, to }) => covers(where) && inForce(from, to))
      .sort((a, b) => Object.keys(b.where).length - Object.keys(a.where).length)[0],
    exemption: exemptions.find(({ where, until }) => covers(where) && atMs < Date.parse(until)),
  }
}

export function targetOf(
  definition: Definition,
  dimensions: Record<string, string>,
  atMs: number,
  ratio: Rational | null,
): KpiValue['target'] {
  const { direction } = definition
  const { target, exemption } = ruleFor(definition, dimensions, atMs)
  const value = target?.value === undefined ? undefined : parseRational(target.value)
  const source = target?.source ?? ''
  const shown = { ratio: value ? textOf(value) : null, source, direction }
  if (exemption) return { ...shown, source: exemption.reason, status: 'exempt' }
  if (!value) return { ...shown, status: 'no-target' }
  if (!ratio) return { ...shown, status: 'unknown' }
  const reaches = (limit: Rational): boolean =>
    direction === 'up' ? compare(ratio, limit) >= 0 : compare(ratio, limit) <= 0
  const near = target?.near === undefined ? undefined : parseRational(target.near)
  return { ...shown, status: reaches(value) ? 'met' : near && reaches(near) ? 'near' : 'missed' }
}

/** `level` is read off the region's code; a region's code covers what is below it. */
function matches(name: string, wanted: string, dimensions: Record<string, string>): boolean {
  const region = dimensions['region'] ?? dimensions['county'] ?? dimensions['city'] ?? ''
  if (name === 'level') return (levels[region.length] ?? dimensions['level'] ?? 'province') === wanted
  if (name === 'region') return region.startsWith(wanted)
  return (dimensions[name] ?? '') === wanted
}

const levels: Record<number, string> = { 2: 'province', 4: 'city', 6: 'county', 9: 'town' }
