import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeText } from '#core/text-bytes.ts'
import type { SeenAlert } from './alert.ts'
import { correlate } from './correlate.ts'
import { Correlator, correlatorDefaults } from './correlator.ts'
import { measure, Phases } from './labels.ts'
import { readAlerts } from './read.ts'
import type { Incident } from './story.ts'
import { readTactics } from './tactics.ts'
import { timeOf } from './values.ts'

const tacticOf = readTactics('rules/security/tactics.yml')
const folder = '../shared/data/attacks/alerts'
const hourMs = 3_600_000
const alert = (atMs: number, name: string, host: string, n: number): SeenAlert => ({
  id: String(n),
  atMs,
  name,
  entities: [`host:${host}`],
  severity: 'medium',
})

/** Two days of an hourly chore on three hosts, then a scan and a sudo on one of them. */
function twoDays(): SeenAlert[] {
  const all: SeenAlert[] = []
  for (let hour = 0; hour < 48; hour++)
    for (const host of ['a', 'b', 'c']) all.push(alert(hour * hourMs, 'signature update', host, all.length))
  for (let i = 0; i < 500; i++) all.push(alert(46.5 * hourMs + i * 100, 'port scan', 'b', all.length))
  all.push(alert(46.6 * hourMs, 'sudo to root', 'b', all.length))
  return all.sort((a, b) => a.atMs - b.atMs)
}

describe('the correlation', () => {
  it('is quiet about chores and makes one incident of what was never seen, in the order of the chain', () => {
    const { incidents, counts } = correlate(twoDays(), tacticOf)
    const last = incidents.at(-1)!.draft()
    expect(counts.alerts).toBe(48 * 3 + 501)
    expect(incidents.filter(({ startedMs }) => startedMs > 12 * hourMs)).toHaveLength(1)
    expect(last.tactics).toEqual(['reconnaissance', 'privilege-escalation'])
    expect(last.entities[0]).toBe('host:b')
    expect(last.story.map(({ text }) => text)[0]).toContain('port scan, 500 times')
    expect(incidents.at(-1)!.draft('zh').title).toContain('从侦察到权限提升')
  })

  it('tells a story in the titles of rules and in the order of time, not in their identifiers', () => {
    const told = new Map<string, Incident>()
    const correlator = new Correlator(
      { ...correlatorDefaults, chainMs: hourMs },
      { tacticOf, onIncident: (one) => void told.set(one.key, one) },
    )
    const rule = (
      atMs: number,
      name: string,
      words: string,
      tactic: SeenAlert['tactic'],
      title = { en: words, zh: words },
    ) => correlator.push({ ...alert(atMs, name, 'vm', atMs), title, severity: 'high', ...(tactic ? { tactic } : {}) })
    rule(0, 'events/ssh', 'Password guessing on vm.', 'credential-access')
    rule(1000, 'sigma/241ba4e8', 'Logs deleted through sudo', 'defense-evasion')
    const [incident] = [...told.values()]
    expect(incident!.draft()).toMatchObject({
      title: 'From credential access to defense evasion on vm',
      story: [
        { text: 'Password guessing on vm; never seen there before (credential access)' },
        { text: 'vm: Logs deleted through sudo; never seen there before (defense evasion)' },
      ],
    })
    expect(incident!.draft('zh').title).toBe('vm：从凭据获取到防御规避')
  })

  it('reads tactics from names in either language, and no word out of the middle of another', () => {
    const names = {
      ...{ 'Web漏洞扫描-Nikto特征': 'reconnaissance', Struts2远程代码执行: 'execution', 卷影副本删除: 'impact' },
      ...{
        内存凭据读取Mimikatz: 'credential-access',
        系统日志被清除: 'defense-evasion',
        反弹Shell: 'command-and-control',
      },
      ...{ 数据库大量导出: 'collection', 'C2 traffic': 'command-and-control', 'EC2 instance started': undefined },
    }
    for (const [name, tactic] of Object.entries(names)) expect([name, tacticOf(name)]).toEqual([name, tactic])
  })

  it('knows from the first alert on what rules say themselves: two tactics on one host are one incident', () => {
    const incidents = new Map<string, Incident>()
    const correlator = new Correlator(
      { ...correlatorDefaults, chainMs: hourMs },
      { tacticOf, onIncident: (one) => void incidents.set(one.key, one) },
    )
    const high = (atMs: number, host: string, tactic: SeenAlert['tactic'], severity: SeenAlert['severity'] = 'high') =>
      correlator.push({ ...alert(atMs, `rule ${tactic}`, host, atMs), severity, ...(tactic ? { tactic } : {}) })
    high(0, 'a', 'credential-access')
    high(1000, 'b', 'credential-access')
    high(2000, 'a', undefined)
    high(3000, 'b', 'initial-access', 'medium')
    expect(incidents.size).toBe(0)
    high(4000, 'a', 'defense-evasion')
    expect([...incidents.values()].map((one) => one.draft())).toMatchObject([
      {
        severity: 'high',
        entities: ['host:a'],
        tactics: ['defense-evasion', 'credential-access'],
        alerts: ['0', '2000', '4000'],
      },
    ])
    // Who is in an incident is at risk; the others did nothing that adds up; of one minute the first counts most.
    const [first, ...others] = correlator.risks.ranking(4000, 10)
    expect(first).toMatchObject({
      entity: 'host:a',
      reasons: [{ name: 'rule credential-access' }, { name: 'rule defense-evasion' }],
    })
    expect(others).toEqual([])
    high(5000, 'c', 'impact', 'critical')
    expect(incidents.size).toBe(2)
    // What comes again and again is usual there, whatever its rule says.
    for (let half = 4; half < 16; half++)
      for (const tactic of ['credential-access', 'impact'] as const) high(half * hourMs * 0.5, 'd', tactic)
    const onD = [...incidents.values()].filter((one) => one.draft().entities.includes('host:d'))
    expect(onD.map(({ over }) => over)).toEqual([true])
  })

  it('gives the same incidents when hosts have other names and the clock another hour', () => {
    const plain = correlate(twoDays(), tacticOf).incidents.map((one) => one.draft())
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (shiftMs) => {
        const moved = twoDays().map((one) => ({ ...one, atMs: one.atMs + shiftMs, entities: [`${one.entities[0]}-x`] }))
        const drafts = correlate(moved, tacticOf).incidents.map((one) => one.draft())
        expect(drafts.map(({ score, story }) => [score, story.length])).toEqual(
          plain.map(({ score, story }) => [score, story.length]),
        )
        expect(drafts.map(({ startedMs }) => startedMs - shiftMs)).toEqual(plain.map(({ startedMs }) => startedMs))
      }),
      { numRuns: 20 },
    )
  })

  it('shows once what never pauses from the first second on', () => {
    const leak = Array.from({ length: 1000 }, (_, i) => alert(i * 60_000, 'odd domain', 'share', i))
    const { incidents } = correlate(leak, tacticOf)
    expect(incidents).toHaveLength(1)
    expect(incidents[0]!.standingMs).toBeGreaterThan(0)
  })

  it('keeps its memory bounded and counts what it forgot', () => {
    const many = Array.from({ length: 5000 }, (_, i) => alert(i * 1000, `name ${i}`, `host ${i}`, i))
    expect(correlate(many, tacticOf, { pairsMax: 100 }).counts.forgotten).toBeGreaterThanOrEqual(4900)
  })
})

