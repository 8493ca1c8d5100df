// A rule whose p-values are too small for honest units is discounted by itself, so that it does not raise the bar for all the
// others: an empirical null of each rule (Efron 2004). -ln p of an exact test is exponential of mean 1; what is estimated is the
// mean among units that are neither usual nor far outside, so that those who fabricate do not discount the rule that sees them.

/** -ln p between these is looked at: p from 0.3 down to 0.01. */
const from = -Math.log(0.3)
const to = -Math.log(0.01)
/** What is taken for likely beforehand: exact, give or take a third. */
const priorWidth = 0.3
const stretchMax = 4
const steps = 28
/** Fewer do not say anything. */
const unitsMin = 40

/** @returns by what -ln p is to be divided: 1 when tests are exact or conservative, more when honest units lie further out */
export function stretchOf(pValues: readonly number[]): number {
  if (pValues.length < unitsMin) return 1
  const width = to - from
  let [count, sum] = [0, 0]
  for (const p of pValues) {
    const beyond = -Math.log(Math.max(1e-300, p)) - from
    if (beyond < 0 || beyond > width) continue
    count++
    sum += beyond
  }
  // Most likely mean of an exponential that is cut off at `width`, on a grid from 1 up.
  let [best, found] = [Number.NEGATIVE_INFINITY, 1]
  for (let step = 0; step <= steps; step++) {
    const mean = stretchMax ** (step / steps)
    const likelihood =
      -sum / mean -
      count * (Math.log(mean) + Math.log1p(-Math.exp(-width / mean))) -
      Math.log(mean) ** 2 / (2 * priorWidth ** 2)
    if (likelihood > best) [best, found] = [likelihood, mean]
  }
  return found
}
