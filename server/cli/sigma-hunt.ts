// Rules over the stored history of a running server.
import { readFileSync, statSync } from 'node:fs'
import { systemClock } from '#core/clock.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { eachRuleFile } from '#security/sigma/load.ts'
import type { CommandInput } from './command.ts'
import { timeOf } from './time.ts'

type Line =
  | { kind: 'problem'; file: string; line: number; cause: string; hint: string }
  | { kind: 'match' }
  | { kind: 'progress'; reachedMs: number; events: number; matches: number }
  | ({ kind: 'summary' } & Summary)
  | { kind: 'failed'; code: string; message: string; hint: string }

interface Summary {
  events: number
  matches: number
  narrowed: boolean
  fromMs: number
  toMs: number
  rules: { title: string; id: string; level: string; matches: number; days: { dayMs: number; matches: number }[] }[]
}

const progressEveryMs = 1000

/** A JSON line for each match on stdout; progress, problems and the summary on stderr, or as JSON too with --json. */
export async function huntHistory({ options, lists, json }: CommandInput): Promise<number> {
  const given = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const nowMs = systemClock.nowMs()
  const [fromMs, toMs] = [timeOf(given('from') ?? '7d', nowMs), timeOf(given('to') ?? '0s', nowMs)]
  const { ids, files } = await chosen(lists['rule'] ?? [], given('rules'))
  const url = `${(given('url') ?? process.env['GUANLAN_URL'] ?? 'http://127.0.0.1:7700').replace(/\/$/, '')}/api/security/hunt`
  const token = process.env['GUANLAN_TOKEN']
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({
      ...{ ids, files, fromMs, toMs, matches: Number(given('matches') ?? 1000) },
      narrow: given('narrow') !== 'false',
    }),
  })
  if (!response.ok || !response.body) {
    console.error(`${response.status} ${await response.text()}`)
    return 1
  }
  let failed = false
  let toldMs = nowMs
  for await (const line of linesOf(response.body)) {
    switch (line.kind) {
      case 'match':
        console.log(JSON.stringify(line))
        break
      case 'problem':
        failed = true
        console.error(formatProblem(line))
        break
      case 'failed':
        failed = true
        console.error(`${line.message}\n${line.hint}`)
        break
      case 'progress':
        if (systemClock.nowMs() - toldMs < progressEveryMs) break
        toldMs = systemClock.nowMs()
        console.error(
          `${Math.floor((100 * (line.reachedMs - fromMs)) / (toMs - fromMs))} %: ${line.events} events, ${line.matches} matches`,
        )
        break
      case 'summary':
        if (json) console.log(JSON.stringify(line))
        else console.error(describe(line))
    }
  }
  return failed ? 1 : 0
}

function describe({ rules, events, matches, narrowed, fromMs, toMs }: Summary): string {
  const span = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`
  return [
    ...rules.flatMap(({ title, level, matches: of, days }) => [
      `${String(of).padStart(8)}  ${level.padEnd(13)} ${title}`,
      ...days.map(({ dayMs, matches: on }) => `${''.padStart(10)}${new Date(dayMs).toISOString().slice(0, 10)} ${on}`),
    ]),
    `${matches} matches from ${span}; ${events} events looked at${narrowed ? ', the store left out what cannot match' : ''}`,
  ].join('\n')
}

/** `--rules` names files, a directory or an archive; `--rule` an id in force. */
async function chosen(
  ids: readonly string[],
  path: string | undefined,
): Promise<{ ids: readonly string[]; files: { file: string; text: string }[] }> {
  const files: { file: string; text: string }[] = []
  if (path !== undefined && statSync(path).isFile() && /\.ya?ml$/.test(path))
    files.push({ file: path, text: readFileSync(path, 'utf8') })
  else if (path !== undefined)
    for (const problem of await eachRuleFile(path, (file, text) => files.push({ file, text })))
      console.error(formatProblem(problem))
  return { ids, files }
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const part of body) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop()!
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Line
  }
}
