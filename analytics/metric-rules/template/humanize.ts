// Prometheus's own ways to write a number for people (template/template.go).
import { formatGeneral } from '#stores/metrics/promql/numbers.ts'

const short = (value: number): string => formatGeneral(value, 4)

export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return short(value)
  return scaled(value)
}

function scaled(value: number): string {
  let rest = value
  let prefix = ''
  if (Math.abs(rest) >= 1) {
    for (const one of ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']) {
      if (Math.abs(rest) < 1000) break
      prefix = one
      rest /= 1000
    }
  } else
    for (const one of ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']) {
      if (Math.abs(rest) >= 1) break
      prefix = one
      rest *= 1000
    }
  return `${short(rest)}${prefix}`
}

export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return short(value)
  let rest = value
  let prefix = ''
  for (const one of ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi']) {
    if (Math.abs(rest) < 1024) break
    prefix = one
    rest /= 1024
  }
  return `${short(rest)}${prefix}`
}

export function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return short(value)
  if (value === 0) return `${short(value)}s`
  if (Math.abs(value) < 1) return `${scaled(value)}s`
  const sign = value < 0 ? '-' : ''
  const all = Math.abs(value)
  const whole = Math.trunc(all)
  const [seconds, minutes, hours, days] = [
    whole % 60,
    Math.floor(whole / 60) % 60,
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 86_400),
  ]
  if (days > 0) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`
  if (hours > 0) return `${sign}${hours}h ${minutes}m ${seconds}s`
  if (minutes > 0) return `${sign}${minutes}m ${seconds}s`
  return `${sign}${short(all)}s`
}

export function humanizePercentage(value: number): string {
  return `${short(value * 100)}%`
}
