// M. A whole that moves against all of its parts (Simpson): the figure rose because the mix changed, not the work.
import { compare, rational, subtract, toNumber, zero } from '../rational.ts'
import type { IntegrityFinding } from './finding.ts'

export interface Part {
  name: string
  before: { hits: number; trials: number }
  after: { hits: number; trials: number }
}

/** Parts that are there on both sides; of the others nothing can be said. */
export function mixShift(unit: string, figure: string, parts: readonly Part[]): IntegrityFinding | undefined {
  const both = parts.filter(({ before, after }) => before.trials > 0 && after.trials > 0)
  if (both.length < 2) return undefined
  const rate = (side: 'before' | 'after') =>
    rational(
      both.reduce((sum, one) => sum + one[side].hits, 0),
      both.reduce((sum, one) => sum + one[side].trials, 0),
    )
  const whole = compare(subtract(rate('after'), rate('before')), zero)
  if (whole === 0) return undefined
  const moves = both.map(({ name, before, after }) => ({
    name,
    by: subtract(rational(after.hits, after.trials), rational(before.hits, before.trials)),
  }))
  // Not one part moved with the whole, and at least one moved against it.
  if (moves.some(({ by }) => compare(by, zero) === whole) || moves.every(({ by }) => compare(by, zero) === 0))
    return undefined
  const points = (value: ReturnType<typeof rational>): string => `${(toNumber(value) * 100).toFixed(2)}`
  const change = subtract(rate('after'), rate('before'))
  return {
    ...{ check: 'M', rule: 'mix-shift', unit, pValue: null, statistic: toNumber(change), count: both.length },
    ...{
      seen: null,
      expected: null,
      measure: { en: 'change of the whole against all of its parts', zh: '整体与各部分反向变动' },
    },
    evidence: moves.map(({ name, by }) => `${name} ${points(by)}`),
    question: {
      en: `${figure} ${whole > 0 ? 'rose' : 'fell'} by ${points(change)} points while no part of it did: the mix changed. What was added, left out or counted elsewhere?`,
      zh: `${figure}整体${whole > 0 ? '上升' : '下降'} ${points(change)} 个百分点，而各组成部分均未同向变动，系结构变化所致，增加、减少或改列了什么？`,
    },
  }
}
