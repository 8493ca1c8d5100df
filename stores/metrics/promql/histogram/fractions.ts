// 2^(i/256 − 1), as Prometheus has it in a table (model/histogram/generic.go): its numbers lie a few units of the last place
// beside the nearest ones, and bounds that are shown and compared must be the same to the last digit.

/** Units below (a: one, b: two …) and above (1). */
const beside = [
  '000000a000a0000000ab00aaaaaaaaaa00a000a00aaa00aa00aa01aa00aa00aa',
  '000000aaaabba0ba00a000a0000a0000000a0100a0bb00aa0aaa00a0a0bbaaaa',
  'a0a0aabbaabaa0aaaaaaaabababbbabb00aa00a0aabba0bbaabba0aababbaaba',
  'aacbaababbcbbbcbbbbbbbccccddcbdcaabaabbbbaccaabbbacbaabbbbdcbbcc',
].join('')

export const fractions: Float64Array = made()

function made(): Float64Array {
  const values = Float64Array.from(beside, (_, i) => 2 ** (i / 256 - 1))
  const bits = new BigInt64Array(values.buffer)
  for (const [i, mark] of [...beside].entries()) bits[i]! += BigInt('edcba01'.indexOf(mark) - 'edcba'.length)
  return values
}
