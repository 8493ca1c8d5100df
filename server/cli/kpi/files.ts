// What the verbs on files share: the options that name evidence, definition and times.
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { findRules } from '../../config.ts'
import type { CommandInput } from '../command.ts'

interface NamedFile {
  file: string
  mapping: string
  knownMs: number
}

export interface FilesInput {
  files: NamedFile[]
  /** Items of the catalogue: their limits are what cases are measured by. */
  items: NamedFile[]
  /** Cases that were adjudicated not to count. */
  adjudications?: string
  rules: string
  definition: string
  switches: Record<string, string>
  only: Record<string, string>
  by: string[]
  period: string
  validMs: number
  knownMs: number
}

export function filesInput({ options, lists }: CommandInput): FilesInput {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const list = (name: string): readonly string[] => lists[name] ?? []
  const nowMs = systemClock.nowMs()
  const definition = text('definition')
  if (definition === undefined) throw missing('--definition')
  if (list('cases').length === 0) throw missing('--cases')
  if (list('mapping').length === 0) throw missing('--mapping')
  if (text('items') !== undefined && text('items-mapping') === undefined) throw missing('--items-mapping')
  const single = [text('items') ?? [], text('items-mapping') ?? []].flat()
  for (const path of [...list('cases'), ...list('mapping'), ...single]) mustExist(path)
  return {
    files: list('cases').map((file, i) => ({
      file: resolve(file),
      mapping: resolve(list('mapping')[i] ?? list('mapping').at(-1)!),
      knownMs: timeOf(list('known')[i], '--known', 0),
    })),
    items:
      text('items') === undefined
        ? []
        : [{ file: resolve(text('items')!), mapping: resolve(text('items-mapping')!), knownMs: 0 }],
    ...(text('adjudications') === undefined ? {} : { adjudications: resolve(text('adjudications')!) }),
    rules: resolve(text('rules') ?? findRules('rules/kpi')),
    definition,
    switches: pairs(list('switch')),
    only: pairs(list('only')),
    by: (text('by') ?? '').split(',').filter((one) => one !== ''),
    period: text('period') ?? 'all',
    validMs: timeOf(text('as-of'), '--as-of', nowMs),
    knownMs: timeOf(text('known-at'), '--known-at', nowMs),
  }
}

/** @throws CodedError `kpi.input` naming the file that is not there, or is a directory */
export function mustExist(path: string): void {
  const found = statSync(resolve(path), { throwIfNoEntry: false })
  const cause = !found ? 'there is no such file' : found.isDirectory() ? 'it is a directory, not a file' : ''
  if (cause !== '') throw new CodedError('kpi.input', { file: path, row: '', cause, hint: 'Check the path.' })
}

export function pairs(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((one) => {
      const at = one.indexOf('=')
      if (at < 1) throw new CodedError('command.invalid', { cause: `"${one}" is not name=value` })
      return [one.slice(0, at), one.slice(at + 1)]
    }),
  )
}

/** A day means its end in UTC+8 is not assumed: write the instant where it matters. */
export function timeOf(text: string | undefined, option: string, otherwise: number): number {
  if (text === undefined) return otherwise
  const ms = /^\d{10,}$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(ms))
    throw new CodedError('command.invalid', { cause: `${option}: "${text}" is no time: 2026-10-31T23:59:59+08:00` })
  return ms
}

/** @throws CodedError `body.invalid` naming the option, for a file that is not there */
export function readFile(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CodedError('command.invalid', { cause: `${option}: ${(error as Error).message}` })
  }
}

export function missing(option: string): CodedError {
  return new CodedError('command.invalid', { cause: `${option} is missing` })
}
