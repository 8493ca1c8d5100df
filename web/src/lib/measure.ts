// How a measured value is written, and what its unit is called.
import { bytes, count, percent } from './format.ts'
import type { Key } from './i18n/index.svelte.ts'
import type { Measured } from './promql/unit.ts'

const thin = '\u2009'

const unitKeys = {
  bytes: 'metrics.unit.bytes',
  seconds: 'metrics.unit.seconds',
  ratio: 'metrics.unit.ratio',
  percent: 'metrics.unit.percent',
} as const

export function formatOf({ unit, perSecond }: Measured): (value: number) => string {
  if (unit === 'bytes') return perSecond ? (value) => `${bytes(value)}/s` : bytes
  if (unit === 'ratio') return percent
  if (unit === 'percent') return (value) => `${count(value)}${thin}%`
  if (unit === 'seconds') return seconds
  return perSecond ? (value) => `${count(value)}/s` : count
}

export function unitKeyOf({ unit, perSecond }: Measured): Key | undefined {
  if (unit === 'bytes' && perSecond) return 'metrics.unit.bytesRate'
  if (unit !== '') return unitKeys[unit]
  return perSecond ? 'metrics.unit.perSecond' : undefined
}

function seconds(value: number): string {
  const size = Math.abs(value)
  if (size === 0 || size >= 1 || !Number.isFinite(size)) return `${count(value)}${thin}s`
  return size >= 0.001 ? `${count(value * 1000)}${thin}ms` : `${count(value * 1e6)}${thin}µs`
}
