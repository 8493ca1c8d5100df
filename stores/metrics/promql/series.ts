// What evaluation passes around: values of a series at every step of the query, gaps included.
import type { Labels } from '#core/sample.ts'

export interface StepSeries {
  labels: Labels
  /** One value a step. */
  values: Float64Array
  /** 1 where there is a value: NaN is a value too. */
  present: Uint8Array
}

export interface Steps {
  startMs: number
  stepMs: number
  count: number
}

export const timeAt = (steps: Steps, step: number): number => steps.startMs + step * steps.stepMs

export function emptySeries(labels: Labels, count: number): StepSeries {
  return { labels, values: new Float64Array(count), present: new Uint8Array(count) }
}

/** A key that is equal for equal label sets, whatever the order of insertion. */
export function labelsKey(labels: Labels): string {
  let key = ''
  for (const name of Object.keys(labels).sort()) key += `${name}\u0000${labels[name]}\u0001`
  return key
}

export function without(labels: Labels, names: readonly string[]): Labels {
  const rest: Labels = {}
  for (const name in labels) if (!names.includes(name)) rest[name] = labels[name]!
  return rest
}

export function only(labels: Labels, names: readonly string[]): Labels {
  const kept: Labels = {}
  for (const name of names) if (labels[name] !== undefined) kept[name] = labels[name]
  return kept
}

export const dropName = (labels: Labels): Labels => without(labels, ['__name__'])
