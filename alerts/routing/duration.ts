import { z } from 'zod'

/** Prometheus's durations: the units from large to small, each once. `0` needs none. */
const pattern = /^(?=.)(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/
const unitsMs = [365 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1000, 1]

/** Milliseconds of `30s`, `1h30m`. */
export const durationMs = z.string().transform((text, context) => {
  const parts = text === '0' ? [] : pattern.exec(text)?.slice(1)
  if (!parts) {
    context.addIssue({ code: 'custom', message: 'write a duration: 30s, 5m, 4h' })
    return z.NEVER
  }
  return parts.reduce((sum, part, unit) => sum + Number(part ?? 0) * unitsMs[unit]!, 0)
})

export function durationText(ms: number): string {
  let left = ms
  let text = ''
  unitsMs.forEach((unit, at) => {
    // As Prometheus writes them: years and weeks only when nothing is left.
    if (at < 2 && left % unit !== 0) return
    const count = Math.floor(left / unit)
    if (count > 0) text += `${count}${['y', 'w', 'd', 'h', 'm', 's', 'ms'][at]}`
    left -= count * unit
  })
  return text || '0s'
}
