import { readFileSync } from 'node:fs'
import { readRuleFile } from '#analytics/metric-rules/index.ts'
import { systemClock } from '#core/clock.ts'
import { formatDuration, parseDuration } from '#core/duration.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { type Command, misuse, print } from './command.ts'
import { timeOf } from './time.ts'

interface Answer {
  fired: number
  firingMs: number
  anyFiringMs: number
  pendingOnly: number
  evaluations: number
  episodes: { labels: Record<string, string>; firedAtMs: number | null; endedAtMs: number | null }[]
}

export const backtest: Command = {
  usage:
    'guanlan backtest --rule FILE[:ALERT] | --expr PROMQL [--for 5m] [--keep-firing-for 0s] [--from TIME] [--to TIME] [--step 1m] [--url http://127.0.0.1:7700] [--json]',
  describe:
    'When an alerting rule would have fired over stored history, how often and for how long. TIME: Unix seconds, RFC 3339 or an age such as 1d. The token is read from GUANLAN_TOKEN',
  options: ['rule', 'expr', 'for', 'keep-firing-for', 'from', 'to', 'step', 'url'],
  async run({ options, json }) {
    const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
    const rules =
      text('rule') === undefined
        ? [
            {
              name: 'expression',
              expr: text('expr') ?? '',
              forMs: parseDuration(text('for') ?? '0')!,
              keepFiringForMs: parseDuration(text('keep-firing-for') ?? '0')!,
              labels: {},
            },
          ]
        : rulesOf(text('rule')!)
    if (rules.length === 0 || rules[0]!.expr === '') return misuse(this)
    const nowMs = systemClock.nowMs()
    const url = `${(text('url') ?? process.env['GUANLAN_URL'] ?? 'http://127.0.0.1:7700').replace(/\/$/, '')}/api/rules/backtest`
    const token = process.env['GUANLAN_TOKEN']
    let failed = false
    for (const { name, expr, forMs, keepFiringForMs, labels } of rules) {
      const body = {
        ...{
          expr,
          labels,
          for: formatDuration(forMs),
          keepFiringFor: formatDuration(keepFiringForMs),
          step: text('step') ?? '1m',
        },
        fromMs: timeOf(text('from') ?? '1d', nowMs),
        toMs: timeOf(text('to') ?? '0', nowMs),
      }
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
      if (!response.ok) {
        failed = true
        console.error(`${name}: ${response.status} ${await response.text()}`)
        continue
      }
      const answer = (await response.json()) as Answer
      print(json, { rule: name, ...answer }, describe(name, answer))
    }
    return failed ? 1 : 0
  },
}

function describe(name: string, answer: Answer): string {
  const lines = [
    `${name}: would have fired ${answer.fired} times, ${formatDuration(answer.anyFiringMs)} in all (${answer.pendingOnly} only pending, ${answer.evaluations} evaluations)`,
  ]
  for (const { labels, firedAtMs, endedAtMs } of answer.episodes) {
    if (firedAtMs === null) continue
    const until = endedAtMs === null ? 'still firing' : `${formatDuration(endedAtMs - firedAtMs)}`
    const { alertname: _, ...rest } = labels
    lines.push(
      `  ${new Date(firedAtMs).toISOString()}  ${until.padEnd(14)} ${Object.entries(rest)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ')}`,
    )
  }
  return lines.join('\n')
}

function rulesOf(given: string) {
  const [, file, alert] = /^(.*?)(?::([^:/\\]+))?$/.exec(given) as unknown as [string, string, string | undefined]
  const { groups, problems } = readRuleFile(file, readFileSync(file, 'utf8'), { intervalMs: 60_000 })
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'))
  const found = groups
    .flatMap(({ rules }) => rules)
    .filter(({ kind, name }) => kind === 'alert' && (alert === undefined || name === alert))
  if (found.length === 0) throw new Error(`no alerting rule ${alert ?? ''} in ${file}`)
  return found
}
