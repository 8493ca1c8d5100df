// Values of `%name%` in rules: a YAML map of names to lists.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { readYaml } from '#core/yaml-source.ts'
import type { Placeholders } from './1-parse/modifiers.ts'

const schema = z.record(z.string(), z.union([z.array(z.union([z.string(), z.number()])), z.string()]))

const bytesMax = 16 * 1024 * 1024

/** @throws CodedError `rule.invalid` naming file and line, when the file is not a map of lists */
export function readPlaceholders(path: string | undefined): Placeholders {
  if (path === undefined) return new Map()
  const text = readFileSync(path, 'utf8')
  if (text.trim() === '') return new Map()
  const { value, problems } = readYaml(path, text, schema, bytesMax)
  if (!value) throw new CodedError('rule.invalid', { ...problems[0]! })
  return new Map(
    Object.entries(value).map(([name, values]) => [name, Array.isArray(values) ? values.map(String) : [values]]),
  )
}
