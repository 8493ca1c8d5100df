// A condition that a store may use to leave out events that cannot be wanted, where it can tell that faster than the one
// who asks. It is necessary, not sufficient: who asks looks at every event that comes.
export type MayHold =
  | { any: readonly MayHold[] }
  | { all: readonly MayHold[] }
  /** One of the fields holds the text somewhere, upper or lower case. The text is printable ASCII in lower case. */
  | { fields: readonly string[]; text: string }

/** How many texts it asks for. */
export function textsIn(condition: MayHold): number {
  if ('text' in condition) return 1
  return ('any' in condition ? condition.any : condition.all).reduce((sum, one) => sum + textsIn(one), 0)
}
