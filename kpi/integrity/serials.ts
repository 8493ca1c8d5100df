// Numbers of cases that run on: only where a unit counts its own cases one by one can a number be missing.

export interface Span {
  low: number
  high: number
}

const countMin = 30
/** Numbers run on when so many of them are there. */
const denseMin = 0.6
/** A few numbers of another kind, at either end, do not matter. */
const trimmed = 0.01

/**
 * @param serials number at the end of each id, NaN where there is none
 * @param prefixes what comes before it
 * @returns of each prefix whose numbers run on, from where to where
 */
export function serialSpans(serials: readonly number[], prefixes: readonly number[]): Map<number, Span> {
  const byPrefix = new Map<number, number[]>()
  for (let i = 0; i < serials.length; i++) {
    if (!Number.isFinite(serials[i]!)) continue
    const list = byPrefix.get(prefixes[i]!)
    if (list) list.push(serials[i]!)
    else byPrefix.set(prefixes[i]!, [serials[i]!])
  }
  const spans = new Map<number, Span>()
  for (const [prefix, list] of byPrefix) {
    if (list.length < countMin) continue
    list.sort((a, b) => a - b)
    const cut = Math.ceil(list.length * trimmed)
    const [low, high] = [list[cut]!, list[list.length - 1 - cut]!]
    if (list.length - 2 * cut > (high - low) * denseMin) spans.set(prefix, { low, high })
  }
  return spans
}
