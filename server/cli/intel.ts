import { createReadStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { systemClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import { IndicatorIndex } from '#security/intel/index-of-indicators.ts'
import { matchEvent } from '#security/intel/match.ts'
import { parseFeed } from '#security/intel/parse-feed.ts'
import { type Command, misuse } from './command.ts'

const kinds = ['stix', 'misp', 'csv', 'hosts', 'list'] as const
const indicatorsMax = 5_000_000

export const intel: Command = {
  usage: 'guanlan intel match --feed FILE --kind stix|misp|csv|hosts|list --events FILE.jsonl [--json]',
  describe: 'Looks for the entries of a threat feed in events (one flat ECS document a line); a line per match',
  options: ['feed', 'kind', 'events'],
  async run({ positionals: [verb], options, json }) {
    const { feed, kind, events } = options
    if (verb !== 'match' || typeof feed !== 'string' || typeof events !== 'string') return misuse(this)
    const form = kinds.find((one) => one === kind)
    if (!form) return misuse(this)
    const { indicators, problems } = parseFeed(form, readFileSync(feed, 'utf8'), {
      ...{ label: feed, nowMs: systemClock.nowMs(), indicatorsMax },
    })
    const index = new IndicatorIndex(indicators.map((one) => ({ ...one, feed })))
    const counts = { events: 0, unreadable: 0, matches: 0 }
    let line = 0
    for await (const text of createInterface({ input: createReadStream(events) })) {
      line++
      if (text.trim() === '') continue
      const event = readEvent(text)
      if (!event) {
        counts.unreadable++
        continue
      }
      counts.events++
      for (const { indicator, field, value } of matchEvent(event, index)) {
        counts.matches++
        const found = { line, field, value, indicator: indicator.value, kind: indicator.kind, label: indicator.label }
        console.log(json ? JSON.stringify(found) : `${events}:${line}: ${field} ${value} (${indicator.label})`)
      }
    }
    const left = Object.entries(problems).map(([reason, count]) => `${count} ${reason}`)
    console.error(
      `${counts.matches} matches in ${counts.events} events (${counts.unreadable} unreadable), ${index.size} indicators${left.length > 0 ? `, left out: ${left.join(', ')}` : ''}`,
    )
    return 0
  },
}

/** Nested documents are flattened; a time as text is read. */
function readEvent(text: string): Event | undefined {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined
  const flat: Record<string, unknown> = Object.create(null)
  const walk = (at: object, prefix: string, depth: number): void => {
    for (const [name, value] of Object.entries(at)) {
      if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < 32)
        walk(value, `${prefix}${name}.`, depth + 1)
      else flat[prefix + name] = value
    }
  }
  walk(data, '', 0)
  const time = flat['@timestamp']
  flat['@timestamp'] = typeof time === 'number' ? time : Date.parse(String(time ?? '')) || systemClock.nowMs()
  return flat as Event
}
