// Signs that have nothing to do with one another meet now and then where a unit has both as habits. How often is told by the
// cases that have one of them: with odds that do not change from one to the other, n(both) = n(first) · n(second) ÷ n(neither).
import { apart, judged, suspect } from './case-rules.ts'
import type { UnitRows } from './unit-rows.ts'

/** Of each row which habits it has, a bit each; `noHabits` where they could not meet. */
export type HabitsOf = (rows: UnitRows) => Uint8Array
export const noHabits = 255

/** Of two to four habits, a bit each. */
const patterns = 16
/** Where no case has neither, half a one is taken for it. */
const unseen = 0.5

export class HabitCounts {
  #counts = new Uint32Array(patterns)

  add(habits: number): void {
    this.#counts[habits]!++
  }

  /** How many cases would have two of them by chance. */
  get expected(): number {
    let sum = 0
    for (let first = 1; first < patterns; first *= 2)
      for (let second = first * 2; second < patterns; second *= 2) sum += this.#meeting(first, second)
    return sum
  }

  #meeting(first: number, second: number): number {
    const [neither, one, other] = [this.#counts[0]!, this.#counts[first]!, this.#counts[second]!]
    const both = this.#counts[first + second]!
    // What most cases have that have nothing else is no sign.
    if (other > neither && (other >= both || neither + one === 0)) return ((one + both) * other) / (neither + other)
    if (one > neither && (one >= both || neither + other === 0)) return ((other + both) * one) / (neither + one)
    return (one * other) / (neither + unseen)
  }
}

/** A rule that means the cases that have two of the habits or more. */
export function meeting(habitsOf: HabitsOf): { habitsOf: HabitsOf; of(rows: UnitRows): Uint8Array } {
  return {
    habitsOf,
    of: (rows) =>
      habitsOf(rows).map((habits) =>
        // More than one bit is set.
        habits === noHabits ? apart : (habits & (habits - 1)) === 0 ? judged : suspect,
      ),
  }
}
