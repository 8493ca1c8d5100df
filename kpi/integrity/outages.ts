// Days on which a sensor saw hardly anything of anybody: found from the cases of all units of a city together, so that no unit
// can make one by inventing cases.
import { type Outage, type TraceKind, traceKinds } from './traces.ts'
import type { UnitRows } from './unit-rows.ts'

const msPerDay = 86_400_000
const expectedMin = 20
const unitsMin = 3
/** Seen of what was expected: below is out, when over the whole time it is better than `usualMin`. */
const outMax = 0.1
const usualMin = 0.5

interface Day {
  expected: number
  seen: number
  units: Set<string>
}

/** The day on which a trace of the kind was to be expected. */
export function traceDay(rows: UnitRows, i: number, kind: TraceKind): number {
  return kind === 'logistics' ? rows.closedDay[i]! : rows.openedDay[i]!
}

export const cityOf = (region: string): string => (/^\d{4,}$/.test(region) ? region.slice(0, 4) : region)

export class OutageFinder {
  #days = new Map<string, Day>()
  #whole = new Map<string, Day>()

  add(unit: string, rows: UnitRows, texts: readonly string[]): void {
    for (let i = 0; i < rows.length; i++) {
      const city = cityOf(texts[rows.region[i]!] ?? '')
      for (let at = 0; at < traceKinds.length; at++) {
        if ((rows.expected[i]! & (1 << at)) === 0) continue
        const kind = traceKinds[at]!
        const day = traceDay(rows, i, kind)
        if (!Number.isFinite(day)) continue
        const isSeen = (rows.seen[i]! & (1 << at)) !== 0
        count(this.#days, `${kind}|${city}|${day}`, unit, isSeen)
        count(this.#whole, `${kind}|${city}`, unit, isSeen)
      }
    }
  }

  /** Days next to one another are one outage. */
  find(): Outage[] {
    const found: Outage[] = []
    for (const [key, { expected, seen, units }] of this.#days) {
      if (expected < expectedMin || units.size < unitsMin || seen > expected * outMax) continue
      const [kind, city, day] = key.split('|') as [TraceKind, string, string]
      const whole = this.#whole.get(`${kind}|${city}`)!
      if (whole.seen < whole.expected * usualMin) continue
      const fromMs = Number(day) * msPerDay
      found.push({ kind, region: city, fromMs, toMs: fromMs + msPerDay, source: 'telemetry' })
    }
    found.sort((a, b) =>
      a.kind + a.region < b.kind + b.region ? -1 : a.kind + a.region > b.kind + b.region ? 1 : a.fromMs - b.fromMs,
    )
    const joined: Outage[] = []
    for (const one of found) {
      const last = joined.at(-1)
      if (last && last.kind === one.kind && last.region === one.region && last.toMs === one.fromMs) last.toMs = one.toMs
      else joined.push(one)
    }
    return joined
  }
}

function count(into: Map<string, Day>, key: string, unit: string, isSeen: boolean): void {
  let day = into.get(key)
  if (!day) {
    day = { expected: 0, seen: 0, units: new Set() }
    into.set(key, day)
  }
  day.expected++
  if (isSeen) day.seen++
  if (day.units.size < unitsMin) day.units.add(unit)
}

/** Whether a day of a kind and city is out; days are local. */
export function dayIsOut(outages: readonly Outage[]): (kind: TraceKind, city: string, day: number) => boolean {
  const out = new Set<string>()
  for (const { kind, region, fromMs, toMs } of outages)
    for (let ms = fromMs; ms < toMs; ms += msPerDay) out.add(`${kind}|${region}|${ms / msPerDay}`)
  return (kind, city, day) => out.has(`${kind}|${city}|${day}`)
}
