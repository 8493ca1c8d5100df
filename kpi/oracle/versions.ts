// Which of several versions of a definition a period is counted by, told by dates on the calendar.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { DefinitionSpan } from '../contract.ts'
import { localDate } from './days.ts'

// The definition as plain data.
// biome-ignore lint/suspicious/noExplicitAny: it is read as the file has it
type Data = any

/** All versions of an id, the oldest first; of `id@1.0.0` that one, of a file what is in it. */
export function readDefinitions(rules: string, wanted: string): Data[] {
  if (/\.ya?ml$/.test(wanted) && existsSync(wanted)) return [parse(readFileSync(wanted, 'utf8'))]
  const [id, version] = wanted.split('@')
  const found = readdirSync(rules)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => parse(readFileSync(join(rules, name), 'utf8')))
    .filter((one) => one.id === id && (version === undefined || one.version === version))
  if (found.length === 0) throw new Error(`There is no definition ${wanted} in ${rules}`)
  return oldestFirst(found)
}

export function oldestFirst(definitions: Data[]): Data[] {
  return [...definitions].sort((a, b) => (day(a.valid.from) < day(b.valid.from) ? -1 : 1))
}

/** @param period `fromMs` and `toMs` of it */
export function inForce(
  all: Data[],
  period: { label: string; fromMs: number; toMs: number },
  at: { validMs: number; knownMs: number },
): { definition: Data; span: DefinitionSpan | undefined } {
  const { zone = 'Asia/Shanghai', fact, cohort } = all[0]
  const today = localDate(at.knownMs, zone)
  const published = all.filter((one) => one.known === undefined || day(one.known) <= today)
  const none = published.length === 0
  const known = none ? [all[0]] : published
  const begins = (one: Data): string => day(one.valid.from)
  /** The day of the end is told by the version that follows, once that one is published. */
  const ends = (one: Data): string => {
    if (one.valid.to === undefined || none) return never
    const secret = all.some((other) => begins(other) === day(one.valid.to) && !known.includes(other))
    if (!secret) return day(one.valid.to)
    const following = known.find((other) => begins(other) > begins(one))
    return following ? begins(following) : never
  }
  const last = localDate(Math.min(period.toMs - 1, at.validMs), zone)
  const isState = fact !== 'case' && cohort !== 'period'
  const whole = period.label === 'all'
  const from = !whole ? localDate(period.fromMs, zone) : isState ? last : begins(known[0])
  const first = [from, last].sort()[0]!
  const begun = known.filter((one) => begins(one) <= last)
  const definition = begun.at(-1) ?? known[0]
  const touches = (one: Data): boolean => begins(one) <= last && ends(one) > first
  if (begins(definition) <= first && ends(definition) > last) return { definition, span: undefined }
  const others = known.filter((one) => one !== definition && touches(one)).map((one) => String(one.version))
  return { definition, span: { applied: touches(definition) ? 'part' : 'outside', others } }
}

const never = '9999-99-99'

function day(value: unknown): string {
  return value instanceof Date ? value.toISOString().slice(0, 10) : String(value)
}
