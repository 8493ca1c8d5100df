// Near misses: a recorded event with something about it changed, as an attacker or a shipper would. What a rule must not
// overlook and what it must not take for it lie close together, so both readings are held against each other here.
import type { FlatEvent } from '../taxonomy.ts'

/** What an event is of stays, or no rule would be asked any more. */
const routing = new Set(['Channel', 'EventID', 'Provider_Name', 'EventLog', 'eventSource'])

export interface Chance {
  next(): number
}

/** One to three fields changed: case, a dash, a char more or less, cut off, swapped, a list, a number, nothing, gone. */
export function mutated(event: FlatEvent, chance: Chance): FlatEvent {
  const names = Object.keys(event).filter((name) => event[name] !== null && !routing.has(name))
  const copy: Record<string, unknown> = { ...event }
  if (names.length === 0) return copy
  for (let changes = 1 + below(3, chance); changes > 0; changes--) {
    const name = names[below(names.length, chance)]!
    const value = String(copy[name] ?? '')
    const other = names[below(names.length, chance)]!
    const changed = changeOf(value, String(copy[other] ?? ''), chance)
    if (changed === undefined) delete copy[name]
    else copy[name] = changed
    if (chance.next() < 0.05) [copy[name], copy[other]] = [copy[other], copy[name]]
  }
  for (const name in copy) if (copy[name] === undefined) delete copy[name]
  return copy
}

function changeOf(value: string, other: string, chance: Chance): unknown {
  const at = below(value.length, chance)
  const char = value[at] ?? ''
  const changes: (() => unknown)[] = [
    () => value.toUpperCase(),
    () => value.toLowerCase(),
    () =>
      value.slice(0, at) +
      (char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase()) +
      value.slice(at + 1),
    () => value.slice(0, at) + value.slice(at + 1),
    () => value.slice(0, at) + char + value.slice(at),
    () => value.slice(1),
    () => value.slice(0, -1),
    () => value.slice(0, at),
    () => value.slice(at),
    () => value.replace(/[-/]/, '\u2013'),
    () => value.replace(/ -/g, ' /'),
    () => value.replace(/ /g, '  '),
    () => value.replaceAll('\\', '/'),
    () => `${value}\\`,
    () => `${value} `,
    () => value.replace(/[kK]/, '\u212a').replace(/i/, '\u0130'),
    () => `"${value}"`,
    () => '',
    () => null,
    () => undefined,
    () => [value, other],
    () => (Number.isNaN(Number(value)) ? 4624 : Number(value) + 1),
    () => other,
    () => value.slice(0, at) + other + value.slice(at),
  ]
  return changes[below(changes.length, chance)]!()
}

function below(limit: number, chance: Chance): number {
  return Math.floor(chance.next() * limit)
}
