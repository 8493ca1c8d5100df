import { z } from 'zod'

/** Prometheus's durations: the units from large to small, each once. `0` needs none. */
const pattern = /^(?=.)(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/
const unitsMs = [365 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1000, 1]

/** Milliseconds of `30s`, `1h30m`. */
export const durationMs = z.union([z.string(), z.number()]).transform((given, context) => {
  const text = String(given)
  const parts = text === '0' ? [] : pattern.exec(text)?.slice(1)
  if (!parts) {
    context.addIssue({ code: 'custom', message: 'write a duration: 30s, 5m, 4h' })
    return z.NEVER
  }
  return parts.reduce((sum, part, unit) => sum + Number(part ?? 0) * unitsMs[unit]!, 0)
})
