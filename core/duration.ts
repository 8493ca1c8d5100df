// Durations as Prometheus writes them: 1h30m, 500ms, 7d.

const unitMs: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}

/** @returns milliseconds, or undefined when the text is no duration. Units must go from large to small, each once. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text)
  if (!match || text === '') return undefined
  const units = ['y', 'w', 'd', 'h', 'm', 's', 'ms']
  return units.reduce((sum, unit, i) => sum + Number(match[i + 1] ?? 0) * unitMs[unit]!, 0)
}

/** The shortest Prometheus form: 5400000 → `1h30m`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s'
  let rest = Math.round(durationMs)
  let text = ''
  for (const unit of ['w', 'd', 'h', 'm', 's', 'ms']) {
    const size = unitMs[unit]!
    if ((unit === 'w' || unit === 'd') && rest % size !== 0) continue
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}
