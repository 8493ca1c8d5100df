// The tactic that an alert's name speaks of, from a list of words kept as data.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { readYaml } from '#core/yaml-source.ts'
import { type Tactic, tactics } from './alert.ts'

const Lines = z
  .array(z.strictObject({ tactic: z.enum(tactics), words: z.array(z.string().min(2).max(64)).max(200) }))
  .max(100)

export type TacticOf = (name: string) => Tactic | undefined
const namesMax = 10_000

/** @throws CodedError `rule.invalid` naming file and line */
export function readTactics(file: string): TacticOf {
  const { value: lines, problems } = readYaml(file, readFileSync(file, 'utf8'), Lines)
  if (!lines) throw new CodedError('rule.invalid', { ...problems[0]! })
  const heard = lines.map(({ tactic, words }) => ({ tactic, words: words.map(matcher) }))
  const known = new Map<string, Tactic | undefined>()
  return (name) => {
    if (known.has(name)) return known.get(name)
    const text = name.toLowerCase()
    const tactic = heard.find(({ words }) => words.some((occursIn) => occursIn(text)))?.tactic
    if (known.size >= namesMax) known.clear()
    known.set(name, tactic)
    return tactic
  }
}

/** A word in Latin letters must begin where one begins: `c2` is not in `ec2`. */
function matcher(word: string): (text: string) => boolean {
  const latin = /^[a-z0-9]/.test(word)
  return (text) => {
    let at = text.indexOf(word)
    while (latin && at > 0 && /[a-z0-9]/.test(text[at - 1]!)) at = text.indexOf(word, at + 1)
    return at >= 0
  }
}
