// What the grade of a figure stands on, counted.
export interface UnitFacts {
  cases: number
  /** Cases of which somebody else should have seen something, and could have. */
  corroborable: number
  corroborated: number
  /** Cases whose expected telemetry was out or not connected. */
  blind: number
  closed: number
  /** Of these, reported within two days, as machines do. */
  prompt: number
}

export function emptyFacts(): UnitFacts {
  return { cases: 0, corroborable: 0, corroborated: 0, blind: 0, closed: 0, prompt: 0 }
}

export function addFacts(to: UnitFacts, from: UnitFacts): void {
  for (const name of Object.keys(to) as (keyof UnitFacts)[]) to[name] += from[name]
}
