// How likely it is that chance alone would look like this.

/** log10 of at most C(n, k) p^k, which bounds the chance of k or more agreements among n; never above 0. */
export function log10Chance(n: number, k: number, p: number): number {
  if (k <= 0 || p <= 0) return k <= 0 ? 0 : Number.NEGATIVE_INFINITY
  return Math.min(
    0,
    (logFactorial(n) - logFactorial(k) - logFactorial(n - k)) / Math.LN10 + k * Math.log10(Math.min(1, p)),
  )
}

/** Stirling's series; exact enough from 0 on with one more term. */
function logFactorial(n: number): number {
  if (n < 10) {
    let product = 1
    for (let i = 2; i <= n; i++) product *= i
    return Math.log(product)
  }
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n) - 1 / (360 * n ** 3)
}
