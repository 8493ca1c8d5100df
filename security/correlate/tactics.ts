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
  const known = new Map<string, Tactic | undefined>()
  return (name) => {
    if (known.has(name)) return known.get(name)
    const text = name.toLowerCase()
    const tactic = lines.find(({ words }) => words.some((word) => text.includes(word)))?.tactic
    if (known.size >= namesMax) known.clear()
    known.set(name, tactic)
    return tactic
  }
}
