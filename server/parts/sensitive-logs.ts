// What is known of sensitive data in logs, as it is shown.
import { createHash } from 'node:crypto'
import { leakQuery } from '#security/sensitive/logs/finding.ts'
import { hourMs, isByChance, type Leak } from '#security/sensitive/logs/leaks.ts'
import { allowanceOf, isOver } from '#security/sensitive/logs/watch.ts'
import type { SensitiveData } from './sensitive-data.ts'

const leaksShownMax = 500
const bucketHours = 4
const buckets = 42

export function logsOf(
  { logs, rules, dictionary }: Pick<SensitiveData, 'logs' | 'rules' | 'dictionary'>,
  isShown: (leak: Leak) => boolean,
  nowMs: number,
) {
  const levels = new Map(dictionary.map(({ kind, level }) => [kind, level]))
  const { allowed } = rules.current
  const shown = [...logs.leaks.all()]
    .filter((leak) => leak.events > 0 && isShown(leak))
    .map((leak) => ({ leak, level: levels.get(leak.kind) ?? 1 }))
    .sort((a, b) => b.level - a.level || b.leak.lastMs - a.leak.lastMs)
  const one = ({ leak, level }: (typeof shown)[number]) => {
    const { collector, dataset, host, service, region, department, kind, firstMs, lastMs, lastEventMs } = leak
    const told = [...leak.told.values()].map(({ ms }) => ms)
    return {
      id: idOf(leak),
      ...{ collector, dataset, host, service, region, department, kind, level, firstMs, lastMs, lastEventMs },
      ...{ events: leak.events, values: leak.values, eventIds: leak.eventIds, query: leakQuery(leak) },
      fields: [...leak.fields]
        .map(([name, field]) => {
          const allowance = allowanceOf(allowed, leak, name, nowMs)
          return {
            ...{ name, ...field, isByChance: isByChance(field) },
            allowed: allowance ? { reason: allowance.reason, until: allowance.until } : null,
          }
        })
        .sort((a, b) => b.values - a.values),
      trend: trendOf(leak, nowMs),
      toldMs: told.length > 0 ? Math.max(...told) : null,
    }
  }
  const { events, cut, sinceMs, forgotten } = logs.totals()
  return {
    ...{ events, cut, sinceMs, forgotten, bucketMs: bucketHours * hourMs },
    leaks: shown.slice(0, leaksShownMax).map(one),
    more: Math.max(0, shown.length - leaksShownMax),
    allowed: allowed.map(({ kinds, reason, until, ...places }) => ({
      ...{ kinds, reason, until, isOver: isOver({ kinds, reason, until }, nowMs) },
      ...given(places),
    })),
  }
}

/** Stays the same for as long as the source is known; names nothing. */
function idOf({ collector, dataset, host, service, region, department, kind }: Leak): string {
  const text = [collector, dataset, host, service, region, department, kind].join('\n')
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}

function trendOf({ hours }: Leak, nowMs: number): number[] {
  const trend = new Array<number>(buckets).fill(0)
  const last = Math.floor(nowMs / hourMs / bucketHours)
  for (const [hour, events] of hours) {
    const at = buckets - 1 - (last - Math.floor(hour / bucketHours))
    if (at >= 0 && at < buckets) trend[at]! += events
  }
  return trend
}

function given<T extends object>(places: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(places).filter(([, value]) => value !== undefined)) as never
}
