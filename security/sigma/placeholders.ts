// Values of `%name%` in rules: a YAML map of names to lists.
import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { z } from 'zod'
import type { Placeholders } from './1-parse/modifiers.ts'

const schema = z.record(z.string(), z.union([z.array(z.union([z.string(), z.number()])), z.string()]))

/** @throws Error when the file is not a map of lists */
export function readPlaceholders(path: string | undefined): Placeholders {
  if (path === undefined) return new Map()
  const data = schema.parse(load(readFileSync(path, 'utf8')) ?? {})
  return new Map(
    Object.entries(data).map(([name, values]) => [name, Array.isArray(values) ? values.map(String) : [values]]),
  )
}
