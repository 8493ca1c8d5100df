import { readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { CodedError } from '#core/errors.ts'
import { decodeText } from '#core/text-bytes.ts'
import { correlate } from '#security/correlate/correlate.ts'
import { measure, Phases } from '#security/correlate/labels.ts'
import { readAlerts } from '#security/correlate/read.ts'
import { readTactics } from '#security/correlate/tactics.ts'
import { findRules } from '../config.ts'
import { type Command, misuse } from './command.ts'

const bytesMax = 512 * 1024 * 1024

export const security: Command = {
  usage: 'guanlan security correlate FILE [--labels PHASES.json] [--language en|zh] [--json]',
  describe: 'Makes incidents of an alert list (CSV with a heading or JSON lines, also gzip) and tells their stories',
  options: ['labels', 'language'],
  async run({ positionals: [verb, file], options, json }) {
    if (verb !== 'correlate' || !file) return misuse(this)
    const language = options['language'] === 'zh' ? 'zh' : 'en'
    const { alerts, refused } = readAlerts(readMaybeGzip(file))
    const { incidents, counts } = correlate(alerts, readTactics(findRules('rules/security/tactics.yml')))
    const drafts = incidents.map((incident) => incident.draft(language))
    const days = Math.max(1, ((alerts.at(-1)?.atMs ?? 0) - (alerts[0]?.atMs ?? 0)) / 86_400_000)
    const summary = {
      ...counts,
      refused,
      fewerPercent: alerts.length === 0 ? 0 : Number((100 * (1 - drafts.length / alerts.length)).toFixed(3)),
      perDay: Number((drafts.length / days).toFixed(1)),
    }
    const byId = new Map(alerts.map((alert) => [alert.id, alert]))
    const labels = typeof options['labels'] === 'string' ? readPhases(options['labels'], file) : undefined
    const measured =
      labels &&
      measure(
        incidents.map(({ alertIds }) => alertIds.map((id) => byId.get(id)!)),
        labels,
      )
    if (json) {
      for (const draft of drafts) console.log(JSON.stringify(draft))
      console.log(JSON.stringify({ summary, ...(measured ? { measured } : {}) }))
      return 0
    }
    for (const draft of drafts) {
      const times = `${stamp(draft.startedMs)} ${language === 'zh' ? '至' : 'to'} ${stamp(draft.lastMs)}`
      console.log(`\n${draft.severity.toUpperCase()} ${draft.score}  ${draft.title}\n  ${times}  ${draft.key}`)
      for (const { atMs, text } of draft.story.slice(0, 20)) console.log(`  ${stamp(atMs)}  ${text}`)
      if (draft.story.length > 20) console.log(`  and ${draft.story.length - 20} more`)
    }
    console.log(
      `\n${summary.alerts} alerts, ${summary.incidents} incidents (${summary.fewerPercent} % fewer, ${summary.perDay} a day)`,
    )
    for (const [reason, count] of Object.entries(refused)) console.log(`${count} rows refused: ${reason}`)
    if (measured)
      console.log(
        `${measured.phasesSeen.length} of ${measured.phases} phases inside an incident; ${measured.withAttack} of ${measured.items} incidents hold an attack${measured.phasesMissed.length > 0 ? `; missed: ${measured.phasesMissed.join(', ')}` : ''}`,
      )
    return 0
  },
}

function readMaybeGzip(file: string): string {
  if (statSync(file).size > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
  const bytes = readFileSync(file)
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  return decodeText(isGzip ? gunzipSync(bytes, { maxOutputLength: bytesMax }) : bytes)
}

/** A file of phases, or of scenarios of which one is named like the alert file. */
function readPhases(labels: string, file: string) {
  const data = JSON.parse(readFileSync(labels, 'utf8')) as { scenarios?: Record<string, unknown> }
  const scenario = Object.keys(data.scenarios ?? {}).find((name) => file.includes(name))
  return Phases.parse(scenario ? data.scenarios![scenario] : data)
}

const stamp = (atMs: number): string => new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')