describe('reading alert lists', () => {
  it('maps a heading, and the shapes of ECS, Suricata and Wazuh', () => {
    const csv = readAlerts('time;name;host\n1642723347;x;web\n;y;web\n')
    expect(csv.alerts).toMatchObject([{ atMs: 1642723347000, name: 'x', entities: ['host:web'] }])
    expect(csv.refused).toEqual({ 'no time': 1 })
    const lines = [
      { '@timestamp': '2026-01-02T03:04:05Z', rule: { name: 'e' }, host: { name: 'h1' }, user: { name: 'u' } },
      {
        timestamp: '2026-01-02T03:04:06.000000+0000',
        event_type: 'alert',
        src_ip: '192.0.2.1',
        alert: { signature: 's', severity: 1 },
      },
      { timestamp: '2026-01-02T03:04:07.000+0000', rule: { description: 'w', level: 12 }, agent: { name: 'h2' } },
    ]
    const { alerts } = readAlerts(`${lines.map((one) => JSON.stringify(one)).join('\n')}\nnot json`)
    expect(alerts.map(({ name, severity, entities }) => [name, severity, entities])).toEqual([
      ['e', 'medium', ['host:h1', 'user:u']],
      ['s', 'high', ['host:192.0.2.1']],
      ['w', 'high', ['host:h2']],
    ])
  })

  it('knows seconds, milliseconds, nanoseconds and ISO 8601', () => {
    for (const text of [
      '1642723347',
      '1642723347000',
      '1642723347000000000',
      '2022-01-21T00:02:27Z',
      '2022-01-21 00:02:27',
      '2022-01-21T08:02:27+0800',
      '2022-01-21 08:02:27 +08:00',
      '2022/1/21 00:02:27',
      '2022年1月21日 00:02:27',
      '21/Jan/2022:00:02:27 +0000',
      'Jan 21, 2022 @ 00:02:27.000',
    ])
      expect(timeOf(text), text).toBe(1642723347000)
    for (const text of ['', 'soon', '12', 'NaN', '2022-13-45 99:00:00'])
      expect(timeOf(text) === undefined || timeOf(text) === 12_000, text).toBe(true)
  })

  it('knows the headings of consoles in either language, whatever their case and blanks', () => {
    for (const text of [
      '告警时间,告警名称,源IP,威胁等级,攻击阶段\n2026/1/2 3:04:05,SQL注入,192.0.2.1,高危,Initial Access\n',
      '"Event Time";"Alert Name";"Source IP";"Threat_Level";"Attack Phase"\n2026-01-02 03:04:05;SQL注入;192.0.2.1;HIGH;Initial Access\n',
      '事件时间|事件名称|源地址|级别|攻击阶段\r\n2026年1月2日 03:04:05|SQL注入|192.0.2.1|高|Initial Access\r\n',
    ])
      expect(readAlerts(text).alerts, text).toMatchObject([
        {
          atMs: Date.UTC(2026, 0, 2, 3, 4, 5),
          name: 'SQL注入',
          entities: ['host:192.0.2.1'],
          severity: 'high',
          tactic: 'initial-access',
        },
      ])
  })

  it('finds the list inside a document, and what a search engine wraps around each alert', () => {
    const hit = {
      _source: { '@timestamp': '2026-01-02T03:04:05Z', rule: { description: 'x', level: 13 }, agent: { name: 'h' } },
    }
    const wanted = [{ name: 'x', severity: 'critical', entities: ['host:h'] }]
    expect(readAlerts(JSON.stringify({ took: 1, hits: { hits: [hit] } }, null, 2)).alerts).toMatchObject(wanted)
    expect(readAlerts(JSON.stringify([hit])).alerts).toMatchObject(wanted)
    expect(readAlerts(JSON.stringify(hit)).alerts).toMatchObject(wanted)
    expect(readAlerts(`${JSON.stringify(hit)}\n`).alerts).toMatchObject(wanted)
  })

  it('takes severities up to ten as CVSS divides them, larger ones as hundredths', () => {
    const of = (...severities: (number | string)[]) =>
      readAlerts(`time,name,severity\n${severities.map((one, i) => `${i + 1e9},x,${one}\n`).join('')}`).alerts.map(
        ({ severity }) => severity,
      )
    expect(of(9.8, 7, 4, 1, 0)).toEqual(['critical', 'high', 'medium', 'low', 'info'])
    expect(of(98, 50, 25, 5)).toEqual(['critical', 'high', 'medium', 'low'])
    expect(of('constructor', 'Warning')).toEqual(['medium', 'medium'])
  })

  it('says what it saw when nothing of it is an alert, and takes an empty list for none', () => {
    expect(() => readAlerts('a,b\n1,2\n')).toThrow(/none of its 1 rows has a time and a name.*it has a, b/)
    expect(() => readAlerts('[1, 2')).toThrow(/no JSON/)
    expect(readAlerts('')).toEqual({ alerts: [], refused: {} })
    expect(readAlerts('time,name\n').alerts).toEqual([])
  })

  it('reads GB 18030 and UTF-16 where it is not UTF-8', () => {
    const gb = Uint8Array.from([0xb8, 0xe6, 0xbe, 0xaf, 0x2c, 0x31])
    expect(decodeText(gb)).toBe('告警,1')
    expect(decodeText(Buffer.from('\uFEFF告警', 'utf16le'))).toBe('告警')
    expect(decodeText(Buffer.from('告警'))).toBe('告警')
  })
})

describe.skipIf(!existsSync(folder))(`the given scenarios (needs ${folder})`, () => {
  const { scenarios } = existsSync(folder)
    ? JSON.parse(readFileSync(`${folder}/attack-phases.json`, 'utf8'))
    : { scenarios: {} }
  for (const name of Object.keys(scenarios))
    it(`${name}: a thousandth of the items, every phase inside some incident`, () => {
      const { alerts } = readAlerts(gunzipSync(readFileSync(`${folder}/${name}_alerts.csv.gz`)).toString('utf8'))
      const { incidents } = correlate(alerts, tacticOf)
      const byId = new Map(alerts.map((one) => [one.id, one]))
      const found = measure(
        incidents.map(({ alertIds }) => alertIds.map((id) => byId.get(id)!)),
        Phases.parse(scenarios[name]),
      )
      expect(alerts).toHaveLength(scenarios[name].alerts)
      expect(found.items).toBeLessThanOrEqual(alerts.length / 1000)
      expect(found.phasesMissed).toEqual([])
    })
})
