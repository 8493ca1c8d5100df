// What a source's connections showed, in words.
import type { Finding, Severity } from '#core/finding.ts'
import { sayBytes } from '../behaviour/bytes.ts'
import type { FlowReport } from './flows.ts'

const resolveAfterMs = 2 * 3_600_000
const card = 'docs/models/flow.md'

const words: Record<
  FlowReport['kind'],
  { severity: Severity; tactic: string; title: [string, string]; what: [string, string] }
> = {
  strange: {
    ...{ severity: 'medium', tactic: 'discovery' },
    title: [
      '{source}: {n} of {of} services it turned to are strange for this site',
      '{source}：所访问的 {of} 个服务中有 {n} 个在本站点不常见',
    ],
    what: [
      'Their size, length, outcome or what came before them hardly occurs here, for that service. The last one: {service} of {destination}.',
      '其流量、时长、结果或前后关系在此处对该服务而言极少出现。最近一个：{destination} 的 {service}。',
    ],
  },
  'port-scan': {
    ...{ severity: 'medium', tactic: 'discovery' },
    title: ['{source} tried {value} ports within an hour', '{source} 一小时内尝试了 {value} 个端口'],
    what: [
      'At most {most} in the {hours} hours before. The last one on {destination}.',
      '此前 {hours} 个小时中最多为 {most} 个。最近一个位于 {destination}。',
    ],
  },
  spread: {
    ...{ severity: 'high', tactic: 'lateral-movement' },
    title: ['{source} turned to {value} machines within an hour', '{source} 一小时内连接了 {value} 台主机'],
    what: [
      'At most {most} in the {hours} hours before. The last one: {destination}.',
      '此前 {hours} 个小时中最多为 {most} 台。最近一台：{destination}。',
    ],
  },
  beacon: {
    ...{ severity: 'medium', tactic: 'command-and-control' },
    title: [
      '{source} reports to {destination}:{port} every {seconds} s',
      '{source} 每 {seconds} 秒连接 {destination}:{port}',
    ],
    what: [
      '{times} times in a row, with a jitter of {jitter} %; {users} machine(s) here turn to it. Updates and monitoring do the same: look at which program it is.',
      '已连续 {times} 次，抖动 {jitter} %；此处共有 {users} 台主机连接该地址。系统更新与监控亦会如此：请确认是哪个程序。',
    ],
  },
  leak: {
    ...{ severity: 'high', tactic: 'exfiltration' },
    title: ['{source} sent {out} out within an hour', '{source} 一小时内向外发送 {out}'],
    what: [
      'It received {in} back, and sent at most {most} in an hour of the {hours} active ones before. The last to {destination}.',
      '同期仅收到 {in}；此前 {hours} 个活动小时中每小时最多发送 {most}。最近发往 {destination}。',
    ],
  },
}

/** @param known the machine as the inventory has it: the alert then is about it, by whatever address it was seen */
export function flowFinding(report: FlowReport, known?: { id: string; name: string }): Finding {
  const { kind, source, bits, threshold, atMs, fromMs, eventIds } = report
  const { severity, tactic, title, what } = words[kind]
  const called = known && known.name !== source ? `${known.name} (${source})` : source
  const values: Record<string, string | number> = { ...report.values, source: called }
  for (const name of ['out', 'in', ...(kind === 'leak' ? ['most'] : [])])
    if (name in values) values[name] = sayBytes(Number(values[name]))
  const fill = (text: string): string => text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]))
  return {
    rule: `flow/${kind}`,
    title: fill(title[0]),
    description: fill(what[0]),
    severity,
    state: 'active',
    labels:
      kind === 'beacon'
        ? { 'source.ip': source, destination: `${report.destination}:${report.port}` }
        : { 'source.ip': source },
    annotations: {
      ...{ category: 'security', tactics: tactic, 'model.id': 'flow', 'model.card': card },
      'title.zh': fill(title[1]),
      'description.zh': fill(what[1]),
      'model.score': `${bits.toFixed(1)} bit`,
    },
    ...{ atMs, forMs: 0, resolveAfterMs },
    entities: [known?.id ?? `host:${source}`],
    evidence: {
      query: `source.ip: ${JSON.stringify(source)} and destination.ip: *`,
      ...{ language: 'kql', fromMs, toMs: atMs + 1, eventIds },
      ...{ value: Math.round(bits * 10) / 10, threshold },
    },
  }
}
