// A fact's signature: one bit per filter of the plan, then one bit per measure that the fact has no number for.
import type { Fact } from '../contract.ts'
import type { Plan } from '../definitions/plan.ts'
import type { Rational } from '../rational.ts'

export interface Signed {
  bits: number
  /** One per measure; 0 where it is missing. */
  amounts: (Rational | undefined)[]
}

export function signatureOf(plan: Plan, fields: Fact['fields']): Signed {
  let bits = 0
  for (let i = 0; i < plan.atoms.length; i++) if (plan.atoms[i]!.matches(fields)) bits |= 1 << i
  const amounts = plan.measures.map(({ text, measure }) => (text === '' ? one : measure.evaluate(fields)))
  amounts.forEach((amount, i) => {
    if (!amount) bits |= 1 << (plan.atoms.length + i)
  })
  return { bits, amounts }
}

const one: Rational = { n: 1n, d: 1n }
